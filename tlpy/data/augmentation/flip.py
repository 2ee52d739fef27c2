"""Mirroring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from tlpy.components.rules import Share, list_of, one_of
from tlpy.data.augmentation.base import Transform, Values

_AXES = list_of(one_of(0, 1, 2), 1, 3, "a list of different axes, each 0, 1 or 2", distinct=True)


class Flip(Transform):
    """Mirror images. Each axis by itself with probability p.

    Args:
        p: probability of an image and axis.
        axes: which; of a volume in RAS order 0 is left-right, of a picture 0 is up-down and 1 left-right.
    """

    def __init__(self, p: Share = 0.5, axes: Annotated[Sequence[int], _AXES] = (0,)) -> None:
        # Axes are drawn apart from each other, here, not an image as a whole.
        super().__init__(1.0)
        self.each, self.axes = p, tuple(axes)

    def draw(self, random: np.random.Generator, count: int, size: tuple[int, ...]) -> Values:  # noqa: ARG002
        return {"axes": random.random((count, len(self.axes))) < self.each}

    def apply(self, images: Tensor, values: Mapping[str, np.ndarray], background: Tensor) -> Tensor:  # noqa: ARG002
        for place, axis in enumerate(self.axes):
            rows = np.flatnonzero(values["axes"][:, place])
            chosen = torch.from_numpy(rows).to(images.device)
            images = images.index_copy(0, chosen, images[chosen].flip(2 + axis))
        return images
