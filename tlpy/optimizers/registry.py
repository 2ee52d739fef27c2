"""Optimizers and schedules by name. Imports no torch: planning reads torch's sources.

Any other class of `torch.optim` and `torch.optim.lr_scheduler` works by its class path.
"""

from __future__ import annotations

from typing import Any

from tlpy.components import rules
from tlpy.components.declarations import Form
from tlpy.components.facts import Facts
from tlpy.components.registry import Registry
from tlpy.errors import InputError, Problem

# torch tells what an optimizer takes and by default is given, but not which values it accepts.
_VALUES = {
    "betas": rules.list_of(rules.BELOW_ONE, 2, 2, "two numbers from 0 to below 1"),
    "eps": rules.POSITIVE,
    "weight_decay": rules.FROM_ZERO,
    "momentum": rules.BELOW_ONE,
    "dampening": rules.SHARE,
    "alpha": rules.SHARE,
    "rho": rules.SHARE,
    "lr_decay": rules.FROM_ZERO,
    "initial_accumulator_value": rules.FROM_ZERO,
    "momentum_decay": rules.FROM_ZERO,
}

OPTIMIZERS = Registry(
    "optimizer",
    Facts,
    {
        "adam": "torch.optim.Adam",
        "adamw": "torch.optim.AdamW",
        "sgd": "tlpy.optimizers.sgd.SGD",
        "rmsprop": "torch.optim.RMSprop",
        "adagrad": "torch.optim.Adagrad",
        "adadelta": "torch.optim.Adadelta",
        "adamax": "torch.optim.Adamax",
        "nadam": "torch.optim.NAdam",
        "radam": "torch.optim.RAdam",
    },
    Form(
        "a torch.optim.Optimizer with step()",
        ("step()",),
        elsewhere=("torch.optim.Optimizer",),
        positional=1,
        # The rate is the stage's; the others say how torch computes, or turn the objective round.
        hidden=("lr", "foreach", "fused", "capturable", "differentiable", "maximize"),
        values=_VALUES,
        function=True,
    ),
    makes="torch.optim.Optimizer",
)

_SCHEDULES = "tlpy.optimizers.schedules"

SCHEDULES = Registry(
    "schedule",
    Facts,
    {
        name: f"{_SCHEDULES}.{name}"
        for name in (
            "constant",
            "cosine",
            "linear",
            "step",
            "multistep",
            "exponential",
            "onecycle",
            "dann",
            "plateau",
        )
    },
    Form(
        "a torch.optim.lr_scheduler.LRScheduler",
        elsewhere=("torch.optim.lr_scheduler.LRScheduler", "torch.optim.lr_scheduler.ReduceLROnPlateau"),
        positional=1,
        hidden=("length", "last_epoch"),
        function=True,
    ),
)


def complete_optimizer(value: Any, where: str) -> dict[str, Any]:
    """`value` in its long form, with defaults; raises `InputError` for what is out of range."""
    component = OPTIMIZERS.complete(value, where)
    if component.get("nesterov") and (component["momentum"] == 0 or component["dampening"] != 0):
        message = "needs a momentum above 0 and a dampening of 0"
        raise InputError([Problem(f"{where}.nesterov", message)])
    return component


def complete_schedule(value: Any, where: str) -> dict[str, Any]:
    """`value` in its long form, with defaults; null is `constant`.

    Raises:
        InputError: an unknown name or argument, or a value out of range.
    """
    return SCHEDULES.complete("constant" if value is None else value, where)
