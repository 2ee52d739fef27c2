"""The scenarios by name. Imports no torch: planning reads it."""

from __future__ import annotations

from typing import Any

from tlpy.components.declarations import Form
from tlpy.components.registry import Registry
from tlpy.errors import InputError, Problem
from tlpy.scenarios.facts import ScenarioFacts

SEQUENTIAL, JOINT = "sequential", "joint"
_BASE = "tlpy.scenarios.sequential.SequentialScenario"

SCENARIOS = Registry(
    "scenario",
    ScenarioFacts,
    {SEQUENTIAL: _BASE, JOINT: "tlpy.scenarios.joint.JointScenario"},
    Form(
        f"a subclass of {_BASE}, with training_step(batch, batch_idx)",
        ("training_step(batch, batch_idx)",),
        (_BASE,),
        hidden=("stage", "architecture", "objective", "groups", "parts", "scaling"),
    ),
    makes=_BASE,
)


def complete_scenario(value: Any, where: str, joint: bool) -> dict[str, Any]:
    """`value` in its long form, with defaults; null is what the stage needs.

    A stage with one data set and one label is trained alike by both: it is called sequential.

    Args:
        value: null, a name, a class path, or either with arguments.
        where: the param's path, for messages.
        joint: whether the stage has several data sets or labels, or images without labels.

    Raises:
        InputError: an unknown name or argument, a value out of range, or a stage that is not sequential.
    """
    component = SCENARIOS.complete((JOINT if joint else SEQUENTIAL) if value is None else value, where)
    if joint and not SCENARIOS.facts(component["name"]).several:
        message = f"{component['name']} is for one data set with one label, this stage has more"
        raise InputError([Problem(where, message, "scenario: joint, or leave it out")])
    return component if joint or component["name"] not in SCENARIOS else {"name": SEQUENTIAL}
