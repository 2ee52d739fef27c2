"""Pooling for any size of image: MONAI's and torch's leave nothing of an axis of one voxel."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional

Pooling = Callable[[Tensor, list[int], list[int]], Tensor]


class Halving(nn.Module):
    """Pooling that halves each axis and leaves an axis of one voxel as it is."""

    # For one, two and three axes.
    pools: tuple[Pooling, Pooling, Pooling]

    def forward(self, images: Tensor) -> Tensor:
        kernel = [min(2, axis) for axis in images.shape[2:]]
        return self.pools[len(kernel) - 1](images, kernel, kernel)


class HalvingMean(Halving):
    """The mean."""

    pools = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)


class HalvingPool(Halving):
    """The maximum."""

    pools = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)
