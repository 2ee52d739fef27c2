"""Augmented views of a batch, for terms that compare an image with itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tlpy.data.augmentation.pipeline import Augmentation, build_augmentation
from tlpy.data.augmentation.registry import complete_augmentation
from tlpy.objectives.base import Step

# No flips: left and right may be what a label is about. Whoever knows better names own lists.
PRESETS: dict[str, list[dict[str, Any]]] = {
    "weak": [
        {"name": "affine", "p": 1.0, "rotation": 5, "scaling": 0.05, "translation": 0.03},
        {"name": "noise", "p": 0.5, "sd": 0.05},
    ],
    "strong": [
        {"name": "affine", "p": 1.0, "rotation": 15, "scaling": 0.15, "translation": 0.1},
        {"name": "gamma", "p": 0.8, "amount": 0.5},
        {"name": "bias_field", "p": 0.5, "amount": 0.3},
        {"name": "blur", "p": 0.3, "sd": 1.0},
        {"name": "noise", "p": 0.5, "sd": 0.2},
    ],
}


class Views:
    """A way to draw views of a batch, with random numbers from the step.

    Args:
        augmentation: `weak`, `strong`, or an augmentation as in params files.
    """

    def __init__(self, augmentation: Any) -> None:
        chosen = PRESETS.get(augmentation, augmentation) if isinstance(augmentation, str) else augmentation
        components: Sequence[Mapping[str, Any]] | None = complete_augmentation(chosen, "augmentation")
        self._augmentation: Augmentation | None = build_augmentation(components, seed=0)

    def __call__(self, images: Tensor, step: Step) -> Tensor:
        """A view of each image, (batch, channels, *size), in the memory format of `images`."""
        if self._augmentation is None:
            return images
        first, second = torch.randint(2**31, (2,), generator=step.generator).tolist()
        return self._augmentation(images, first, second)
