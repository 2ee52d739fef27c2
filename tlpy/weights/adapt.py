"""Weights of one shape for a network of another."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod

from torch import Tensor
from torch.nn import functional


def adapt_channels(weight: Tensor, channels: int) -> Tensor:
    """The first convolution (filters, n, *kernel) for m input channels.

    The response to an image whose channels are all alike stays the same: filters are repeated in
    turn for more channels and averaged for fewer, both times n/m.
    """
    before = weight.shape[1]
    if channels >= before:
        turns = ceil(channels / before)
        repeated = weight.repeat(1, turns, *([1] * (weight.ndim - 2)))[:, :channels]
    else:
        repeated = weight.mean(1, keepdim=True).expand(-1, channels, *([-1] * (weight.ndim - 2)))
    if channels % before and channels > before:
        # Taken in turn, some filters come once more than others: scale by what was really summed.
        total = weight.sum(1, keepdim=True)
        return repeated + (total - repeated.sum(1, keepdim=True)) / channels
    return repeated * (before / channels)


def inflate(weight: Tensor, shape: Sequence[int]) -> Tensor:
    """A convolution for one axis more: repeated along a new last axis and divided by its length.

    The response to an image that does not change along the new axis stays the same (Carreira &
    Zisserman 2017). The last axis is the one from slice to slice of axial slices in RAS.
    """
    return weight.unsqueeze(-1).expand(*shape) / shape[-1]


def resize_positions(positions: Tensor, before: Sequence[int], after: Sequence[int]) -> Tensor:
    """Position embeddings (1, tokens, width) of one grid, interpolated linearly to another."""
    width = positions.shape[-1]
    grid = positions.transpose(1, 2).reshape(1, width, *before)
    mode = ("linear", "bilinear", "trilinear")[len(before) - 1]
    resized = functional.interpolate(grid.float(), size=list(after), mode=mode, align_corners=False)
    return resized.reshape(1, width, -1).transpose(1, 2).to(positions.dtype)


def guess_grid(tokens: int, dims: int) -> tuple[int, ...] | None:
    """The grid of a file that does not tell it: equal edges, where they fit."""
    edge = round(tokens ** (1 / dims))
    return (edge,) * dims if prod([edge] * dims) == tokens else None
