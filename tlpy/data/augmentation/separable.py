"""Products of one matrix an axis: smooth fields from few numbers, and smoothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def along_axes(values: Tensor, matrices: Sequence[np.ndarray]) -> Tensor:
    """Multiply each spatial axis of `values` by its matrix.

    Args:
        values: (batch, channels, k₁, …).
        matrices: for each spatial axis (n, k), or (batch, n, k) for each image its own.

    Returns:
        (batch, channels, n₁, …).
    """
    for axis, matrix in enumerate(matrices, 2):
        factor = torch.as_tensor(matrix, dtype=values.dtype).to(values.device)
        shape = values.shape
        # One matrix product for each line of the axes before: nothing is transposed in memory.
        lines = values.reshape(shape[0], shape[1:axis].numel(), shape[axis], -1)
        if factor.ndim == 3:
            factor = factor[:, None]
        if lines.shape[-1] == 1:
            product = lines[..., 0] @ factor.squeeze(1).transpose(-1, -2)
        else:
            product = factor @ lines
        values = product.reshape(*shape[:axis], factor.shape[-2], *shape[axis + 1 :])
    return values


def spline_basis(n: int, cells: int) -> np.ndarray:
    """(n, cells + 3) uniform cubic B-splines at n voxels that lie in `cells` equal cells."""
    at = (np.arange(n) + 0.5) / n * cells
    cell = np.minimum(at.astype(int), cells - 1)
    u = at - cell
    weights = [(1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3]
    basis = np.zeros((n, cells + 3))
    for offset, weight in enumerate(weights):
        basis[np.arange(n), cell + offset] = weight / 6
    return basis


def gaussian(n: int, sd: np.ndarray) -> np.ndarray:
    """(images, n, n) smoothing of an axis by each image's `sd` in voxels; at the ends by what there is."""
    distance = np.subtract.outer(np.arange(n), np.arange(n)) ** 2
    weights = np.exp(-0.5 * distance / np.maximum(sd, 1e-3)[:, None, None] ** 2)
    # What would be denormal in single precision makes a product many times slower.
    weights[weights < 1e-9] = 0
    return weights / weights.sum(-1, keepdims=True)
