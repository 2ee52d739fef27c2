"""From components in a params file to an optimizer and a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

import torch
from torch.optim import Optimizer

from tlpy.optimizers.registry import OPTIMIZERS, SCHEDULES, complete_optimizer, complete_schedule
from tlpy.optimizers.schedules import Length
from tlpy.transfer.groups import ParameterGroups

# One kernel for all parameters instead of one for each; the CPU has them since torch 2.4.
_FUSED = {
    torch.optim.Adam: {"cpu", "cuda"},
    torch.optim.AdamW: {"cpu", "cuda"},
    torch.optim.SGD: {"cpu", "cuda"},
    torch.optim.Adagrad: {"cpu"},
}


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
    component = complete_optimizer(dict(component), "optimizer")
    if "betas" in component:
        component["betas"] = tuple(component["betas"])
    maker = OPTIMIZERS.load(component["name"])
    ours = next((kind for kind in _FUSED if isinstance(maker, type) and issubclass(maker, kind)), None)
    options: dict[str, Any] = {}
    if fused and ours is not None and torch.device(device).type in _FUSED[ours]:
        options["fused"] = True
    optimizer: Optimizer = OPTIMIZERS.make(component, groups.for_optimizer(lr), lr=lr, **options)
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
    component = complete_schedule(dict(component) if component else None, "schedule")
    maker = SCHEDULES.load(component["name"])
    takes_length = "length" in signature(maker).parameters
    length: dict[str, Any] = {"length": Length(epochs, steps_per_epoch)} if takes_length else {}
    made = SCHEDULES.make(component, optimizer, **length)
    if made is None:
        return None
    if not isinstance(made, Mapping):
        made = {"scheduler": made, "interval": "epoch"}
    return {"frequency": 1, **made}
