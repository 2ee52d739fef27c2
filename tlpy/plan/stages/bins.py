"""Whether the bins of `soft_bins` are where the labels are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tlpy.errors import Problems
from tlpy.objectives.bins import misplaced
from tlpy.objectives.heads import soft_bins_of
from tlpy.plan.data.split_tables import COLUMNS

if TYPE_CHECKING:
    from tlpy.plan.stages.record import Source


def check_bins(
    objective: Mapping[str, Mapping[str, Any]],
    tasks: Sequence[Mapping[str, Any]],
    sources: Sequence[Source],
    where: str,
) -> None:
    """Refuse bins that most of the training part lies outside of.

    Args:
        objective: completed.
        tasks: one for each head.
        sources: the stage's data sets.
        where: the objective's path, for messages.

    Raises:
        InputError: names the label, its range and the bins'.
    """
    problems = Problems()
    for task in tasks:
        found = soft_bins_of(objective, task["label"]) if task["type"] == "regression" else None
        if found is None:
            continue
        numbers = list(_training_numbers(task["label"], sources))
        message = misplaced(task["label"], numbers, found["low"], found["high"])
        if message:
            problems.add(f"{where}.soft_bins", message, "set low and high")
    problems.raise_if_any()


def _training_numbers(label: str, sources: Sequence[Source]) -> Iterator[float]:
    for source in sources:
        if source.labelled and label in source.labels:
            part = COLUMNS.index("split")
            column = len(COLUMNS) + source.subjects.columns.index(label)
            yield from (
                float(row[column]) for row in source.subjects.rows if row[part] == "train" and row[column]
            )
