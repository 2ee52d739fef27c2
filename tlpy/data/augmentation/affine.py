"""Rotation, scaling, shift and shear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from torch import Tensor

from tlpy.components.rules import FromZero, Share, up_to
from tlpy.data.augmentation.base import Fill, Transform, Values
from tlpy.data.augmentation.warp import angles, move, rotations


class Affine(Transform):
    """An affine map about the image's centre, one interpolation for all.

    Voxels are taken to be as long in each direction. In 1D only scaling and shift act.

    Args:
        p: probability of an image.
        rotation: degrees; each angle is drawn evenly from -rotation to rotation.
        scaling: 0.1 draws a factor from 1/1.1 to 1.1, evenly on a logarithmic scale.
        translation: share of each axis; the shift is drawn evenly from -translation to translation.
        shear: degrees; likewise, for each pair of axes.
        fill: what comes in from outside: `background`, `edge` or `reflect`.
    """

    def __init__(
        self,
        p: Share = 0.5,
        rotation: Annotated[float, up_to(180)] = 10.0,
        scaling: FromZero = 0.1,
        translation: Share = 0.0,
        shear: Annotated[float, up_to(60)] = 0.0,
        fill: Fill = "background",
    ) -> None:
        super().__init__(p)
        self.rotation, self.scaling, self.translation = rotation, scaling, translation
        self.shear, self.fill = shear, fill

    def draw(self, random: np.random.Generator, count: int, size: tuple[int, ...]) -> Values:
        dims = len(size)
        return {
            "degrees": random.uniform(-self.rotation, self.rotation, (count, angles(dims))),
            "scale": np.exp(random.uniform(-1, 1, count) * np.log1p(self.scaling)),
            "shift": random.uniform(-self.translation, self.translation, (count, dims)) * size,
            "shear": random.uniform(-self.shear, self.shear, (count, angles(dims))),
        }

    def apply(self, images: Tensor, values: Mapping[str, np.ndarray], background: Tensor) -> Tensor:
        dims = images.ndim - 2
        sheared = np.broadcast_to(np.eye(dims), (len(images), dims, dims)).copy()
        rows, columns = np.triu_indices(dims, 1)
        sheared[:, rows, columns] = np.tan(np.deg2rad(values["shear"]))
        matrices = rotations(values["degrees"], dims) @ sheared * values["scale"][:, None, None]
        return move(images, matrices, values["shift"], self.fill, background)
