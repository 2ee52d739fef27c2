"""Optimizers and schedules by name. Imports no torch: planning reads it.

`torch.optim.X` and `torch.optim.lr_scheduler.X` work as class paths too.
"""

from __future__ import annotations

from typing import Any

from tlpy.components import rules
from tlpy.components.legacy import Entry, Registry
from tlpy.errors import Problems

_ADAM = {"betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": 0.0}

OPTIMIZERS: Registry[Entry] = Registry(
    "optimizer",
    [
        Entry("adam", "torch.optim:Adam", {**_ADAM, "amsgrad": False}, "Adam (Kingma 2015)"),
        Entry(
            "adamw",
            "torch.optim:AdamW",
            {**_ADAM, "weight_decay": 0.01, "amsgrad": False},
            "Adam with decoupled weight decay (Loshchilov 2019)",
        ),
        Entry(
            "sgd",
            "torch.optim:SGD",
            {"momentum": 0.9, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False},
            "stochastic gradient descent with momentum",
        ),
        Entry(
            "rmsprop",
            "torch.optim:RMSprop",
            {"alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0, "momentum": 0.0, "centered": False},
            "RMSprop (Hinton 2012)",
        ),
        Entry(
            "adagrad",
            "torch.optim:Adagrad",
            {"lr_decay": 0.0, "weight_decay": 0.0, "initial_accumulator_value": 0.0, "eps": 1e-10},
            "Adagrad (Duchi 2011)",
        ),
        Entry(
            "adadelta",
            "torch.optim:Adadelta",
            {"rho": 0.9, "eps": 1e-6, "weight_decay": 0.0},
            "Adadelta (Zeiler 2012)",
        ),
        Entry("adamax", "torch.optim:Adamax", dict(_ADAM), "Adam with the infinity norm (Kingma 2015)"),
        Entry(
            "nadam",
            "torch.optim:NAdam",
            {**_ADAM, "momentum_decay": 0.004, "decoupled_weight_decay": False},
            "Adam with Nesterov momentum (Dozat 2016)",
        ),
        Entry(
            "radam",
            "torch.optim:RAdam",
            {**_ADAM, "decoupled_weight_decay": False},
            "rectified Adam (Liu 2020)",
        ),
    ],
)

_WARMUP = {"warmup": 0.0}

SCHEDULES: Registry[Entry] = Registry(
    "schedule",
    [
        Entry("constant", "tlpy.optimizers.schedules:constant", {**_WARMUP}, "the same rate throughout"),
        Entry(
            "cosine",
            "tlpy.optimizers.schedules:cosine",
            {**_WARMUP, "final": 0.0},
            "half a cosine down to `final` times lr",
        ),
        Entry(
            "linear",
            "tlpy.optimizers.schedules:linear",
            {**_WARMUP, "final": 0.0},
            "a straight line down to `final` times lr",
        ),
        Entry(
            "step",
            "tlpy.optimizers.schedules:step",
            {**_WARMUP, "every": 30, "gamma": 0.1},
            "times `gamma` after each `every` epochs",
        ),
        Entry(
            "multistep",
            "tlpy.optimizers.schedules:multistep",
            {**_WARMUP, "milestones": [30, 60, 90], "gamma": 0.1},
            "times `gamma` after each epoch in `milestones`",
        ),
        Entry(
            "exponential",
            "tlpy.optimizers.schedules:exponential",
            {**_WARMUP, "gamma": 0.95},
            "times `gamma` after each epoch",
        ),
        Entry(
            "onecycle",
            "tlpy.optimizers.schedules:onecycle",
            {"rise": 0.3, "start": 0.04, "final": 1e-4},
            "one cycle (Smith 2018) that peaks at lr; `start` and `final` are shares of lr, per step",
        ),
        Entry(
            "dann",
            "tlpy.optimizers.schedules:dann",
            {**_WARMUP, "alpha": 10.0, "beta": 0.75},
            "lr / (1 + alpha·share)^beta (Ganin 2016), per step",
        ),
        Entry(
            "plateau",
            "tlpy.optimizers.schedules:plateau",
            {"factor": 0.1, "patience": 10, "threshold": 1e-4, "min_lr": 0.0},
            "times `factor` when the validation loss has not improved for `patience` epochs",
        ),
    ],
)


_OPTIMIZER_RULES = {
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
    "amsgrad": rules.FLAG,
    "nesterov": rules.FLAG,
    "centered": rules.FLAG,
    "decoupled_weight_decay": rules.FLAG,
}
_SCHEDULE_RULES = {
    "warmup": rules.FROM_ZERO,
    "final": rules.SHARE,
    "start": rules.UP_TO_ONE,
    "rise": rules.BETWEEN,
    "gamma": rules.UP_TO_ONE,
    "alpha": rules.FROM_ZERO,
    "beta": rules.FROM_ZERO,
    "factor": rules.BETWEEN,
    "every": rules.COUNT,
    "milestones": rules.list_of(rules.COUNT, 1, None, "a list of epochs"),
    "patience": rules.Rule(lambda v: v == 0 or rules.is_count(v), "a whole number of epochs"),
    "threshold": rules.FROM_ZERO,
    "min_lr": rules.FROM_ZERO,
}


def complete_optimizer(value: Any, where: str) -> dict[str, Any]:
    """`value` in its long form, with defaults; raises `InputError` for what is out of range."""

    def check_nesterov(component: dict[str, Any], problems: Problems) -> None:
        if component.get("nesterov") and (component["momentum"] == 0 or component["dampening"] != 0):
            problems.add(f"{where}.nesterov", "needs a momentum above 0 and a dampening of 0")

    return OPTIMIZERS.settle(value, where, _OPTIMIZER_RULES, check_nesterov)


def complete_schedule(value: Any, where: str) -> dict[str, Any]:
    """`value` in its long form, with defaults; null is `constant`.

    Raises:
        InputError: an unknown name or argument, or a value out of range.
    """
    return SCHEDULES.settle("constant" if value is None else value, where, _SCHEDULE_RULES)
