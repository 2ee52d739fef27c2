"""Weights of one shape for a network of another."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod

import torch
from torch import Tensor
from torch.nn import functional

SUM, MEAN = "sum", "mean"
# Where the eight neighbours that MONAI's Swin transformer merges in 3D lie among the four of 2D, which are in
# the order (0, 0), (1, 0), (0, 1), (1, 1); the third axis is the new one.
_MERGED = (0, 1, 2, 0, 3, 1, 2, 3)


def way_of_channels(before: int, after: int) -> str:
    """`sum` or `mean`: that which leaves the response to an image whose channels are all alike as it was."""
    return SUM if after < before else MEAN


def adapt_channels(weight: Tensor, channels: int, way: str | None = None) -> Tensor:
    """The first convolution (filters, n, *kernel) for m input channels.

    Fewer channels get the sum of the filters (shared out where they are several) or their mean; more channels
    get the filters repeated in turn, so that they respond to the sum of the channels or, over m/n, to their
    mean. By default the response to an image whose channels are all alike stays the same.

    Args:
        way: `sum` or `mean`; None: as `way_of_channels` says.
    """
    before = weight.shape[1]
    kept = way_of_channels(before, channels)
    scale = 1.0 if way in (None, kept) else channels / before
    if channels < before:
        alike = weight.sum(1, keepdim=True) / channels
        return scale * alike.expand(-1, channels, *([-1] * (weight.ndim - 2)))
    turns = ceil(channels / before)
    repeated = weight.repeat(1, turns, *([1] * (weight.ndim - 2)))[:, :channels]
    if way == SUM:
        return repeated
    repeated = repeated * (before / channels)
    # Taken in turn, some filters may come once more than others: what is summed stays.
    return repeated + (weight.sum(1, keepdim=True) - repeated.sum(1, keepdim=True)) / channels


def inflate(weight: Tensor, shape: Sequence[int]) -> Tensor:
    """A convolution for one axis more: repeated along a new last axis and divided by its length.

    The response to an image that does not change along the new axis stays the same (Carreira &
    Zisserman 2017). The last axis is the one from slice to slice of axial slices in RAS.
    """
    return weight.unsqueeze(-1).expand(*shape) / shape[-1]


def inflate_merging(weight: Tensor) -> Tensor:
    """The layer (2C, 4C) that merges 2×2 patches for 2×2×2, (2C, 8C); of equal ones it gives the same."""
    return torch.cat([weight.chunk(4, dim=1)[place] for place in _MERGED], dim=1) / 2


def inflate_merged_norm(value: Tensor) -> Tensor:
    """Weight or bias (4C,) of the normalisation before it, (8C,)."""
    return torch.cat([value.chunk(4)[place] for place in _MERGED])


def resize_positions(positions: Tensor, before: Sequence[int], after: Sequence[int]) -> Tensor:
    """Position embeddings (1, tokens, width) of one grid, interpolated linearly to another.

    A grid of one axis more has the same positions at each place of the new last axis.
    """
    width = positions.shape[-1]
    grid = positions.transpose(1, 2).reshape(1, width, *before)
    resized = _interpolated(grid, after[: len(before)])
    if len(after) == len(before) + 1:
        resized = resized.unsqueeze(-1).expand(1, width, *after)
    return resized.reshape(1, width, -1).transpose(1, 2).to(positions.dtype)


def resize_bias_table(table: Tensor, before: Sequence[int], after: Sequence[int]) -> Tensor:
    """A Swin transformer's biases (offsets, heads) of one window, interpolated linearly for another.

    Args:
        before, after: the grids of offsets, 2·w − 1 along each axis of a window; `after` may have an axis
            more, along which the bias is the same.
    """
    return resize_positions(table.unsqueeze(0), before, after).squeeze(0)


def guess_grid(tokens: int, dims: int) -> tuple[int, ...] | None:
    """The grid of a file that does not tell it: equal edges, where they fit."""
    edge = round(tokens ** (1 / dims))
    return (edge,) * dims if edge and prod([edge] * dims) == tokens else None


def _interpolated(grid: Tensor, after: Sequence[int]) -> Tensor:
    if tuple(grid.shape[2:]) == tuple(after):
        return grid.float()
    mode = ("linear", "bilinear", "trilinear")[len(after) - 1]
    return functional.interpolate(grid.float(), size=list(after), mode=mode, align_corners=False)
