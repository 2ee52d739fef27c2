"""Which parameters train, and how fast: what a way of transfer decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from tlpy.architectures.base import HEADS, Architecture
from tlpy.transfer.running import SCALE


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that share a learning rate.

    Attributes:
        name: as in `learning_rates.csv`.
        parameters: names and parameters, in definition order.
        lr_scale: what the stage's learning rate is multiplied with, at the start.
        options: further options of the optimizer for this group, such as `weight_decay`.
    """

    name: str
    parameters: tuple[tuple[str, nn.Parameter], ...]
    lr_scale: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ParameterGroups:
    """All that may train, in definition order.

    Attributes:
        transfer: the way of transfer (`base.Transfer`) that has a say in it while the training goes on; None:
            nothing has.
    """

    groups: tuple[ParameterGroup, ...]
    transfer: Any = None

    def for_optimizer(self, lr: float) -> list[dict[str, Any]]:
        """Parameter groups as torch's optimizers take them: `name`, `lr` of the stage, and `lr_scale`.

        The rate of a group is the product of both. Schedules move the first, ways of transfer the second.
        """
        return [
            {
                "params": [parameter for _, parameter in group.parameters],
                "name": group.name,
                "lr": lr,
                SCALE: group.lr_scale,
                **group.options,
            }
            for group in self.groups
        ]

    @property
    def names(self) -> list[str]:
        """Full names of all parameters that may train."""
        return [name for group in self.groups for name, _ in group.parameters]

    @property
    def numbers(self) -> int:
        """How many numbers train."""
        return sum(p.numel() for group in self.groups for _, p in group.parameters if p.requires_grad)


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


def group_by_block(architecture: Architecture, scales: Mapping[str, float] | None = None) -> ParameterGroups:
    """One group for each layer group of the network, the heads last.

    Args:
        architecture: what it keeps fixed itself, such as sine positions, stays fixed and is in no group.
        scales: `lr_scale` by the name of a layer group; 1 where nothing is said. What has 0 is frozen.
    """
    parameters = {name: p for name, p in architecture.named_parameters() if p.requires_grad}
    groups = []
    for block in architecture.blocks():
        own = tuple((name, parameters[name]) for name in block.parameters if name in parameters)
        scale = (scales or {}).get(block.name, 1.0)
        if scale == 0:
            for _, parameter in own:
                parameter.requires_grad = False
        if own:
            groups.append(ParameterGroup(block.name, own, float(scale)))
    if not any(group.lr_scale for group in groups):
        raise ValueError("no parameter is left to train")
    return ParameterGroups(tuple(groups))


def freeze_parameters(architecture: Architecture, names: Sequence[str]) -> ParameterGroups:
    """Stop the parameters called `names` from training and group the rest."""
    stopped = set(names)
    for name, parameter in architecture.named_parameters():
        if name in stopped:
            parameter.requires_grad = False
    return group_trainable(architecture)


def decayed(architecture: Architecture, decay: float) -> dict[str, float]:
    """By layer group, `decay` to the power of how many groups are between it and the network's end."""
    names = [block.name for block in architecture.blocks() if block.parameters]
    return {name: decay**steps for steps, name in enumerate(reversed(names))}
