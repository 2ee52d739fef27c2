"""The arguments of one term, filled in and checked. Imports no torch: planning reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlpy.components import rules
from tlpy.errors import InputError, Problem, Problems
from tlpy.objectives.entries import OBJECTIVES, OWN_RULES, RULES, ObjectiveEntry
from tlpy.objectives.own import entry_of
from tlpy.records import MULTILABEL, NONE, Head, task_type

_AUGMENTED = ("augmentation", "weak", "strong")
_VIEWS = ("weak", "strong")


def complete_term(name: str, setting: Any, heads: Sequence[Head], where: str) -> dict[str, Any] | None:
    """The arguments of one term, or None where it is switched off.

    Args:
        name: a term, or the class path of an own one.
        setting: null, a number, true or false, or arguments.
        heads: what the stage learns, as in `tlpy.objectives.registry.complete_objective`.
        where: the param's path, for messages.

    Raises:
        InputError: an unknown term or argument, a term that does not fit the task, or a bad value.
    """
    entry = entry_of(name, where)
    types = {head.type for head in heads} or {NONE}
    if (entry.tasks and not types & set(entry.tasks)) or (name == "multitask" and types == {NONE}):
        raise InputError([Problem(where, *_misfit(entry, task_type(heads), types))])
    if setting is None or setting is False:
        return None
    if setting is True:
        given: dict[str, Any] = {}
    elif isinstance(setting, int | float):
        given = {entry.number: setting}
        if setting == 0:
            return None
    elif isinstance(setting, Mapping):
        given = dict(setting)
    else:
        raise InputError([Problem(where, f"expected a number or arguments, found {setting!r}")])
    if "." in name:
        return None if given.get(entry.number) == 0 else given
    arguments = OBJECTIVES.complete({**given, "name": name}, where)
    del arguments["name"]
    _check(name, arguments, heads, where)
    if arguments.get("class_weights") not in (None, "balanced"):
        arguments["class_weights"] = {
            str(key): float(w) for key, w in sorted(arguments["class_weights"].items())
        }
    strengths = [arguments[key] for key in ("weight", "alpha", "beta") if key in arguments]
    return rules.settle(arguments, entry.arguments) if any(strengths) else None


def _misfit(entry: ObjectiveEntry, kind: str, types: set[str]) -> tuple[str, str]:
    fits = [
        other
        for other in OBJECTIVES.names()
        if types & set(OBJECTIVES.entry(other).tasks) and OBJECTIVES.entry(other).primary == entry.primary
    ]
    if types == {NONE}:
        fits = [other for other in OBJECTIVES.names() if OBJECTIVES.entry(other).selfsupervised]
        return f"{entry.shown} needs labels, and the images have none", f"use {' or '.join(fits)}"
    wanted = " or ".join(entry.tasks)
    return (
        f"{entry.shown} is for {wanted}, the task is {kind}",
        f"use {' or '.join(fits)}" if fits else "",
    )


def _check(name: str, arguments: dict[str, Any], heads: Sequence[Head], where: str) -> None:
    problems = Problems()
    rules.check(arguments, {**RULES, **OWN_RULES.get(name, {})}, where, problems)
    if "class_weights" in arguments:
        _check_class_weights(arguments["class_weights"], heads, f"{where}.class_weights", problems)
    if name == "soft_bins" and not len(problems) and arguments["low"] >= arguments["high"]:
        found = f"expected more than low ({arguments['low']:g}), found {arguments['high']:g}"
        problems.add(f"{where}.high", found)
    check_views(arguments, where, None, problems)
    problems.raise_if_any()


def check_views(
    arguments: Mapping[str, Any], where: str, size: Sequence[int] | None, problems: Problems
) -> None:
    """Augmentations within a term; its own two are known to fit any image."""
    from tlpy.data.augmentation.registry import complete_augmentation

    for key in _AUGMENTED:
        if key in arguments and arguments[key] not in _VIEWS:
            try:
                complete_augmentation(arguments[key], f"{where}.{key}", size)
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
