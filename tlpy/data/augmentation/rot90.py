"""Quarter turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from tlpy.components.rules import Share, list_of, one_of
from tlpy.data.augmentation.base import Transform, Values

_PLANE = list_of(one_of(0, 1, 2), 2, 2, "two different axes, each 0, 1 or 2", distinct=True)


class Rot90(Transform):
    """Turn images by 90, 180 or 270 degrees in a plane; only by 180 where its sides differ.

    Args:
        p: probability of an image.
        axes: the plane.
    """

    dims = (2, 3)

    def __init__(self, p: Share = 0.5, axes: Annotated[Sequence[int], _PLANE] = (0, 1)) -> None:
        super().__init__(p)
        self.axes = (axes[0], axes[1])

    def draw(self, random: np.random.Generator, count: int, size: tuple[int, ...]) -> Values:
        square = size[self.axes[0]] == size[self.axes[1]]
        return {"quarters": random.integers(1, 4, count) if square else np.full(count, 2)}

    def apply(self, images: Tensor, values: Mapping[str, np.ndarray], background: Tensor) -> Tensor:  # noqa: ARG002
        plane = [2 + axis for axis in self.axes]
        for quarters in np.unique(values["quarters"]):
            chosen = torch.from_numpy(np.flatnonzero(values["quarters"] == quarters)).to(images.device)
            images = images.index_copy(0, chosen, torch.rot90(images[chosen], int(quarters), plane))
        return images
