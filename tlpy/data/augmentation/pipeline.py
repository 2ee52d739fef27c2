"""Transforms one after another, with random numbers that follow from (seed, epoch, batch)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tlpy.data.augmentation.base import Draw, Transform, spatial
from tlpy.data.augmentation.registry import AUGMENTATIONS


class Augmentation:
    """A list of transforms on whole batches.

    Each transform draws from a stream of its own, on the CPU, so that the same happens on every device, in a
    resumed run, and whatever the other transforms draw.

    Args:
        transforms: in the order they are applied.
        seed: the stage's.
    """

    def __init__(self, transforms: Sequence[Transform], seed: int) -> None:
        self.transforms, self.seed = list(transforms), seed

    def __call__(self, images: Tensor, epoch: int, batch: int) -> Tensor:
        """Images (batch, channels, *size), augmented; the same type, device and shape."""
        return self.apply(images, self.draw(len(images), tuple(images.shape[2:]), epoch, batch))

    def draw(self, count: int, size: tuple[int, ...], epoch: int, batch: int) -> list[Draw]:
        """What each transform does to each of `count` images."""
        draws = []
        for place, transform in enumerate(self.transforms):
            random = np.random.default_rng([self.seed, epoch, batch, place])
            on = random.random(count) < transform.p
            draws.append(Draw(on, transform.draw(random, count, size)))
        return draws

    @torch.no_grad()
    def apply(self, images: Tensor, draws: Sequence[Draw]) -> Tensor:
        """Do what was drawn. Half precision is computed in single precision, autocast or not."""
        if not any(draw.on.any() for draw in draws):
            return images
        half = images.dtype in (torch.float16, torch.bfloat16)
        with torch.autocast(images.device.type, enabled=False):
            changed = images.float() if half else images
            background = changed.amin(spatial(images), keepdim=True)
            for transform, draw in zip(self.transforms, draws, strict=True):
                changed = _apply(transform, draw, changed, background)
        return changed.to(images.dtype)


def _apply(transform: Transform, draw: Draw, images: Tensor, background: Tensor) -> Tensor:
    """Only the images that it is on for are touched."""
    if not draw.on.any():
        return images
    rows = np.flatnonzero(draw.on)
    chosen = torch.from_numpy(rows).to(images.device)
    part = images[chosen]
    changed = transform.apply(part, draw[rows].values, background[chosen])
    if changed.shape != part.shape:
        name, made = type(transform).__name__, tuple(changed.shape)
        raise ValueError(f"augmentation {name} made images of {made} from {tuple(part.shape)}")
    return changed if len(rows) == len(images) else images.index_copy(0, chosen, changed)


def build_augmentation(components: Sequence[Mapping[str, Any]] | None, seed: int) -> Augmentation | None:
    """The augmentation of a stage's record; None for none.

    Raises:
        InputError: a class path that is not found, or is no `Transform`; arguments it doesn't take.
    """
    if not components:
        return None
    made = [AUGMENTATIONS.make(component, where="augmentation") for component in components]
    return Augmentation(made, seed)
