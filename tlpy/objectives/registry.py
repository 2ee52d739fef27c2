"""From the objective in a params file to its record. Imports no torch: planning reads it.

An objective in a params file is a map of terms: `{mse: 1, elastic_penalty: 0.01}`. A number is a
term's weight (for `elastic_penalty`: its alpha), 0 takes the term out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlpy import rules
from tlpy.errors import InputError, Problem, Problems
from tlpy.objectives.entries import (
    BINARY,
    MULTICLASS,
    MULTILABEL,
    NONE,
    OBJECTIVES,
    OWN_RULES,
    REGRESSION,
    RULES,
    ObjectiveEntry,
)

__all__ = [
    "OBJECTIVES",
    "ObjectiveEntry",
    "check_fit",
    "complete_objective",
    "default_primary",
    "heads_of",
    "outputs_of",
    "soft_bins_of",
]

_DEFAULT = {
    REGRESSION: "mse",
    BINARY: "cross_entropy",
    MULTICLASS: "cross_entropy",
    MULTILABEL: "cross_entropy",
}
_AUGMENTED = ("augmentation", "weak", "strong")
_VIEWS = ("weak", "strong")


def default_primary(task_type: str) -> str:
    """The primary term of a task type when a params file names none."""
    return _DEFAULT[task_type]


def heads_of(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`{"label", "type", "classes"}` of each head of a task: its `tasks`, else one for each label."""
    if task.get("tasks"):
        return [dict(head) for head in task["tasks"]]
    return [
        {"label": label, "type": task["type"], "classes": task.get("classes")}
        for label in task.get("labels", [""])
    ]


def soft_bins_of(
    objective: Mapping[str, Mapping[str, Any]], label: str | None = None
) -> dict[str, Any] | None:
    """The arguments of `soft_bins` where a label (None: any) is trained by it, else None.

    Args:
        objective: completed.
        label: whose head; what matters within `multitask`.
    """
    terms = objective.get("multitask", {}).get("terms", {})
    inner = terms.get(label, {}) if label is not None else {}
    found = objective.get("soft_bins") or inner.get("soft_bins")
    return dict(found) if found is not None else None


def outputs_of(head: Mapping[str, Any], objective: Mapping[str, Mapping[str, Any]]) -> int:
    """How many outputs a head has: one for a number or two classes, one a class or column, or the bins.

    Args:
        head: `{"label", "type", "classes"}`, or a task of one label.
        objective: completed.
    """
    if head["type"] == REGRESSION:
        labels = head.get("labels") or [None]
        found = soft_bins_of(objective, head.get("label", labels[0]))
        return int(found["bins"]) if found else 1
    if head["type"] == BINARY:
        return 1
    return len(head["classes"]) if head.get("classes") else 1


def complete_objective(
    value: Any,
    task: Mapping[str, Any],
    where: str,
    started: bool = True,
    tasks: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, dict[str, Any]]:
    """An objective with defaults filled in, its primary term first.

    A term with weight 0 (`elastic_penalty`: alpha and beta 0) is taken out, and so is one that
    needs taken-over weights where there are none: a setting without effect is normalised away.
    What a term asks of the stage's images is checked by `check_fit`.

    Args:
        value: null, a term's name, or a map of terms to a number, true or false, or arguments.
        task: `{"type", "labels", "classes"}`; type `none` for a stage without labels.
        where: the param's path, for messages.
        started: whether the stage starts from earlier weights.
        tasks: `{"label", "type", "classes"}` of each head; None: those of `task`.

    Raises:
        InputError: an unknown term or argument, a term that does not fit the task, a bad value, or no term
            that a stage without labels can be trained by.
    """
    problems = Problems()
    heads = heads_of({**task, "tasks": tasks})
    terms: dict[str, dict[str, Any]] = {}
    for name, setting in _as_map(value, where).items():
        try:
            arguments = _complete_term(name, setting, task, heads, f"{where}.{name}")
        except InputError as error:
            problems.extend(error.problems)
            continue
        if arguments is not None and (started or not _entry(name).needs_start):
            terms[name] = arguments
    problems.raise_if_any()
    primary = [name for name in terms if _is_primary(name, task["type"])]
    if not primary and task["type"] == NONE:
        fits = [name for name in OBJECTIVES.names() if OBJECTIVES.entry(name).selfsupervised]
        hint = f"name the label, or an objective that needs none: {', '.join(fits)}"
        raise InputError([Problem(where, "the images have no label to learn", hint)])
    if not primary:
        name = "multitask" if len(heads) > 1 else default_primary(task["type"])
        completed = _complete_term(name, True, task, heads, where)
        assert completed is not None
        primary, terms[name] = [name], completed
    _check_covered(primary, heads, where)
    others = sorted(name for name in terms if name not in primary)
    return {name: terms[name] for name in [*primary, *others]}


