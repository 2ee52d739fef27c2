"""The slow shading of an MRI coil."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from tlpy.components.rules import Count, FromZero, Share
from tlpy.data.augmentation.base import Transform, Values
from tlpy.data.augmentation.separable import along_axes


class BiasField(Transform):
    """Multiply the intensity above the background by exp(field), the field a polynomial of low order.

    As Sudre et al. 2017 (MICCAI, "Longitudinal segmentation of age-related white matter hyperintensities"),
    with Legendre polynomials in place of powers: these have a mean of 0, so that brightness stays.
    All channels get the same field.

    Args:
        p: probability of an image.
        amount: each coefficient is drawn evenly from -amount to amount.
        order: the highest total degree.
    """

    def __init__(self, p: Share = 0.5, amount: FromZero = 0.2, order: Count = 3) -> None:
        super().__init__(p)
        self.amount, self.order = amount, order

    def draw(self, random: np.random.Generator, count: int, size: tuple[int, ...]) -> Values:
        shape = [self.order + 1] * len(size)
        degree = np.indices(shape).sum(0)
        coefficients = random.uniform(-self.amount, self.amount, (count, *shape))
        return {"coefficients": coefficients * ((degree > 0) & (degree <= self.order))}

    def apply(self, images: Tensor, values: Mapping[str, np.ndarray], background: Tensor) -> Tensor:
        coefficients = torch.as_tensor(values["coefficients"], dtype=images.dtype).to(images.device)
        bases = [
            np.polynomial.legendre.legvander((2 * np.arange(n) + 1) / n - 1, self.order)
            for n in images.shape[2:]
        ]
        field = along_axes(coefficients[:, None], bases).exp()
        return background + (images - background) * field
