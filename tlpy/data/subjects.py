"""The subjects of a stage: which images, in which part, with which labels, and what the network is taught.

A label that is missing is masked (NaN, or -1 among classes), never imputed.

Regression targets are standardised by the training part's mean and standard deviation, so that a learning
rate means the same for ages and for volumes; predictions and metrics are put back into the label's units.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlpy.errors import Problem, Problems, nearest
from tlpy.files import read_columns
from tlpy.records import MULTILABEL, REGRESSION, Head

PARTS = ("train", "val", "test")
# The column of a table of subjects, and of predictions, that divides subjects into answers.
ANSWER = "answer"


def label_column(label: str) -> str:
    """What a user's column of labels is called in a table of subjects, whose other columns are ours."""
    return f"label:{label}"


@dataclass(frozen=True)
class SubjectRow:
    """One image of `subjects/<id>.tsv`; `labels` hold the raw text, `source` the number of the data set.

    `answer` says which of its subject's answers it belongs to, where a column divides subjects into several.
    """

    image: str
    subject: str
    group: str
    site: str
    split: str
    labels: Mapping[str, str]
    source: int = 0
    answer: str = ""

    @property
    def answers_for(self) -> tuple[str, str]:
        """What images share that are one answer: the subject, and which of its answers."""
        return self.subject, self.answer


def is_known(row: SubjectRow, head: Head) -> bool:
    """Whether the row says anything of the head's label."""
    return any(row.labels.get(column) for column in head.columns)


def read_subjects(path: Path, labels: Sequence[str], source: int = 0) -> list[SubjectRow]:
    """The rows of a subjects table, in file order.

    Args:
        path: the table.
        labels: whose columns to read (`label_column`).
        source: the number of the data set among those of the stage.

    Raises:
        InputError: the file or a label's column is missing, or a split is none of train, val and test.
    """
    problems = Problems()
    if not path.is_file():
        problems.add(path.name, "no such subjects table", f"expected at {path}")
        problems.raise_if_any()
    columns, records = read_columns(path)
    for column in map(label_column, labels):
        if column not in columns:
            problems.add(path.name, f"no column '{column}'", nearest(column, columns))
    problems.raise_if_any()
    rows = []
    for number, record in enumerate(records, 2):
        if record["split"] not in PARTS:
            problems.add(
                f"{path.name}:{number}", f"split '{record['split']}'", f"expected {', '.join(PARTS)}"
            )
        fields = {key: record.get(key) or "" for key in ("image", "subject", "group", "site", "split")}
        known = {label: record[label_column(label)] for label in labels}
        answer = record.get(ANSWER) or ""
        rows.append(SubjectRow(**fields, labels=known, source=source, answer=answer))
    problems.raise_if_any()
    return rows


def split_rows(
    rows: Sequence[SubjectRow], available: Container[str], dataset: str, problems: Problems
) -> dict[str, list[SubjectRow]]:
    """Rows by part, without images that were left out in PREPARE.

    A part that never had a row may stay empty, except train; `problems` takes one that lost all its images.
    """
    parts: dict[str, list[SubjectRow]] = {}
    for part in PARTS:
        planned = [row for row in rows if row.split == part]
        kept = [row for row in planned if row.image in available]
        parts[part] = kept
        if not kept and (planned or part == "train"):
            reason = f"all {len(planned)} images were left out" if planned else "no images"
            problems.add(f"datasets.{dataset}", f"the {part} part is empty: {reason}")
    return parts


def check_variety(
    rows: Sequence[SubjectRow], head: Head, part: str, dataset: str, lost: int = 0
) -> list[Problem]:
    """A problem for each column of a head that holds one class only in `rows`, or, to train on, one value.

    Args:
        rows: of one part; those that lack the label do not count.
        head: the label.
        part: its name.
        dataset: its data set, for the message.
        lost: how many of its images were left out.
    """
    regression = head.type == REGRESSION
    problems = []
    for column in head.columns:
        texts = [row.labels[column] for row in rows if row.labels.get(column)]
        found = {float(text) if regression else text for text in texts}
        if len(found) == 1 and (part == "train" or not regression):
            what = "one value" if regression else "one class"
            only = f"the {part} part holds {what} of '{column}' only ({found.pop()}, {len(texts)} images"
            more = f", {lost} left out)" if lost else ")"
            hint = "use more images, another split, or another seed"
            problems.append(Problem(f"datasets.{dataset}", only + more, hint))
    return problems


@dataclass(frozen=True)
class TargetScaling:
    """Mean and standard deviation of one regression label in the training part."""

    mean: float
    sd: float


def fit_scaling(rows: Sequence[SubjectRow], label: str) -> TargetScaling:
    """The scaling of `label` over the rows that have it (population standard deviation)."""
    texts = [row.labels.get(label) for row in rows]
    values = np.array([float(text) for text in texts if text], dtype=np.float64)
    return (
        TargetScaling(float(values.mean()), float(values.std())) if len(values) else TargetScaling(0.0, 1.0)
    )


def encode(
    rows: Sequence[SubjectRow], heads: Sequence[Head], scaling: Mapping[str, TargetScaling]
) -> dict[str, np.ndarray]:
    """What the network is taught, by label.

    (n,) float32 standard scores; (n,) int64 class indices, -1 where missing; (n, columns) float32 of 0 and 1
    for a multilabel task. What is missing is NaN in float32.

    Raises:
        InputError: a label's text is no class of the head.
    """
    problems = Problems()
    targets: dict[str, np.ndarray] = {}
    for head in heads:
        label = head.label
        if head.type == REGRESSION:
            values = _numbers(rows, label)
            targets[label] = ((values - scaling[label].mean) / scaling[label].sd).astype(np.float32)
        elif head.type == MULTILABEL:
            targets[label] = np.stack([_numbers(rows, c) for c in head.columns], 1).astype(np.float32)
        else:
            targets[label] = _classes(rows, head, problems)
    problems.raise_if_any()
    return targets


def truth(rows: Sequence[SubjectRow], head: Head) -> np.ndarray:
    """What metrics compare with, of rows that have the label.

    (n,) numbers in the label's units, or class indices; (n, columns) of 0, 1 and NaN for a multilabel task.
    """
    if head.type == REGRESSION:
        return _numbers(rows, head.label)
    if head.type == MULTILABEL:
        return np.stack([_numbers(rows, column) for column in head.columns], 1)
    return _classes(rows, head, Problems())


def _numbers(rows: Sequence[SubjectRow], column: str) -> np.ndarray:
    return np.array([float(row.labels.get(column) or "nan") for row in rows], dtype=np.float64)


def _classes(rows: Sequence[SubjectRow], head: Head, problems: Problems) -> np.ndarray:
    label = head.label
    index = {name: number for number, name in enumerate(head.names)}
    for row in rows:
        if row.labels.get(label) and row.labels[label] not in index:
            known = ", ".join(head.names)
            problems.add(row.image, f"'{row.labels[label]}' is no class of '{label}'", f"classes: {known}")
    return np.array([index.get(row.labels.get(label, ""), -1) for row in rows], dtype=np.int64)
