"""The layers that come in one, two and three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)
_AVERAGING = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)
_POOLING = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)


def convolution(
    dims: int,
    before: int,
    after: int,
    kernel: int,
    stride: int = 1,
    bias: bool = True,
    padding: int | None = None,
) -> nn.Module:
    """A convolution over `dims` axes; padded to keep the size unless `padding` is given."""
    pad = kernel // 2 if padding is None else padding
    return _CONVOLUTIONS[dims - 1](before, after, kernel, stride=stride, padding=pad, bias=bias)


def patches(dims: int, before: int, after: int, patch: Sequence[int]) -> nn.Module:
    """A convolution that turns each patch into a vector of width `after`."""
    shape: Any = tuple(patch)
    return _CONVOLUTIONS[dims - 1](before, after, shape, stride=shape)


def batch_norm(dims: int, width: int) -> nn.Module:
    """Batch normalisation of `width` channels over `dims` axes."""
    return _NORMS[dims - 1](width)


def max_pool_layer(dims: int) -> nn.Module:
    """The pooling after a ResNet's stem: width 3, stride 2, padding 1. No axis shrinks to zero."""
    return _POOLS[dims - 1](kernel_size=3, stride=2, padding=1)


class HalvingMean(nn.Module):
    """Mean pooling that halves each axis and leaves an axis of one voxel as it is."""

    def forward(self, images: Tensor) -> Tensor:
        kernel = [min(2, axis) for axis in images.shape[2:]]
        pooled: Tensor = _AVERAGING[len(kernel) - 1](images, kernel, kernel)
        return pooled


class HalvingPool(nn.Module):
    """Maximum pooling that halves each axis and leaves an axis of one voxel as it is."""

    def forward(self, images: Tensor) -> Tensor:
        kernel = [min(2, axis) for axis in images.shape[2:]]
        pooled: Tensor = _POOLING[len(kernel) - 1](images, kernel, kernel)
        return pooled
