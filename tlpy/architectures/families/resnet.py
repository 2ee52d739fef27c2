"""Residual networks: the family that `tlpy.architectures.networks.resnet` builds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar, Literal

from tlpy.architectures.family import Family, LayerGroups, strided
from tlpy.components.rules import BelowOne, Count, Odd


@dataclass(frozen=True)
class ResNet(Family):
    """Residual networks (He 2016)

    Args:
        dims: see `Family`.
        filters: channels of the first stage; each later one has twice as many.
        kernel, stride: of the first convolution. Of 28 pixels, `kernel: 3`, `stride: 1` and `max_pool: false`
            leave a last map of 4x4 instead of one pixel: the stem for small images, MedMNIST's.
        max_pool: whether a maximum pooling follows it.
        shortcut: `B`, a 1x1 convolution where the shape changes, or `A`, zero padding (MedicalNet's ResNet-18
            and 34).
        shortcut_bias: whether that convolution has a bias (MONAI's default; not in MedicalNet's ResNet-10 and
            50, nor in torchvision).
        dropout: share of the features dropped before the heads.
        initial: weights of a training from scratch: `fan_out`, normal by the outputs of each convolution (He
            2015; MONAI's and torchvision's), or `torch`, uniform by its inputs, as torch draws any
            convolution: 0.4 times as large where inputs and outputs are as many; MedMNIST's own begin so.

    Attributes:
        layers: residual blocks in each of the four stages.
        bottleneck: bottleneck instead of basic blocks.
    """

    cites = ("He K, et al. Deep residual learning for image recognition. CVPR 2016.",)
    channels_last = False
    on_meta = True
    finer = "kernel: 3, stride: 1, max_pool: false"
    network = "tlpy.architectures.networks.resnet.ResNetEncoder"
    layers: ClassVar[tuple[int, ...]]
    bottleneck: ClassVar[bool] = False

    filters: Count = 64
    kernel: Odd = 7
    stride: Count = 2
    max_pool: bool = True
    shortcut: Literal["A", "B"] = "B"
    shortcut_bias: bool = True
    dropout: BelowOne = 0.0
    initial: Literal["fan_out", "torch"] = "fan_out"

    @property
    def expansion(self) -> int:
        """Channels that a block puts out, over those within."""
        return 4 if self.bottleneck else 1

    @property
    def head_dropout(self) -> float:
        return self.dropout

    def layer_groups(self) -> LayerGroups:
        """The stem, then one group per residual block: ten with the heads for ResNet-18 (MetaLR)."""
        blocks = [f"layer{stage}.{b}" for stage, count in enumerate(self.layers, 1) for b in range(count)]
        return [("stem", ["conv1", "bn1"]), *((block, [block]) for block in blocks)]

    def layer_names(self) -> Iterator[str]:
        yield from ("conv1", "bn1")
        for stage, count in enumerate(self.layers, 1):
            for block in range(count):
                for number in range(1, 4 if self.bottleneck else 3):
                    yield from (f"layer{stage}.{block}.conv{number}", f"layer{stage}.{block}.bn{number}")
                # The first stage keeps the size, and without bottlenecks its channels too.
                changes = block == 0 and (stage > 1 or self.bottleneck)
                if changes and self.shortcut == "B":
                    yield from (f"layer{stage}.{block}.downsample.{number}" for number in range(2))

    def last_map(self, size: Sequence[int]) -> list[int]:
        """After the stem, three of the four stages begin with a stride of 2."""
        size = strided(size, self.stride)
        for _ in range(self.max_pool + 3):
            size = strided(size)
        return size

    def macs(self, size: Sequence[int], channels: int) -> float:
        dims, before = len(size), self.filters
        size = strided(size, self.stride)
        total = float(prod(size)) * channels * before * self.kernel**dims
        if self.max_pool:
            size = strided(size)
        for stage, blocks in enumerate(self.layers):
            planes = self.filters * 2**stage
            after = planes * self.expansion
            for block in range(blocks):
                wide = size
                if stage > 0 and block == 0:
                    size = strided(size)
                if self.bottleneck:
                    total += prod(wide) * before * planes + prod(size) * planes * (planes * 3**dims + after)
                else:
                    total += prod(size) * 3**dims * planes * (before + planes)
                if before != after and self.shortcut == "B":
                    total += prod(size) * before * after
                before = after
        return total


class ResNet10(ResNet):
    """ResNet-10 (He 2016), MONAI's, parameter names as in torchvision, too"""

    layers = (1, 1, 1, 1)


class ResNet18(ResNet):
    """ResNet-18 (He 2016), MONAI's, parameter names as in torchvision, too"""

    layers = (2, 2, 2, 2)


class ResNet34(ResNet):
    """ResNet-34 (He 2016), MONAI's, parameter names as in torchvision, too"""

    layers = (3, 4, 6, 3)


class ResNet50(ResNet):
    """ResNet-50 (He 2016), MONAI's, parameter names as in torchvision, too"""

    layers = (3, 4, 6, 3)
    bottleneck = True


class ResNet101(ResNet):
    """ResNet-101 (He 2016), MONAI's, parameter names as in torchvision, too"""

    layers = (3, 4, 23, 3)
    bottleneck = True


class ResNet152(ResNet):
    """ResNet-152 (He 2016), MONAI's, parameter names as in torchvision, too"""

    layers = (3, 8, 36, 3)
    bottleneck = True
