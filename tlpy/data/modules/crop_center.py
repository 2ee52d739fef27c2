"""The middle of each image."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from tlpy.components.rules import PerAxis
from tlpy.data.module import BaseDataModule
from tlpy.data.modules.registry import crop_size


class CropCenterDataModule(BaseDataModule):
    """Cuts each image's middle out as a batch is loaded, before it goes to the device.

    A search over sizes then prepares its images once.

    Args:
        size: one number for all axes, or one an axis; at most the images' size.
        common: what every data module takes.
    """

    crops = True
    vectors = False

    def __init__(self, *, size: PerAxis, **common: Any) -> None:
        super().__init__(**common)
        self.size = size

    def on_load(self, images: Tensor) -> Tensor:
        for axis, kept in enumerate(crop_size(self.size, images.ndim - 2), 2):
            n = images.shape[axis]
            if kept > n:
                raise ValueError(
                    f"size must be at most the images' {tuple(images.shape[2:])}, got {self.size}"
                )
            images = images.narrow(axis, (n - kept) // 2, kept)
        return images.contiguous()
