"""A way of transfer, applied to a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from tlpy.architectures.base import Architecture
from tlpy.errors import InputError, Problem
from tlpy.transfer.base import Transfer
from tlpy.transfer.groups import ParameterGroups
from tlpy.transfer.registry import TRANSFERS, complete_transfer


def apply(component: Mapping[str, Any] | None, architecture: Architecture) -> ParameterGroups:
    """Decide which parameters train, and how fast. Weights are loaded before.

    Args:
        component: name or class path with arguments; None: everything trains. An own way is a
            function that takes the architecture and its arguments and gives `ParameterGroups`.
        architecture: what does not train gets `requires_grad = False`.

    Raises:
        InputError: an unknown way, argument, layer or block, or an own function that gives something else.
    """
    complete = complete_transfer(dict(component or {"name": "full"}), "transfer")
    name, maker = complete["name"], TRANSFERS.load(complete["name"])
    if isinstance(maker, type) and issubclass(maker, Transfer):
        groups = TRANSFERS.make(complete).groups(architecture)
    else:
        groups = TRANSFERS.make(complete, architecture)
    if not isinstance(groups, ParameterGroups):
        message = f"{name} gives {type(groups).__name__}, expected tlpy.transfer.groups.ParameterGroups"
        raise InputError([Problem("transfer", message)])
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
