"""A smooth random deformation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from tlpy.components.rules import Count, Share, up_to
from tlpy.data.augmentation.base import Fill, Transform, Values
from tlpy.data.augmentation.separable import along_axes, spline_basis
from tlpy.data.augmentation.warp import places, sample


class Elastic(Transform):
    """A free-form deformation by cubic B-splines on a coarse lattice (Rueckert et al. 1999, IEEE TMI 18).

    Control points move by up to `amount` of their distance. Up to 0.48 in 2D and 0.40 in 3D the map is
    one-to-one, so that nothing folds (Choi and Lee 2000, Graphical Models 62).

    Args:
        p: probability of an image.
        cells: cells of the lattice along each axis; more are finer, and move less.
        amount: largest move of a control point, as a share of the distance between them.
        fill: what comes in from outside: `background`, `edge` or `reflect`.
    """

    def __init__(
        self,
        p: Share = 0.5,
        cells: Count = 4,
        amount: Annotated[float, up_to(0.4)] = 0.3,
        fill: Fill = "background",
    ) -> None:
        super().__init__(p)
        self.cells, self.amount, self.fill = cells, amount, fill

    def draw(self, random: np.random.Generator, count: int, size: tuple[int, ...]) -> Values:
        lattice = (count, len(size), *[self.cells + 3] * len(size))
        spacing = np.reshape([n / self.cells for n in size], (1, -1, *[1] * len(size)))
        return {"moves": random.uniform(-self.amount, self.amount, lattice) * spacing}

    def apply(self, images: Tensor, values: Mapping[str, np.ndarray], background: Tensor) -> Tensor:
        size = images.shape[2:]
        moves = torch.as_tensor(values["moves"], dtype=images.dtype).to(images.device)
        field = along_axes(moves, [spline_basis(n, self.cells) for n in size])
        return sample(images, places(size, images) + field.movedim(1, -1), self.fill, background)
