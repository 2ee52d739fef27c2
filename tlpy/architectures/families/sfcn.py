"""SFCN: the family that `tlpy.architectures.networks.sfcn` builds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Annotated

from tlpy.architectures.family import Family, LayerGroups, halved
from tlpy.components.rules import COUNT, BelowOne, Odd, list_of

Filters = Annotated[Sequence[int], list_of(COUNT, 2, None, "a list of two or more whole numbers")]


@dataclass(frozen=True)
class SFCN(Family):
    """SFCN, the simple fully convolutional network for brain age (Peng 2021)

    Args:
        dims: see `Family`.
        filters: channels after each convolution; unless said, the authors'.
        kernel: width of all convolutions but the last.
        dropout: share of the features dropped before the heads.
    """

    cites = (
        "Peng H, et al. Accurate brain age prediction with lightweight deep neural networks. Med Image "
        "Anal 2021; 68:101871.",
    )
    cost = 0.8
    on_meta = True
    finer = "fewer `filters`, of which each but the last halves the image"
    network = "tlpy.architectures.networks.sfcn.SFCNEncoder"

    filters: Filters = (32, 64, 128, 256, 256, 64)
    kernel: Odd = 3
    dropout: BelowOne = 0.5

    @property
    def head_dropout(self) -> float:
        return self.dropout

    def layer_groups(self) -> LayerGroups:
        """One group per convolution."""
        names = [f"feature_extractor.conv_{index}" for index in range(len(self.filters))]
        return [(name, [name]) for name in names]

    def layer_names(self) -> Iterator[str]:
        for index in range(len(self.filters)):
            yield from (f"feature_extractor.conv_{index}.{part}" for part in range(2))

    def last_map(self, size: Sequence[int]) -> list[int]:
        """Each convolution but the last is followed by a pooling."""
        for _ in self.filters[1:]:
            size = halved(size)
        return list(size)

    def macs(self, size: Sequence[int], channels: int) -> float:
        total, before = 0.0, channels
        *body, last = self.filters
        for filters in body:
            total += prod(size) * before * filters * self.kernel ** len(size)
            size, before = halved(size), filters
        return total + prod(size) * before * last
