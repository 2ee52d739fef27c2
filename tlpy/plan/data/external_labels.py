"""Whether the labels of an external test set mean what the target's mean: by name, task and classes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from tlpy import words
from tlpy.data.labels import Task
from tlpy.data.readers.numbers import as_number
from tlpy.data.readers.tables import is_missing
from tlpy.errors import InputError, Problem, Problems
from tlpy.plan.data.columns import labels_of
from tlpy.plan.working import DataSet
from tlpy.records import MULTILABEL, REGRESSION

_SHOWN = 5
_COLUMN = ["0", "1"]


def fitting_tasks(name: str, own: Mapping[str, Any], target: DataSet) -> dict[str, Task]:
    """The target's tasks that a data set is scored by: those of its own labels; of all where it names none.

    Args:
        name: of the external data set.
        own: its settings.
        target: the data set that variants are ranked under; it has a label.

    Raises:
        InputError: the label that the target is judged by is not among them, or is said to be another task.
    """
    where = f"datasets.{name}.label"
    named = labels_of(own, f"datasets.{name}")[0] if "label" in own else None
    tasks = {
        label: task
        for label, task in target.tasks.items()
        if named is None or set(task.head(label).columns) <= set(named)
    }
    if target.label not in tasks:
        columns = target.task.head(target.label).columns
        message = f"names {words.joined(named or [])}, but '{target.name}' is judged by {target.label}"
        hint = f"if a column holds the same under another name: columns: {{{columns[0]}: that name}}"
        raise InputError([Problem(where, message, hint)])
    said = own.get("task")
    problems = Problems()
    for label, task in tasks.items():
        kind = said.get(label) if isinstance(said, Mapping) else said
        if kind is not None and kind != task.type:
            message = f"is {kind}, but '{label}' of '{target.name}' is {task.type}"
            problems.add(f"datasets.{name}.task", message, "leave it out: it follows the target")
    problems.raise_if_any()
    return tasks


def class_problems(data: DataSet, tasks: Mapping[str, Task], target: str) -> list[Problem]:
    """A problem for each column that holds what the target's head does not know."""
    found = []
    for label, task in tasks.items():
        for column in task.head(label).columns:
            cells = [
                (record.labels.get(column, ""), record.where)
                for record in data.records
                if not is_missing(record.labels.get(column, ""))
            ]
            where = f"datasets.{data.name}.label"
            if not cells:
                found.append(Problem(where, f"'{column}' is missing in every row"))
            elif task.type == REGRESSION:
                found += [
                    Problem(
                        place,
                        f"found '{text}' under '{column}', expected a number",
                        "correct it, or write n/a",
                    )
                    for text, place in cells
                    if as_number(text) is None
                ]
            else:
                known = _COLUMN if task.type == MULTILABEL else list(task.classes or [])
                found += _unknown(task, column, known, cells, where, target)
    return found


def absent_classes(data: DataSet) -> list[str]:
    """A warning for each label some class of which no image of an external set has."""
    told = []
    for label, task in data.tasks.items():
        if not task.head(label).is_classification:
            continue
        there = {task.value(record.labels.get(label, "")) for record in data.records}
        absent = [name for name in task.classes or [] if name not in there]
        if absent:
            listed = words.joined([f"'{name}'" for name in absent])
            told.append(
                f"external data set '{data.name}' has no image of class {listed} of {label}: what needs each "
                "class, as AUROC does, has no value there"
            )
    return told


def _unknown(
    task: Task, column: str, known: list[str], cells: list[tuple[str, str]], where: str, target: str
) -> list[Problem]:
    counts = Counter(task.value(text) for text, _ in cells)
    first: defaultdict[str, list[str]] = defaultdict(list)
    for text, place in cells:
        first[task.value(text)].append(place)
    others = sorted(set(counts) - set(known))
    if not others:
        return []
    listed = ", ".join(f"'{one}' ({counts[one]}, first {first[one][0]})" for one in others[:_SHOWN])
    more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
    message = f"'{column}' holds {listed}{more}, but its classes in '{target}' are {', '.join(known)}"
    hint = "write classes in one way, or choose images by `filter`"
    return [Problem(where, message, hint)]
