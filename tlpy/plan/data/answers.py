"""What is one answer of a data set: a subject, an image, or what a column divides subjects into (a study)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tlpy.errors import Problem, Problems
from tlpy.metrics.combining import RULES
from tlpy.plan.data.filters import Columns
from tlpy.records import BY_IMAGE, BY_MEAN, BY_SUBJECT

if TYPE_CHECKING:
    from tlpy.data.labels import Task
    from tlpy.data.readers.base import ImageRecord, Reader


@dataclass(frozen=True)
class Answering:
    """What is one answer of a data set.

    Attributes:
        by: `subject`, `image`, or the column that divides subjects into answers.
        combine: how what is predicted of an answer's images becomes one (`tlpy.metrics.combining.RULES`).
        of: by image, what that column says; empty where there is none.
    """

    by: str = BY_SUBJECT
    combine: str = BY_MEAN
    of: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @property
    def key(self) -> tuple[str, ...]:
        """What tells data sets apart that are scored in different ways."""
        return self.by, self.combine


def answers_of(
    spec: Mapping[str, Any],
    reader: Reader,
    records: Sequence[ImageRecord],
    tasks: Mapping[str, Task],
    within: bool,
    where: str,
    problems: Problems,
    known: Sequence[Problem] = (),
) -> Answering:
    """What is one answer of all that a data set is scored by.

    A subject, unless it is in several parts, or the params say otherwise. Where nobody has several images
    that is the same as an image.

    Args:
        spec: the data set as the params file has it: `score_by` or `predict_by`.
        reader: what the records are from.
        records: the images that take part.
        tasks: what is learnt, by head.
        within: whether the data set is split inside its subjects.
        where: the data set's path in the params.
        problems: takes both settings at once, a column that is not there or says nothing of an image, and a
            rule that makes no sense for a label.
        known: what is wrong with the layout, whatever is asked of it.
    """
    given = spec.get("predict_by")
    if given is None:
        if len({record.subject for record in records}) == len(records):
            return Answering()
        return Answering(str(spec.get("score_by") or (BY_IMAGE if within else BY_SUBJECT)))
    if spec.get("score_by"):
        problems.add(f"{where}.predict_by", "does not go with score_by: both say what is one answer")
    said = {"column": given} if isinstance(given, str) else dict(given)
    column, combine = str(said["column"]), str(said.get("rule", BY_MEAN))
    for label, task in tasks.items():
        if task.type not in RULES[combine].tasks:
            fitting = " or ".join(name for name, rule in RULES.items() if task.type in rule.tasks)
            message = f"'{combine}' makes no answer of a {task.type} label ('{label}')"
            problems.add(f"{where}.predict_by.rule", message, f"expected {fitting}")
    if column == BY_SUBJECT:
        return Answering(BY_SUBJECT, combine)
    texts = Columns(spec, reader, known, "answer").texts(column, records, f"{where}.predict_by", problems)
    missing = [record for record in records if texts and not texts.get(record.image)]
    for record in missing[:3]:
        problems.add(record.where, f"nothing in column '{column}', by which answers are told apart")
    if len(missing) > 3:
        problems.add(f"{where}.predict_by", f"and {len(missing) - 3} more rows without '{column}'")
    return Answering(column, combine, {record.image: texts.get(record.image, "") for record in records})
