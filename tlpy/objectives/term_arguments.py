"""The arguments of one term, filled in and checked. Imports no torch: planning reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlpy.components import rules
from tlpy.errors import InputError, Problem, Problems
from tlpy.objectives.facts import TermFacts
from tlpy.objectives.registry import TERMS, without_labels
from tlpy.records import MULTILABEL, NONE, Head, task_type

# Augmentations that any image fits.
_VIEWS = ("weak", "strong")


def complete_term(name: str, setting: Any, heads: Sequence[Head], where: str) -> dict[str, Any] | None:
    """The arguments of one term, or None where it is switched off.

    Args:
        name: a term, or the class path of an own one.
        setting: null, a number, true or false, or arguments.
        heads: what the stage learns, as in `tlpy.objectives.complete.complete_objective`.
        where: the param's path, for messages.

    Raises:
        InputError: an unknown term or argument, a term that does not fit the task, or a bad value.
    """
    term = TERMS.declaration(name, where)
    facts = term.facts
    types = {head.type for head in heads} or {NONE}
    if (facts.tasks and not types & set(facts.tasks)) or (facts.per_label and types == {NONE}):
        raise InputError([Problem(where, *_misfit(term.shown, facts, task_type(heads), types))])
    if setting is None or setting is False:
        return None
    if setting is True:
        given: dict[str, Any] = {}
    elif isinstance(setting, int | float):
        given = {facts.number: setting}
        if setting == 0:
            return None
    elif isinstance(setting, Mapping):
        given = dict(setting)
    else:
        raise InputError([Problem(where, f"expected a number or arguments, found {setting!r}")])
    arguments = TERMS.complete({**given, "name": name}, where)
    del arguments["name"]
    problems = Problems()
    if "class_weights" in arguments:
        _check_class_weights(arguments["class_weights"], heads, f"{where}.class_weights", problems)
    check_views(facts, arguments, where, None, problems)
    problems.raise_if_any()
    if isinstance(arguments.get("class_weights"), Mapping):
        weights = sorted(arguments["class_weights"].items())
        arguments["class_weights"] = {str(key): float(weight) for key, weight in weights}
    strengths = [arguments[key] for key in facts.strengths if key in arguments]
    return None if strengths and not any(strengths) else arguments


def _misfit(shown: str, facts: type[TermFacts], kind: str, types: set[str]) -> tuple[str, str]:
    if types == {NONE}:
        return f"{shown} needs labels, and the images have none", f"use {' or '.join(without_labels())}"
    alike = {name: TERMS.facts(name) for name in TERMS.names() if TERMS.facts(name).primary == facts.primary}
    fits = [name for name, other in alike.items() if types & set(other.tasks)]
    wanted = " or ".join(facts.tasks)
    return f"{shown} is for {wanted}, the task is {kind}", f"use {' or '.join(fits)}" if fits else ""


def check_views(
    facts: type[TermFacts],
    arguments: Mapping[str, Any],
    where: str,
    size: Sequence[int] | None,
    problems: Problems,
    vectors: bool = False,
) -> None:
    """Add what is wrong with the augmentations within a term."""
    from tlpy.data.augmentation.registry import complete_augmentation

    for key in facts.augmentations:
        if vectors and arguments.get(key) in _VIEWS:
            message = f"'{arguments[key]}' is made of changes to images, these are vectors"
            problems.add(f"{where}.{key}", message, "say its own, such as [{name: noise, p: 1, sd: 0.3}]")
        elif key in arguments and arguments[key] not in _VIEWS:
            try:
                complete_augmentation(arguments[key], f"{where}.{key}", size, vectors)
            except InputError as error:
                problems.extend(error.problems)


def _check_class_weights(value: Any, heads: Sequence[Head], where: str, problems: Problems) -> None:
    if value is None:
        return
    if any(head.type == MULTILABEL for head in heads):
        problems.add(where, f"found {value!r}, but labels that may hold together have no classes to weigh")
        return
    classes = [name for head in heads[:1] for name in head.names]
    if value == "balanced":
        return
    if not isinstance(value, Mapping):
        problems.add(
            where,
            f"expected `balanced` or a weight per class, found {value!r}",
            f"classes: {', '.join(classes)}",
        )
        return
    names = {str(key) for key in value}
    if names != set(classes):
        problems.add(where, f"names {', '.join(sorted(names))}, the classes are {', '.join(classes)}")
    for key, weight in value.items():
        if not rules.POSITIVE.holds(weight):
            problems.add(f"{where}.{key}", f"expected {rules.POSITIVE.expected}, found {weight!r}")
