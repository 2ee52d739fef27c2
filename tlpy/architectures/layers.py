"""Pooling for any size of image: MONAI's and torch's leave nothing of an axis of one voxel."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

_AVERAGING = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)
_POOLING = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)


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
