"""Perceptrons on vectors: the family that `tlpy.architectures.networks.mlp` builds."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Annotated, Literal

from tlpy.architectures.family import Family, LayerGroups
from tlpy.components.rules import COUNT, BelowOne, list_of

Widths = Annotated[Sequence[int], list_of(COUNT, 1, None, "a list of one or more whole numbers")]


@dataclass(frozen=True)
class MLP(Family):
    """Multilayer perceptron on vectors: features of a subject, such as connectomes

    Args:
        dims: see `Family`; 1.
        hidden: width of each layer, first to last.
        norm: what follows each linear layer: batch or layer normalisation, or nothing.
        activation: after it.
        dropout: share of each layer's outputs dropped in training.
    """

    dimensions = (1,)
    takes = ("vectors",)
    cites = (
        "Rumelhart DE, Hinton GE, Williams RJ. Learning representations by back-propagating errors. "
        "Nature 1986; 323:533–536.",
    )
    noun = "a multilayer perceptron"
    channels_last = False
    on_meta = True
    network = "tlpy.architectures.networks.mlp.MLPEncoder"

    hidden: Widths = (256, 64)
    norm: Literal["batch", "layer", "none"] = "batch"
    activation: Literal["relu", "gelu", "silu", "tanh"] = "relu"
    dropout: BelowOne = 0.5

    def layer_groups(self) -> LayerGroups:
        """One group per layer."""
        names = [f"layers.{index}" for index in range(len(self.hidden))]
        return [(name, [name]) for name in names]

    def layer_names(self) -> Iterator[str]:
        parts = ("linear",) if self.norm == "none" else ("linear", "norm")
        for index in range(len(self.hidden)):
            yield from (f"layers.{index}.{part}" for part in parts)

    def macs(self, size: Sequence[int], channels: int) -> float:
        widths = [channels * prod(size), *self.hidden]
        return float(sum(before * after for before, after in itertools.pairwise(widths)))
