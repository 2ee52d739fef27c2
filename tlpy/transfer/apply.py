"""A way of transfer, applied to a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from tlpy.architectures.base import Architecture
from tlpy.errors import InputError, Problem
from tlpy.transfer.base import Transfer
from tlpy.transfer.groups import ParameterGroups
from tlpy.transfer.registry import TRANSFERS, complete_transfer


def make_transfer(component: Mapping[str, Any] | None) -> Transfer:
    """The way of transfer that a record names; None: everything trains.

    Raises:
        InputError: an unknown way or argument.
    """
    complete = complete_transfer(dict(component or {"name": "full"}), "transfer")
    maker = TRANSFERS.load(complete["name"])
    if isinstance(maker, type) and issubclass(maker, Transfer):
        made: Transfer = TRANSFERS.make(complete)
        return made
    return _Function(complete)


def apply(component: Mapping[str, Any] | Transfer | None, architecture: Architecture) -> ParameterGroups:
    """Decide which parameters train, and how fast. Weights are loaded before.

    Args:
        component: name or class path with arguments, or the way itself; None: everything trains. An own way
            may be a function that takes the architecture and its arguments and gives `ParameterGroups`.
        architecture: what does not train gets `requires_grad = False`.

    Raises:
        InputError: an unknown way, argument, layer or block, or an own way that gives something else.
    """
    transfer = component if isinstance(component, Transfer) else make_transfer(component)
    groups = transfer.groups(architecture)
    if not isinstance(groups, ParameterGroups):
        name = transfer.component["name"] if isinstance(transfer, _Function) else type(transfer).__name__
        message = f"{name} gives {type(groups).__name__}, expected tlpy.transfer.groups.ParameterGroups"
        raise InputError([Problem("transfer", message)])
    return replace(groups, transfer=transfer)


class _Function(Transfer):
    """A way of transfer that is a function: it says once what trains, and how fast."""

    def __init__(self, component: Mapping[str, Any]) -> None:
        self.component = component

    def groups(self, architecture: Architecture) -> ParameterGroups:
        groups: ParameterGroups = TRANSFERS.make(self.component, architecture)
        return groups


def keep_frozen_in_eval(architecture: nn.Module) -> None:
    """Put every module whose parameters are all frozen into evaluation mode. Call it after each `.train()`.

    A frozen batch normalisation then normalises by its stored statistics and leaves them as they
    are, bit for bit. Dropout inside a frozen part is off too: a frozen part is a fixed function of
    the image. Dropout between features and heads belongs to the heads and stays on.
    """
    for module in architecture.children():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()
        else:
            keep_frozen_in_eval(module)
