"""What an augmentation is: draw first, apply after."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from tlpy.components.rules import Share
from tlpy.data.augmentation.registry import AugmentationFacts

Values = dict[str, np.ndarray]
# What comes in from outside an image: its background, its outermost values, or its mirror image.
Fill = Literal["background", "edge", "reflect"]


@dataclass(frozen=True)
class Draw:
    """What one transform does to each image of a batch.

    Attributes:
        on: (images,) whether it does anything to the image.
        values: arrays (images, …) of what it does, for every image, on or off.
    """

    on: np.ndarray
    values: Values

    def __getitem__(self, rows: Any) -> Draw:
        """The draw of some of the images: `draw[3:4]` is the fourth image's."""
        return Draw(self.on[rows], {name: array[rows] for name, array in self.values.items()})


class Transform(AugmentationFacts, ABC):
    """A random change of images, all images of a batch at once.

    A subclass says in `draw` what happens to each image, as NumPy arrays, and does it in `apply` with torch
    functions, on whatever device the images are. `apply` must treat images apart from each other, and keep
    their shape. What it says of itself as a whole are its facts (`AugmentationFacts`).

    Args:
        p: the probability that an image is changed.

    Raises:
        ValueError: p is not from 0 to 1.
    """

    def __init__(self, p: Share = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"p must be from 0 to 1, got {p}")
        self.p = p

    @abstractmethod
    def draw(self, random: np.random.Generator, count: int, size: tuple[int, ...]) -> Values:
        """Arrays (count, …) of what happens to each of `count` images of a spatial `size`."""

    @abstractmethod
    def apply(self, images: Tensor, values: Mapping[str, np.ndarray], background: Tensor) -> Tensor:
        """The changed images.

        Args:
            images: (batch, channels, *size), float32 or float64.
            values: what was drawn for them.
            background: (batch, channels, 1, …) each channel's background: its lowest value before any
                augmentation. After a z-score it is below 0; what comes in from outside has this value, and
                fields and powers act on the intensity above it.
        """


def column(values: np.ndarray, images: Tensor) -> Tensor:
    """(batch,) values as a tensor (batch, 1, 1, …) that multiplies images."""
    tensor = torch.as_tensor(values, dtype=images.dtype).to(images.device)
    return tensor.reshape(-1, *[1] * (images.ndim - 1))


def spatial(images: Tensor) -> tuple[int, ...]:
    """The spatial axes of images (batch, channels, *size)."""
    return tuple(range(2, images.ndim))
