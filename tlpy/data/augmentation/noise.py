"""Gaussian noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from tlpy.components.rules import FromZero, Share
from tlpy.data.augmentation.base import Transform, Values, column, spatial

_BITS = 0xFFFFFFFF


class Noise(Transform):
    """Add noise, independent for each voxel and channel.

    Args:
        p: probability of an image.
        sd: in units of the channel's own standard deviation; each image's is drawn evenly from 0 to this.
    """

    vectors = True

    def __init__(self, p: Share = 0.5, sd: FromZero = 0.1) -> None:
        super().__init__(p)
        self.sd = sd

    def draw(self, random: np.random.Generator, count: int, size: tuple[int, ...]) -> Values:  # noqa: ARG002
        return {"sd": random.uniform(0, self.sd, count), "seed": random.integers(0, 2**32, (count, 2))}

    def apply(self, images: Tensor, values: Mapping[str, np.ndarray], background: Tensor) -> Tensor:  # noqa: ARG002
        own = images.std(spatial(images), correction=0, keepdim=True)
        noise = normal(values["seed"], images.shape[1:], images)
        return images + noise * own * column(values["sd"], images)


def normal(seeds: np.ndarray, shape: Sequence[int], like: Tensor) -> Tensor:
    """Standard normal numbers (images, *shape) that follow from an image's seeds and a voxel's place alone.

    The generators of a CPU and a GPU give different numbers; a hash of a counter gives the same on both (but
    for the last digits), for a whole batch at once. Numbers come in pairs by Box and Muller 1958.

    Args:
        seeds: (images, 2), each below 2³².
        shape: of one image.
        like: gives device and type.
    """
    count = math.prod(shape)
    counter = torch.arange((count + 1) // 2, device=like.device)
    seed = torch.from_numpy(seeds).to(like.device)
    first = _hash(_hash(counter + seed[:, :1]) ^ seed[:, 1:])
    second = _hash(first ^ seed[:, :1])
    # 24 bits are what a single-precision number holds; the first is never 0.
    radius = (((first >> 8) + 1).to(like.dtype) * 2**-24).log_().mul_(-2).sqrt_()
    angle = (second >> 8).to(like.dtype) * (2 * math.pi * 2**-24)
    pairs = torch.cat([radius * angle.cos(), radius * angle.sin()], 1)
    return pairs[:, :count].reshape(len(seeds), *shape)


def _hash(numbers: Tensor) -> Tensor:
    """32 bits to 32 bits, well mixed (the "lowbias32" of Wellons 2018), in 64-bit integers."""
    numbers = numbers & _BITS
    numbers = ((numbers ^ (numbers >> 16)) * 0x7FEB352D) & _BITS
    numbers = ((numbers ^ (numbers >> 15)) * 0x846CA68B) & _BITS
    return numbers ^ (numbers >> 16)
