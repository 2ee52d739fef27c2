"""Densely connected networks: the family that `tlpy.architectures.networks.densenet` builds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

from tlpy.architectures.family import Family, LayerGroups, halved, strided
from tlpy.components.rules import BelowOne, Count, Odd


@dataclass(frozen=True)
class DenseNet(Family):
    """Densely connected networks (Huang 2017)

    Args:
        dims: see `Family`.
        filters: channels of the first convolution.
        kernel, stride: of the first convolution.
        max_pool: whether a maximum pooling follows it.
        growth: channels that each layer adds.
        bottleneck: channels between a layer's two convolutions, over `growth`.
        dropout: share of the values dropped at the end of each layer.

    Attributes:
        layers: dense layers per block.
    """

    cites = ("Huang G, et al. Densely connected convolutional networks. CVPR 2017.",)
    on_meta = True
    finer = "kernel: 3, stride: 1, max_pool: false"
    network = "tlpy.architectures.networks.densenet.DenseNetEncoder"
    layers: ClassVar[tuple[int, ...]]

    filters: Count = 64
    kernel: Odd = 7
    stride: Count = 2
    max_pool: bool = True
    growth: Count = 32
    bottleneck: Count = 4
    dropout: BelowOne = 0.0

    def layer_groups(self) -> LayerGroups:
        """The stem, then one group per dense block, which has its transition or the last normalisation."""
        groups = [("stem", ["features.conv0", "features.norm0"])]
        for block in range(1, len(self.layers) + 1):
            after = f"transition{block}" if block < len(self.layers) else "norm5"
            name = f"features.denseblock{block}"
            groups.append((name, [name, f"features.{after}"]))
        return groups

    def layer_names(self) -> Iterator[str]:
        yield from ("features.conv0", "features.norm0")
        for block, count in enumerate(self.layers, 1):
            for layer in range(1, count + 1):
                inside = f"features.denseblock{block}.denselayer{layer}.layers"
                yield from (f"{inside}.{name}" for name in ("norm1", "conv1", "norm2", "conv2"))
            if block < len(self.layers):
                yield from (f"features.transition{block}.norm", f"features.transition{block}.conv")
        yield "features.norm5"

    def last_map(self, size: Sequence[int]) -> list[int]:
        """After the stem, a transition between two blocks halves the map."""
        size = strided(size, self.stride)
        if self.max_pool:
            size = strided(size)
        for _ in self.layers[1:]:
            size = halved(size)
        return size

    def macs(self, size: Sequence[int], channels: int) -> float:
        dims, width = len(size), self.filters
        size = strided(size, self.stride)
        total = float(prod(size)) * channels * width * self.kernel**dims
        if self.max_pool:
            size = strided(size)
        inner = self.bottleneck * self.growth
        for block, layers in enumerate(self.layers, 1):
            for _ in range(layers):
                total += prod(size) * inner * (width + self.growth * 3**dims)
                width += self.growth
            if block < len(self.layers):
                total += prod(size) * width * (width // 2)
                size, width = halved(size), width // 2
        return total


class DenseNet121(DenseNet):
    """DenseNet-121 (Huang 2017), MONAI's"""

    layers = (6, 12, 24, 16)


class DenseNet169(DenseNet):
    """DenseNet-169 (Huang 2017), MONAI's"""

    layers = (6, 12, 32, 32)


class DenseNet201(DenseNet):
    """DenseNet-201 (Huang 2017), MONAI's"""

    layers = (6, 12, 48, 32)
