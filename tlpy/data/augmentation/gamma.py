"""Brighter or darker middle tones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from tlpy.components.rules import FromZero, Share
from tlpy.data.augmentation.base import Transform, Values, column, spatial


class Gamma(Transform):
    """Raise intensities, from 0 to 1 between a channel's lowest and highest value, to a random power.

    Both ends stay where they are. All channels of an image get the same power.

    Args:
        p: probability of an image.
        amount: the power's logarithm is drawn evenly from -amount to amount.
    """

    def __init__(self, p: Share = 0.5, amount: FromZero = 0.3) -> None:
        super().__init__(p)
        self.amount = amount

    def draw(self, random: np.random.Generator, count: int, size: tuple[int, ...]) -> Values:  # noqa: ARG002
        return {"power": np.exp(random.uniform(-self.amount, self.amount, count))}

    def apply(self, images: Tensor, values: Mapping[str, np.ndarray], background: Tensor) -> Tensor:  # noqa: ARG002
        axes = spatial(images)
        low = images.amin(axes, keepdim=True)
        span = images.amax(axes, keepdim=True) - low
        share = (images - low) / span.where(span > 0, 1)
        return low + span * share.clamp(0, 1).pow(column(values["power"], images))
