"""What a stage learns: one head for each label over several data sets, and whether their images fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tlpy.errors import Problem, Problems
from tlpy.plan.stages.feature_fit import features_differ, scales_differ
from tlpy.plan.working import DataSet
from tlpy.records import MULTICLASS, Head


def merge_heads(datasets: Sequence[DataSet], where: str) -> tuple[Head, ...]:
    """One head for each label of the data sets that a stage learns from, in the order they are first named.

    Data sets that share a label share its head; the first is the primary one.

    Raises:
        InputError: a label means different things in two data sets.
    """
    problems = Problems()
    heads: dict[str, Head] = {}
    origin: dict[str, DataSet] = {}
    for data in datasets:
        for head in data.heads:
            label = head.label
            known = heads.setdefault(label, head)
            first = origin.setdefault(label, data)
            if known.type != head.type:
                problems.add(
                    where,
                    f"'{label}' is {known.type} in '{first.name}' but {head.type} in '{data.name}'",
                    f"say the task of both, or name one column otherwise: datasets.{data.name}.columns",
                )
            elif head.type == MULTICLASS:
                classes = sorted({*known.names, *head.names}, key=_by_value)
                heads[label] = replace(known, classes=tuple(classes))
            elif known.classes != head.classes:
                shown = [" and ".join(one.names) for one in (known, head)]
                problems.add(
                    where,
                    f"the classes of '{label}' are {shown[0]} in '{first.name}' but {shown[1]} in "
                    f"'{data.name}'",
                    "write them in one way",
                )
    problems.raise_if_any()
    return tuple(heads.values())


def common_input(datasets: Sequence[DataSet], where: str) -> list[Problem]:
    """A problem where data sets that are trained jointly differ in size, channels or features."""
    first = datasets[0]
    differing = [
        problem
        for data in datasets[1:]
        for problem in (
            *features_differ(first, data, where, "trained jointly"),
            *scales_differ(first, data, where),
        )
    ]
    if differing:
        return differing
    if all((data.size, data.channels) == (first.size, first.channels) for data in datasets):
        return []
    shown = ", ".join(
        f"'{data.name}' {'×'.join(map(str, data.size))}"
        + (f" with {data.channels} channels" if data.channels != first.channels else "")
        for data in datasets
    )
    hint = "give each the same preprocessing"
    if len({len(data.size) for data in datasets}) == 1 and all(
        d.channels == first.channels for d in datasets
    ):
        largest = [max(axis) for axis in zip(*(data.size for data in datasets), strict=True)]
        hint = f"crop or pad them to one: preprocessing.size: {largest} in each"
    return [Problem(where, f"data sets that are trained jointly differ in size: {shown}", hint)]


def scorable(data: DataSet, heads: Sequence[Head]) -> tuple[str, ...]:
    """The labels whose heads can be scored on `data`, which is not learnt from."""
    own = {head.label: head for head in data.heads}
    return tuple(
        head.label
        for head in heads
        if (found := own.get(head.label)) and found.type == head.type and set(found.names) <= set(head.names)
    )


def _by_value(name: str) -> tuple[int, float, str]:
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name
