"""From components in a params file to an optimizer and a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from tlpy.optimizers.registry import OPTIMIZERS, SCHEDULES, complete_optimizer, complete_schedule
from tlpy.optimizers.schedules import Length
from tlpy.transfer.groups import ParameterGroups

# One kernel for all parameters instead of one for each; the CPU has them since torch 2.4.
_FUSED = {"adam", "adamw", "sgd", "adagrad"}


def build_optimizer(
    component: Mapping[str, Any],
    groups: ParameterGroups,
    lr: float,
    device: torch.device | str = "cpu",
    fused: bool = True,
) -> Optimizer:
    """The optimizer over `groups`, fused where torch has that.

    Args:
        component: name or class path (`torch.optim.X`) with arguments; defaults are filled in.
        groups: what trains; each group keeps its `name` in `optimizer.param_groups`.
        lr: the stage's learning rate, above 0.
        device: where the parameters are.
        fused: whether one kernel may step all parameters.

    Raises:
        InputError: an unknown name or argument, or a value out of range.
    """
    arguments = complete_optimizer(dict(component), "optimizer")
    name = arguments.pop("name")
    if "betas" in arguments:
        arguments["betas"] = tuple(arguments["betas"])
    supported = {"cpu"} if name == "adagrad" else {"cpu", "cuda"}
    if fused and name in _FUSED and torch.device(device).type in supported:
        arguments["fused"] = True
    optimizer: Optimizer = OPTIMIZERS.load(name)(groups.for_optimizer(lr), lr=lr, **arguments)
    return optimizer


def build_schedule(
    component: Mapping[str, Any] | None, optimizer: Optimizer, epochs: int, steps_per_epoch: int
) -> dict[str, Any] | None:
    """The schedule as Lightning takes it, or None where the rate does not change.

    Args:
        component: name or class path (`torch.optim.lr_scheduler.X`, stepped once an epoch) with arguments.
        optimizer: what it drives; each group keeps its own base rate.
        epochs: of the stage, early stopping aside.
        steps_per_epoch: optimizer steps in an epoch.

    Returns:
        `{"scheduler", "interval": "step" | "epoch", "frequency": 1}` and, for `plateau`, `"monitor"`.

    Raises:
        InputError: an unknown name or argument, or a value out of range.
    """
    arguments = complete_schedule(dict(component) if component else None, "schedule")
    name = arguments.pop("name")
    if "." in name:
        return {
            "scheduler": SCHEDULES.load(name)(optimizer, **arguments),
            "interval": "epoch",
            "frequency": 1,
        }
    made = SCHEDULES.load(name)(optimizer, Length(epochs, steps_per_epoch), **arguments)
    return None if made is None else {"frequency": 1, **made}
