"""Whether the bins that a number is learnt by are where the labels are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tlpy.errors import Problems
from tlpy.objectives.bins import misplaced
from tlpy.objectives.heads import bins_of
from tlpy.plan.working import StageData
from tlpy.records import REGRESSION, Head, Terms


def check_bins(
    objective: Terms,
    heads: Sequence[Head],
    sources: Sequence[StageData],
    where: str,
) -> None:
    """Refuse bins that most of the training part lies outside of.

    Args:
        objective: completed.
        heads: one for each label that is learnt.
        sources: the stage's data sets.
        where: the objective's path, for messages.

    Raises:
        InputError: names the label, its range and the bins'.
    """
    problems = Problems()
    for head in heads:
        found = bins_of(objective, head.label) if head.type == REGRESSION else None
        if found is None:
            continue
        numbers = list(_training_numbers(head.label, sources))
        name, arguments = found
        message = misplaced(head.label, numbers, arguments["low"], arguments["high"])
        if message:
            problems.add(f"{where}.{name}", message, "set low and high")
    problems.raise_if_any()


def _training_numbers(label: str, sources: Sequence[StageData]) -> Iterator[float]:
    for source in sources:
        if source.labelled and label in source.labels:
            yield from (float(text) for text in source.subjects.column(label, "train") if text)
