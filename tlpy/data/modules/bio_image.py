"""Biological images: microscopy, histology, cells, organs cut out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tlpy.components.rules import Percent
from tlpy.data.augmentation.flip import Flip
from tlpy.data.augmentation.pipeline import Augmentation
from tlpy.data.augmentation.rot90 import Rot90
from tlpy.data.module import BaseDataModule


class BioImageDataModule(BaseDataModule):
    """For 2D and 3D images that have no upright and no unit of intensity.

    Each channel of each image is clipped at two of its percentiles and scaled to 0 to 1. Training images are
    flipped along each axis with probability 1/2 and turned by 90, 180 or 270 degrees in the plane of the last
    two axes with probability 3/4, so that every orientation is as likely.

    Args:
        low: percentile that becomes 0.
        high: percentile that becomes 1.
        turns: flips and quarter turns, before the stage's own augmentation.
        common: what every data module takes.
    """

    ascending = (("low", "high"),)
    augments = ("flip", "rot90")
    augments_if = "turns"
    vectors = False

    def __init__(
        self, *, low: Percent = 1.0, high: Percent = 99.0, turns: bool = True, **common: Any
    ) -> None:
        super().__init__(**common)
        self.low, self.high = low, high
        if turns:
            dims = self.sets["main"]["train"][0][0].ndim - 1
            own: list[Any] = [Flip(0.5, range(dims))]
            if dims > 1:
                own.append(Rot90(0.75, (dims - 2, dims - 1)))
            given = self.augmentation.transforms if self.augmentation else []
            self.augmentation = Augmentation([*own, *given], self.seed)

    def on_device(self, images: Tensor) -> Tensor:
        return scale(images, self.low, self.high)


def scale(images: Tensor, low: float, high: float) -> Tensor:
    """Each channel of images (batch, channels, *size) from its percentiles `low` and `high` to 0 and 1.

    Percentiles are interpolated as by NumPy; a channel where both are equal becomes 0.
    """
    ordered = images.flatten(2).sort(-1).values
    last = ordered.shape[-1] - 1
    shape = (*images.shape[:2], *[1] * (images.ndim - 2))

    def percentile(share: float) -> Tensor:
        place = share / 100 * last
        below = min(int(place), last)
        return torch.lerp(ordered[..., below], ordered[..., min(below + 1, last)], place - below).reshape(
            shape
        )

    start, end = percentile(low), percentile(high)
    span = end - start
    return ((images - start) / span.where(span > 0, 1)).clamp(0, 1)
