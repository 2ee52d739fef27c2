"""Linear models of the image itself, made small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlpy.components.rules import Count
from tlpy.metrics.formulas import Array
from tlpy.plain.base import Cases
from tlpy.plain.linear import LinearBaseline


@dataclass(kw_only=True)
class LinearImages(LinearBaseline):
    """ridge or logistic regression on down-sampled images

    Each axis is divided into equal blocks, whose means are the features; of as many blocks as make no more
    features than `most`, with the image's own proportions. A small image is taken as it is.

    Args:
        most: features, over all channels.
    """

    data = ("images",)
    noun = "ridge regression on down-sampled images"
    noun_for_classes = "logistic regression on down-sampled images"

    most: Count = 1024

    def features(self, cases: Cases) -> Array:
        channels, *size = cases.shape
        small = fitting_size(size, max(1, self.most // channels))
        blocks = [block_means(block, small).reshape(len(block), -1) for block in cases.blocks()]
        return np.concatenate(blocks) if blocks else np.empty((0, channels * int(np.prod(small))))


def fitting_size(size: Sequence[int], most: int) -> tuple[int, ...]:
    """The largest size of about the same proportions with at most `most` voxels; `size` where that has."""
    if np.prod(size) <= most:
        return tuple(size)
    low, high = 0.0, 1.0
    for _ in range(40):
        share = (low + high) / 2
        fits = np.prod(_scaled(size, share)) <= most
        low, high = (share, high) if fits else (low, share)
    return _scaled(size, low)


def _scaled(size: Sequence[int], share: float) -> tuple[int, ...]:
    return tuple(max(1, round(n * share)) for n in size)


def block_means(images: np.ndarray, size: Sequence[int]) -> Array:
    """Images (n, channels, *size) as the means of blocks that differ by one voxel at most, float64."""
    found: Array = images.astype(np.float64)
    for axis, count in enumerate(size, 2):
        length = found.shape[axis]
        if length != count:
            edges = np.arange(count + 1) * length // count
            sums = np.add.reduceat(found, edges[:-1], axis=axis)
            shape = [-1 if at == axis else 1 for at in range(found.ndim)]
            found = sums / np.diff(edges).reshape(shape)
    return found
