"""Sampling images at other places: what affine, elastic and motion share. Everything is in voxels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - as everywhere


def places(size: Sequence[int], like: Tensor) -> Tensor:
    """(*size, axes) where each voxel is, in voxels from the image's centre."""
    axes = [torch.arange(n, dtype=like.dtype, device=like.device) - (n - 1) / 2 for n in size]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)


def sample(images: Tensor, at: Tensor, fill: str, background: Tensor) -> Tensor:
    """Images at other places, (multi)linearly interpolated.

    Args:
        images: (batch, channels, *size).
        at: (batch, *size, axes) in voxels from the centre, axes in the images' order.
        fill: what lies outside: `background`, the nearest `edge`, or a mirror image (`reflect`).
        background: (batch, channels, 1, …).
    """
    size = images.shape[2:]
    scale = torch.tensor([2 / n for n in size], dtype=images.dtype, device=images.device)
    # grid_sample wants shares of the half size, the last axis first.
    grid = (at * scale).flip(-1)
    if len(size) == 1:
        # There is no 1D kernel: an image of one row.
        grid = torch.stack([grid[..., 0], torch.zeros_like(grid[..., 0])], -1)[:, None]
        return _sample(images[:, :, None], grid, fill, background[:, :, None])[:, :, 0]
    return _sample(images, grid, fill, background)


def _sample(images: Tensor, grid: Tensor, fill: str, background: Tensor) -> Tensor:
    if fill == "background":
        return F.grid_sample(images - background, grid, align_corners=False) + background
    mode = {"edge": "border", "reflect": "reflection"}[fill]
    return F.grid_sample(images, grid, padding_mode=mode, align_corners=False)


def move(images: Tensor, matrices: np.ndarray, shifts: np.ndarray, fill: str, background: Tensor) -> Tensor:
    """Turn, scale and shear about the centre by `matrices` (batch, axes, axes), then shift.

    The content at x goes to matrix·x + shift, in voxels from the centre; `shifts` are (batch, axes).
    """
    back = np.linalg.inv(matrices)
    linear = torch.as_tensor(back, dtype=images.dtype).to(images.device)
    offset = torch.as_tensor(-(back @ shifts[..., None])[..., 0], dtype=images.dtype).to(images.device)
    size = images.shape[2:]
    flat = places(size, images).reshape(1, -1, len(size))
    at = torch.baddbmm(offset[:, None], flat.expand(len(images), -1, -1), linear.transpose(1, 2))
    return sample(images, at.reshape(len(images), *size, len(size)), fill, background)


def rotations(degrees: np.ndarray, dims: int) -> np.ndarray:
    """(images, axes, axes) rotation matrices.

    Args:
        degrees: (images, 1) in 2D, from axis 0 towards axis 1; (images, 3) in 3D, about axes 0, 1 and 2, in
            this order; (images, 0) in 1D, where nothing turns.
        dims: spatial axes.
    """
    result = np.broadcast_to(np.eye(dims), (len(degrees), dims, dims)).copy()
    planes = [(0, 1)] if dims == 2 else [(1, 2), (2, 0), (0, 1)][: degrees.shape[1]]
    for angle, (first, second) in zip(np.deg2rad(degrees).T, planes, strict=True):
        turn = np.broadcast_to(np.eye(dims), result.shape).copy()
        turn[:, first, first] = turn[:, second, second] = np.cos(angle)
        turn[:, second, first], turn[:, first, second] = np.sin(angle), -np.sin(angle)
        result = turn @ result
    return result


def angles(dims: int) -> int:
    """How many angles a rotation has."""
    return {1: 0, 2: 1, 3: 3}[dims]
