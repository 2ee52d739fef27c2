"""Random crops of the padded image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from tlpy.components.rules import Count, Share
from tlpy.data.augmentation.base import Fill, Transform, Values


class Crop(Transform):
    """Pad every side, then crop at random to the size it had: a shift by whole voxels, not interpolated.

    Args:
        p: probability of an image.
        padding: voxels at each side, and the largest shift.
        fill: what the padding holds: `background`, `edge` or `reflect`.
    """

    def __init__(self, p: Share = 0.5, padding: Count = 4, fill: Fill = "background") -> None:
        super().__init__(p)
        self.padding, self.fill = padding, fill

    def draw(self, random: np.random.Generator, count: int, size: tuple[int, ...]) -> Values:
        return {"start": random.integers(-self.padding, self.padding + 1, (count, len(size)))}

    def apply(self, images: Tensor, values: Mapping[str, np.ndarray], background: Tensor) -> Tensor:
        for axis, n in enumerate(images.shape[2:]):
            at = np.arange(n) + values["start"][:, axis, None]
            inside = np.abs(at) if self.fill == "reflect" else np.maximum(at, 0)
            if self.fill == "reflect":
                inside = n - 1 - np.abs(n - 1 - inside)
            inside = np.minimum(inside, n - 1)
            along = [len(images), 1, *[1] * (images.ndim - 2)]
            along[2 + axis] = n
            rows = torch.from_numpy(inside).to(images.device).reshape(along)
            taken = images.gather(2 + axis, rows.expand_as(images))
            if self.fill == "background":
                outside = torch.from_numpy((at < 0) | (at >= n)).to(images.device).reshape(along)
                taken = torch.where(outside, background, taken)
            images = taken
        return images
