"""The plain baselines by name, and which of them fit a data set. Imports nothing heavy: planning reads it."""

from __future__ import annotations

from typing import Any

from tlpy.components.declarations import Form
from tlpy.components.registry import Registry
from tlpy.errors import InputError, Problem, Problems
from tlpy.plain.facts import PlainFacts
from tlpy.records import REGRESSION, Component, Head

_BASE = "tlpy.plain.base.PlainBaseline"

PLAIN = Registry(
    "plain baseline",
    PlainFacts,
    {
        "mean": "tlpy.plain.mean.Mean",
        "linear_images": "tlpy.plain.images.LinearImages",
        "linear_volume": "tlpy.plain.volume.LinearVolume",
        "linear_windows": "tlpy.plain.windows.LinearWindows",
        "linear_features": "tlpy.plain.features.LinearFeatures",
        "covariates": "tlpy.plain.covariates.LinearCovariates",
    },
    Form(
        f"a {_BASE} with fit(question, train, val) and predict(cases)",
        ("fit(question, train, val)", "predict(cases)"),
        (_BASE,),
    ),
    makes=_BASE,
)


def complete_plain(value: Any, where: str = "plain") -> list[Component]:
    """The baselines that a params file asks for, in their long form with defaults, each once.

    Args:
        value: true: all of ours; false: none; a name, a class path, either with arguments, or a list.
        where: the param's path, for messages.

    Raises:
        InputError: every unknown name or argument, and every value out of range.
    """
    if isinstance(value, bool):
        value = PLAIN.names() if value else []
    several = isinstance(value, list | tuple)
    problems, found = Problems(), []
    for number, item in enumerate(value if several else [value]):
        place = f"{where}[{number}]" if several else where
        try:
            component = PLAIN.complete(item, place)
        except InputError as error:
            problems.extend(error.problems)
            continue
        if component in found:
            problems.add(place, f"{component['name']} is named twice")
        found.append(component)
    problems.raise_if_any()
    return found


def plain_problems(value: Any, where: str = "plain") -> list[Problem]:
    """What is wrong with the baselines that a params file asks for."""
    try:
        complete_plain(value, where)
    except InputError as error:
        return error.problems
    return []


def fits(component: Component, kind: str) -> bool:
    """Whether a baseline is for data of this kind: `images`, `series` or `vectors`."""
    data = PLAIN.facts(component["name"]).data
    return not data or kind in data


def title(component: Component, head: Head) -> str:
    """What a baseline is called, where it predicts a label of this kind."""
    facts = PLAIN.facts(component["name"])
    noun = facts.noun if head.type == REGRESSION else facts.noun_for_classes or facts.noun
    return noun or str(component["name"])
