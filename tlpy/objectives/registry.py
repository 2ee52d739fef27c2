"""The terms of an objective by name. Imports no torch: planning reads it.

An objective in a params file is a map of terms: `{mse: 1, elastic_penalty: 0.01}`. A number is a
term's weight (for `elastic_penalty`: its alpha), 0 takes the term out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tlpy import rules
from tlpy.components import Entry, Registry
from tlpy.errors import InputError, Problem, Problems

REGRESSION, BINARY, MULTICLASS = "regression", "binary", "multiclass"


@dataclass(frozen=True)
class ObjectiveEntry(Entry):
    """One registered term.

    Attributes:
        tasks: the task types it works for; empty: all.
        primary: whether it measures the prediction (else it only adds to a primary term).
        number: the argument that a bare number sets.
        needs_start: whether it has an effect only where weights were taken over.
    """

    tasks: tuple[str, ...] = ()
    primary: bool = True
    number: str = "weight"
    needs_start: bool = False


OBJECTIVES: Registry[ObjectiveEntry] = Registry(
    "objective",
    [
        ObjectiveEntry(
            "cross_entropy",
            "tlpy.objectives.cross_entropy:CrossEntropy",
            {"weight": 1.0, "label_smoothing": 0.0, "class_weights": None},
            "cross entropy of the class (one logit for two classes)",
            tasks=(BINARY, MULTICLASS),
        ),
        ObjectiveEntry(
            "mse",
            "tlpy.objectives.regression:MeanSquaredError",
            {"weight": 1.0},
            "mean squared error",
            tasks=(REGRESSION,),
        ),
        ObjectiveEntry(
            "mae",
            "tlpy.objectives.regression:MeanAbsoluteError",
            {"weight": 1.0},
            "mean absolute error",
            tasks=(REGRESSION,),
        ),
        ObjectiveEntry(
            "huber",
            "tlpy.objectives.regression:Huber",
            {"weight": 1.0, "delta": 1.0},
            "squared up to `delta` (in standard deviations of the target), absolute beyond",
            tasks=(REGRESSION,),
        ),
        ObjectiveEntry(
            "elastic_penalty",
            "tlpy.objectives.elastic_penalty:ElasticPenalty",
            {"alpha": 0.01, "beta": 0.01},
            "L2-SP (Li 2018): keeps weights near those they started from",
            primary=False,
            number="alpha",
            needs_start=True,
        ),
    ],
)

_RULES = {
    **dict.fromkeys(("weight", "alpha", "beta"), rules.FROM_ZERO),
    "label_smoothing": rules.BELOW_ONE,
    "delta": rules.POSITIVE,
}
_DEFAULT = {REGRESSION: "mse", BINARY: "cross_entropy", MULTICLASS: "cross_entropy"}


def default_primary(task_type: str) -> str:
    """The primary term of a task type when a params file names none."""
    return _DEFAULT[task_type]


def complete_objective(
    value: Any, task: Mapping[str, Any], where: str, started: bool = True
) -> dict[str, dict[str, Any]]:
    """An objective with defaults filled in, its primary term first.

    A term with weight 0 (`elastic_penalty`: alpha and beta 0) is taken out, and so is one that
    needs taken-over weights where there are none: a setting without effect is normalised away.

    Args:
        value: null, a term's name, or a map of terms to a number, true or false, or arguments.
        task: `{"type", "labels", "classes"}`.
        where: the param's path, for messages.
        started: whether the stage starts from earlier weights.

    Raises:
        InputError: an unknown term or argument, a term that does not fit the task, a bad value.
    """
    problems = Problems()
    terms: dict[str, dict[str, Any]] = {}
    for name, setting in _as_map(value, where).items():
        try:
            arguments = _complete_term(name, setting, task, f"{where}.{name}")
        except InputError as error:
            problems.extend(error.problems)
            continue
        if arguments is not None and (started or not _entry(name).needs_start):
            terms[name] = arguments
    problems.raise_if_any()
    primary = [name for name in terms if _entry(name).primary]
    if not primary:
        name = default_primary(task["type"])
        entry = OBJECTIVES.entry(name)
        primary, terms[name] = [name], rules.settle(entry.arguments, entry.arguments)
    others = sorted(name for name in terms if name not in primary)
    return {name: terms[name] for name in [*primary, *others]}


def _entry(name: str) -> ObjectiveEntry:
    """The entry of `name`; an own class counts as an auxiliary term until it says more."""
    return ObjectiveEntry(name, name, primary=False) if "." in name else OBJECTIVES.entry(name)


def _as_map(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, str):
        return {value: True}
    if isinstance(value, Mapping):
        return {str(key): setting for key, setting in value.items()}
    raise InputError([Problem(where, f"expected a term or a map of terms, found {value!r}", "e.g. {mse: 1}")])


def _complete_term(name: str, setting: Any, task: Mapping[str, Any], where: str) -> dict[str, Any] | None:
    """The arguments of one term, or None where it is switched off."""
    entry = _entry(name) if "." in name else OBJECTIVES.entry(name, where)
    if entry.tasks and task["type"] not in entry.tasks:
        fits = [other for other in OBJECTIVES.names() if task["type"] in OBJECTIVES.entry(other).tasks]
        message = f"{name} is for {' or '.join(entry.tasks)}, the task is {task['type']}"
        raise InputError([Problem(where, message, f"use {' or '.join(fits)}")])
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
        return given
    arguments = OBJECTIVES.complete({**given, "name": name}, where)
    del arguments["name"]
    _check(arguments, task, where)
    if arguments.get("class_weights") not in (None, "balanced"):
        arguments["class_weights"] = {
            str(key): float(w) for key, w in sorted(arguments["class_weights"].items())
        }
    strengths = [arguments[key] for key in ("weight", "alpha", "beta") if key in arguments]
    return rules.settle(arguments, entry.arguments) if any(strengths) else None


def _check(arguments: dict[str, Any], task: Mapping[str, Any], where: str) -> None:
    problems = Problems()
    rules.check(arguments, _RULES, where, problems)
    if "class_weights" in arguments:
        _check_class_weights(arguments["class_weights"], task, f"{where}.class_weights", problems)
    problems.raise_if_any()


def _check_class_weights(value: Any, task: Mapping[str, Any], where: str, problems: Problems) -> None:
    classes = [str(name) for name in task.get("classes") or []]
    if value is None or value == "balanced":
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
