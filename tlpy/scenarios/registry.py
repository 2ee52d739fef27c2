"""The scenarios by name. Imports no torch: planning reads it."""

from __future__ import annotations

from typing import Any

from tlpy.components import rules
from tlpy.components.legacy import Entry, Registry
from tlpy.errors import InputError, Problem, Problems

SEQUENTIAL, JOINT = "sequential", "joint"

SCENARIOS: Registry[Entry] = Registry(
    "scenario",
    [
        Entry(SEQUENTIAL, "tlpy.scenarios.sequential:SequentialScenario", {}, "one data set, one label"),
        Entry(
            JOINT,
            "tlpy.scenarios.joint:JointScenario",
            {"mixing": "concatenate", "unlabelled_ratio": 1.0},
            "several data sets or labels, or images without labels beside others; `mixing: balanced` takes "
            "as many images of each data set a step, `unlabelled_ratio` is how many images without a label "
            "come with each that has one",
        ),
    ],
)

_RULES = {"mixing": rules.one_of("concatenate", "balanced"), "unlabelled_ratio": rules.POSITIVE}


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
    if "." in component["name"]:
        return component
    if component["name"] == SEQUENTIAL and joint:
        message = "sequential is for one data set with one label, this stage has more"
        raise InputError([Problem(where, message, "scenario: joint, or leave it out")])
    problems = Problems()
    rules.check(component, _RULES, where, problems)
    problems.raise_if_any()
    if not joint:
        return {"name": SEQUENTIAL}
    return rules.settle(component, SCENARIOS.entry(component["name"]).arguments)
