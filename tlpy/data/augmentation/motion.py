"""MRI motion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from tlpy.components.rules import Count, Share, up_to
from tlpy.data.augmentation.base import Transform, Values
from tlpy.data.augmentation.warp import angles, move, rotations


class Motion(Transform):
    """The head moves between lines of k-space: these come from images in different poses.

    As Shaw et al. 2019 (MIDL, "MRI k-space motion artefact augmentation"), for whole batches. The middle of
    k-space comes from the pose without motion, so that the image stays in its place. Lines are acquired one
    after another along a random phase-encoding axis, the only one that needs a transform.

    Args:
        p: probability of an image.
        rotation: degrees; each angle of a pose is drawn evenly from -rotation to rotation.
        translation: share of each axis; likewise.
        moves: poses besides the first.
    """

    dims = (2, 3)

    def __init__(
        self,
        p: Share = 0.5,
        rotation: Annotated[float, up_to(180)] = 5.0,
        translation: Share = 0.03,
        moves: Count = 2,
    ) -> None:
        super().__init__(p)
        self.rotation, self.translation, self.moves = rotation, translation, moves

    def draw(self, random: np.random.Generator, count: int, size: tuple[int, ...]) -> Values:
        dims, poses = len(size), (count, self.moves)
        return {
            "axis": random.integers(0, dims, count),
            "times": np.sort(random.random(poses), axis=1),
            "degrees": random.uniform(-self.rotation, self.rotation, (*poses, angles(dims))),
            "shift": random.uniform(-self.translation, self.translation, (*poses, dims)) * size,
        }

    def apply(self, images: Tensor, values: Mapping[str, np.ndarray], background: Tensor) -> Tensor:
        for axis in np.unique(values["axis"]):
            rows = np.flatnonzero(values["axis"] == axis)
            chosen = torch.from_numpy(rows).to(images.device)
            part = {name: array[rows] for name, array in values.items()}
            moved = self._along(int(axis), images[chosen], part, background[chosen])
            images = images.index_copy(0, chosen, moved)
        return images

    def _along(
        self, axis: int, images: Tensor, values: Mapping[str, np.ndarray], background: Tensor
    ) -> Tensor:
        dims, n = images.ndim - 2, images.shape[2 + axis]
        poses = poses_of_lines(values["times"], n)
        spectrum = torch.fft.fft(images - background, dim=2 + axis)
        shape = [len(images), 1, *[1] * dims]
        shape[2 + axis] = n
        for pose in range(self.moves):
            turn = rotations(values["degrees"][:, pose], dims)
            moved = move(images, turn, values["shift"][:, pose], "background", background) - background
            lines = torch.from_numpy(poses == pose + 1).to(images.device).reshape(shape)
            spectrum = torch.where(lines, torch.fft.fft(moved, dim=2 + axis), spectrum)
        # A scanner shows magnitudes.
        return torch.fft.ifft(spectrum, dim=2 + axis).abs() + background


def poses_of_lines(times: np.ndarray, n: int) -> np.ndarray:
    """(images, n) the pose of each line, in the order of `fft`: 0 is that of the middle of k-space.

    Args:
        times: (images, moves), ascending from 0 to 1, when the head moves.
        n: lines, acquired from the most negative frequency to the most positive.
    """
    order = np.argsort(np.argsort(np.fft.fftfreq(n)))
    # Which of the spans between moves a line falls in; the others are numbered from 1 in their order.
    span = (times[:, None] <= ((order + 0.5) / n)[None, :, None]).sum(-1)
    middle = span[:, :1]
    return np.where(span == middle, 0, np.where(span < middle, span + 1, span))
