"""MRI ghosts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from tlpy.components.rules import Share, at_least
from tlpy.data.augmentation.base import Transform, Values

# This share of k-space around its centre is left alone: it holds the contrast.
_CENTRE = 0.02


class Ghosting(Transform):
    """Every g-th line of k-space is weaker, along a random phase-encoding axis: g faint, shifted copies.

    As in TorchIO (Pérez-García et al. 2021, Comput Methods Programs Biomed 208), for whole batches. Only the
    phase-encoding axis needs a transform, since the lines differ along no other.

    Args:
        p: probability of an image.
        amount: by how much the lines are weaker, as a share; drawn evenly from 0 to this.
        ghosts: the largest g; drawn from 2 to this.
    """

    dims = (2, 3)

    def __init__(self, p: Share = 0.5, amount: Share = 0.8, ghosts: Annotated[int, at_least(2)] = 5) -> None:
        super().__init__(p)
        self.amount, self.ghosts = amount, ghosts

    def draw(self, random: np.random.Generator, count: int, size: tuple[int, ...]) -> Values:
        return {
            "axis": random.integers(0, len(size), count),
            "ghosts": random.integers(2, self.ghosts + 1, count),
            "amount": random.uniform(0, self.amount, count),
        }

    def apply(self, images: Tensor, values: Mapping[str, np.ndarray], background: Tensor) -> Tensor:
        for axis in np.unique(values["axis"]):
            rows = np.flatnonzero(values["axis"] == axis)
            chosen = torch.from_numpy(rows).to(images.device)
            along, n = 2 + int(axis), images.shape[2 + int(axis)]
            line = np.arange(n // 2 + 1)
            weak = (line % values["ghosts"][rows, None] == 0) & (line > _CENTRE * n)
            shape = [len(rows), 1, *[1] * (images.ndim - 2)]
            shape[along] = len(line)
            weights = torch.from_numpy(1 - values["amount"][rows, None] * weak).to(images.dtype)
            spectrum = torch.fft.rfft(images[chosen] - background[chosen], dim=along)
            spectrum = spectrum * weights.to(images.device).reshape(shape)
            ghosted = torch.fft.irfft(spectrum, n=n, dim=along)
            # A scanner shows magnitudes.
            images = images.index_copy(0, chosen, ghosted.abs() + background[chosen])
        return images
