"""Which parameters train, and how fast: what a way of transfer decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from tlpy.architectures.base import HEADS, Architecture


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share a learning rate.

    Attributes:
        name: as in `learning_rates.csv`.
        parameters: names and parameters, in definition order.
        lr_scale: what the stage's learning rate is multiplied with.
        options: further options of the optimizer for this group, such as `weight_decay`.
    """

    name: str
    parameters: tuple[tuple[str, nn.Parameter], ...]
    lr_scale: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ParameterGroups:
    """All that trains, in definition order."""

    groups: tuple[ParameterGroup, ...]

    def for_optimizer(self, lr: float) -> list[dict[str, Any]]:
        """Parameter groups as torch's optimizers take them, each with its `name` and its own `lr`."""
        return [
            {
                "params": [parameter for _, parameter in group.parameters],
                "name": group.name,
                "lr": lr * group.lr_scale,
                **group.options,
            }
            for group in self.groups
        ]

    @property
    def names(self) -> list[str]:
        """Full names of all parameters that train."""
        return [name for group in self.groups for name, _ in group.parameters]


def group_trainable(architecture: Architecture) -> ParameterGroups:
    """Two groups, encoder and heads, of what requires a gradient; a group that holds nothing is left out.

    Raises:
        ValueError: nothing trains.
    """
    encoder: list[tuple[str, nn.Parameter]] = []
    heads: list[tuple[str, nn.Parameter]] = []
    for name, parameter in architecture.named_parameters():
        if parameter.requires_grad:
            (heads if name.startswith(f"{HEADS}.") else encoder).append((name, parameter))
    groups = [ParameterGroup(name, tuple(p)) for name, p in (("encoder", encoder), (HEADS, heads)) if p]
    if not groups:
        raise ValueError("no parameter is left to train")
    return ParameterGroups(tuple(groups))


def freeze_parameters(architecture: Architecture, names: Sequence[str]) -> ParameterGroups:
    """Stop the parameters called `names` from training and group the rest."""
    stopped = set(names)
    for name, parameter in architecture.named_parameters():
        if name in stopped:
            parameter.requires_grad = False
    return group_trainable(architecture)
