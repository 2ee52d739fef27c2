"""Lower resolution."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from tlpy.components.rules import FromZero, Share
from tlpy.data.augmentation.base import Transform, Values
from tlpy.data.augmentation.separable import along_axes, gaussian


class Blur(Transform):
    """Smooth with a Gaussian, as wide for each axis.

    Args:
        p: probability of an image.
        sd: in pixels or voxels; each image's is drawn evenly from 0 to this.
    """

    def __init__(self, p: Share = 0.5, sd: FromZero = 1.0) -> None:
        super().__init__(p)
        self.sd = sd

    def draw(self, random: np.random.Generator, count: int, size: tuple[int, ...]) -> Values:  # noqa: ARG002
        return {"sd": random.uniform(0, self.sd, count)}

    def apply(self, images: Tensor, values: Mapping[str, np.ndarray], background: Tensor) -> Tensor:  # noqa: ARG002
        return along_axes(images, [gaussian(n, values["sd"]) for n in images.shape[2:]])
