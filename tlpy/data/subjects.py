"""The subjects of a stage: which images, in which part, with which labels, and what the network is taught.

Regression targets are standardised by the training part's mean and standard deviation, so that a learning
rate means the same for ages and for volumes; predictions and metrics are put back into the label's units.
"""

from __future__ import annotations

import csv
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tlpy.errors import Problems, nearest

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Row:
    """One image of `subjects/<id>.tsv`; `labels` hold the raw text."""

    image: str
    subject: str
    group: str
    site: str
    split: str
    labels: Mapping[str, str]


def read_subjects(path: Path, labels: Sequence[str]) -> list[Row]:
    """The rows of a subjects table, in file order.

    Raises:
        InputError: the file or a label's column is missing, or a split is none of train, val and test.
    """
    problems = Problems()
    if not path.is_file():
        problems.add(path.name, "no such subjects table", f"expected at {path}")
        problems.raise_if_any()
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, delimiter="\t")
        columns = list(reader.fieldnames or [])
        for label in labels:
            if label not in columns:
                problems.add(path.name, f"no column '{label}'", nearest(label, columns))
        problems.raise_if_any()
        rows = []
        for number, record in enumerate(reader, 2):
            if record["split"] not in PARTS:
                problems.add(
                    f"{path.name}:{number}", f"split '{record['split']}'", f"expected {', '.join(PARTS)}"
                )
            fields = {key: record.get(key) or "" for key in ("image", "subject", "group", "site", "split")}
            rows.append(Row(**fields, labels={label: record[label] for label in labels}))
    problems.raise_if_any()
    return rows


def split_rows(
    rows: Sequence[Row], available: Container[str], task: Mapping[str, Any], dataset: str
) -> dict[str, list[Row]]:
    """Rows by part, without images that were left out in PREPARE.

    A part that never had a row may stay empty, except train.

    Raises:
        InputError: a part lost all its images, or holds one class or one value only.
    """
    problems = Problems()
    parts: dict[str, list[Row]] = {}
    for part in PARTS:
        planned = [row for row in rows if row.split == part]
        kept = [row for row in planned if row.image in available]
        parts[part] = kept
        if not kept and (planned or part == "train"):
            reason = f"all {len(planned)} images were left out" if planned else "no images"
            problems.add(f"datasets.{dataset}", f"the {part} part is empty: {reason}")
        for label in task["labels"] if kept else ():
            regression = task["type"] == "regression"
            found = {float(row.labels[label]) if regression else row.labels[label] for row in kept}
            if len(found) == 1 and (part == "train" or not regression):
                what = "one value" if regression else "one class"
                lost = len(planned) - len(kept)
                problems.add(
                    f"datasets.{dataset}",
                    f"the {part} part holds {what} of '{label}' only ({found.pop()}, {len(kept)} images"
                    + (f", {lost} left out)" if lost else ")"),
                    "use more images, another split, or another seed",
                )
    problems.raise_if_any()
    return parts


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of one regression label in the training part."""

    mean: float
    sd: float


def fit_scaling(rows: Sequence[Row], label: str) -> Scaling:
    """The scaling of `label` over `rows` (population standard deviation)."""
    values = np.array([float(row.labels[label]) for row in rows], dtype=np.float64)
    return Scaling(float(values.mean()), float(values.std()))


def encode(
    rows: Sequence[Row], task: Mapping[str, Any], scaling: Mapping[str, Scaling]
) -> dict[str, np.ndarray]:
    """What the network is taught: (n,) float32 standard scores, or (n,) int64 class indices, by label.

    Raises:
        InputError: a label's text is no number, or no class of the task.
    """
    problems = Problems()
    targets: dict[str, np.ndarray] = {}
    for label in task["labels"]:
        if task["type"] == "regression":
            values = np.array([float(row.labels[label]) for row in rows], dtype=np.float64)
            targets[label] = ((values - scaling[label].mean) / scaling[label].sd).astype(np.float32)
            continue
        index = {name: number for number, name in enumerate(task["classes"])}
        for row in rows:
            if row.labels[label] not in index:
                known = ", ".join(task["classes"])
                problems.add(
                    row.image, f"'{row.labels[label]}' is no class of '{label}'", f"classes: {known}"
                )
        problems.raise_if_any()
        targets[label] = np.array([index[row.labels[label]] for row in rows], dtype=np.int64)
    return targets


def truth(rows: Sequence[Row], task: Mapping[str, Any], label: str) -> np.ndarray:
    """(n,) what metrics compare with: numbers in the label's units, or class indices."""
    if task["type"] == "regression":
        return np.array([float(row.labels[label]) for row in rows], dtype=np.float64)
    index = {name: number for number, name in enumerate(task["classes"])}
    return np.array([index[row.labels[label]] for row in rows], dtype=np.int64)