def check_fit(
    objective: Mapping[str, Mapping[str, Any]],
    where: str,
    size: Sequence[int] | None = None,
    unlabelled: bool = True,
    augmentation: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Whether the terms fit the stage's images.

    Args:
        objective: completed.
        where: the param's path, for messages.
        size: the images' spatial size.
        unlabelled: whether the stage has `unlabelled` images.
        augmentation: the stage's augmentation, completed.

    Raises:
        InputError: a term for other images, one that needs images without labels, or one whose task an
            augmentation undoes.
    """
    problems = Problems()
    used = {str(step["name"]) for step in augmentation or ()}
    for name, arguments in objective.items():
        entry, place = _entry(name), f"{where}.{name}"
        if entry.needs_unlabelled and not unlabelled:
            problems.add(place, f"{name} needs images without labels", "name their data set as `unlabelled`")
        if size is not None and len(size) not in entry.dims:
            allowed = " or ".join(map(str, entry.dims))
            problems.add(place, f"{name} is for images with {allowed} axes, these have {len(size)}")
        for clash in sorted(used & set(entry.conflicts)):
            problems.add(place, f"{name} can't learn what the augmentation {clash} changes", "take one out")
        if size is not None:
            _check_views(arguments, place, size, problems)
    problems.raise_if_any()


def _entry(name: str) -> ObjectiveEntry:
    """The entry of `name`; an own class counts as an auxiliary term until it says more."""
    if "." in name:
        return ObjectiveEntry(name, name, primary=False, selfsupervised=True)
    return OBJECTIVES.entry(name)


def _is_primary(name: str, task_type: str) -> bool:
    entry = _entry(name)
    return entry.selfsupervised if task_type == NONE else entry.primary


def _as_map(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, str):
        return {value: True}
    if isinstance(value, Mapping):
        return {str(key): setting for key, setting in value.items()}
    raise InputError([Problem(where, f"expected a term or a map of terms, found {value!r}", "e.g. {mse: 1}")])


def _complete_term(
    name: str, setting: Any, task: Mapping[str, Any], heads: Sequence[Mapping[str, Any]], where: str
) -> dict[str, Any] | None:
    """The arguments of one term, or None where it is switched off."""
    entry = _entry(name) if "." in name else OBJECTIVES.entry(name, where)
    types = {head["type"] for head in heads} or {task["type"]}
    if (entry.tasks and not types & set(entry.tasks)) or (name == "multitask" and types == {NONE}):
        raise InputError([Problem(where, *_misfit(name, entry, task["type"], types))])
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
    _check(name, arguments, heads, where)
    if name == "multitask":
        arguments = _complete_multitask(arguments, heads, where)
    if arguments.get("class_weights") not in (None, "balanced"):
        arguments["class_weights"] = {
            str(key): float(w) for key, w in sorted(arguments["class_weights"].items())
        }
    strengths = [arguments[key] for key in ("weight", "alpha", "beta") if key in arguments]
    return rules.settle(arguments, entry.arguments) if any(strengths) else None


def _misfit(name: str, entry: ObjectiveEntry, task_type: str, types: set[str]) -> tuple[str, str]:
    fits = [
        other
        for other in OBJECTIVES.names()
        if types & set(OBJECTIVES.entry(other).tasks) and OBJECTIVES.entry(other).primary == entry.primary
    ]
    if types == {NONE}:
        fits = [other for other in OBJECTIVES.names() if OBJECTIVES.entry(other).selfsupervised]
        return f"{name} needs labels, and the images have none", f"use {' or '.join(fits)}"
    wanted = " or ".join(entry.tasks)
    return f"{name} is for {wanted}, the task is {task_type}", f"use {' or '.join(fits)}" if fits else ""


def _check(name: str, arguments: dict[str, Any], heads: Sequence[Mapping[str, Any]], where: str) -> None:
    problems = Problems()
    rules.check(arguments, {**RULES, **OWN_RULES.get(name, {})}, where, problems)
    if "class_weights" in arguments:
        _check_class_weights(arguments["class_weights"], heads, f"{where}.class_weights", problems)
    if name == "soft_bins" and not len(problems) and arguments["low"] >= arguments["high"]:
        found = f"expected more than low ({arguments['low']:g}), found {arguments['high']:g}"
        problems.add(f"{where}.high", found)
    _check_views(arguments, where, None, problems)
    problems.raise_if_any()


def _check_views(
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


def _check_class_weights(
    value: Any, heads: Sequence[Mapping[str, Any]], where: str, problems: Problems
) -> None:
    if value is None:
        return
    if any(head["type"] == MULTILABEL for head in heads):
        problems.add(where, f"found {value!r}, but labels that may hold together have no classes to weigh")
        return
    classes = [str(name) for head in heads[:1] for name in head.get("classes") or []]
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


def _complete_multitask(
    arguments: dict[str, Any], heads: Sequence[Mapping[str, Any]], where: str
) -> dict[str, Any]:
    """Weights and the term of every head, filled in."""
    problems = Problems()
    labels = [str(head["label"]) for head in heads]
    weights, given = arguments["weights"], arguments["terms"]
    if rules.POSITIVE.holds(weights):
        weights = dict.fromkeys(labels, float(weights))
    elif isinstance(weights, Mapping):
        _check_labels(weights, labels, f"{where}.weights", problems)
        rules.check(weights, dict.fromkeys(weights, rules.FROM_ZERO), f"{where}.weights", problems)
        weights = {label: weights.get(label, 1.0) for label in labels}
    elif weights != "uncertainty":
        hint = f"e.g. {{{labels[0]}: 0.5}}"
        problems.add(
            f"{where}.weights", f"expected `uncertainty` or numbers by label, found {weights!r}", hint
        )
    terms: dict[str, Any] = {}
    if not isinstance(given, Mapping):
        problems.add(f"{where}.terms", f"expected terms by label, found {given!r}")
    else:
        _check_labels(given, labels, f"{where}.terms", problems)
        for head in heads:
            task = {**head, "labels": [head["label"]]}
            try:
                terms[head["label"]] = complete_objective(
                    given.get(head["label"]), task, f"{where}.terms.{head['label']}"
                )
            except InputError as error:
                problems.extend(error.problems)
    problems.raise_if_any()
    if isinstance(weights, Mapping):
        weights = {label: float(weight) for label, weight in weights.items()}
    return {**arguments, "weights": weights, "terms": terms}


def _check_labels(value: Mapping[str, Any], labels: Sequence[str], where: str, problems: Problems) -> None:
    for name in value:
        if name not in labels:
            problems.add(f"{where}.{name}", "is no label of this stage", f"labels: {', '.join(labels)}")


def _check_covered(primary: Sequence[str], heads: Sequence[Mapping[str, Any]], where: str) -> None:
    """Each head is trained by some term."""
    if "multitask" in primary:
        if len(primary) > 1:
            others = ", ".join(name for name in primary if name != "multitask")
            hint = "give it to its label: {multitask: {terms: {label: …}}}"
            raise InputError(
                [Problem(where, f"{others} beside multitask, which has a term for each label", hint)]
            )
        return
    problems = Problems()
    for head in heads:
        tasks = [_entry(name).tasks for name in primary]
        if head["type"] != NONE and not any(not fits or head["type"] in fits for fits in tasks):
            hint = f"add {default_primary(head['type'])}, or use multitask"
            problems.add(where, f"no term learns {head['label']} ({head['type']})", hint)
    problems.raise_if_any()
