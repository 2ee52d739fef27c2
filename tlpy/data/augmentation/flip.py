"""Mirroring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from tlpy.data.augmentation.base import Transform, Values


class Flip(Transform):
    """Mirror images. Each axis by itself with probability p.

    Args:
        p: probability of an image and axis.
        axes: which; of a volume in RAS order 0 is left-right, of a picture 0 is up-down and 1 left-right.
    """

    def __init__(self, p: float = 0.5, axes: Sequence[int] = (0,)) -> None:
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
