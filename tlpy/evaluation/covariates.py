"""What is known of a data set's images beside their voxels.

Labels and confounds as PLAN wrote them down, and what PREPARE measured in each image as stored.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tlpy.evaluation.association import Numbers
from tlpy.evaluation.prepared import images_of
from tlpy.evaluation.results import Run
from tlpy.files import read_rows
from tlpy.plain.fits import CONFOUND
from tlpy.plan.data.covariates import LABEL
from tlpy.plan.plan_records import DatasetFacts
from tlpy.records import BINARY, MULTILABEL, REGRESSION, Head

# Columns that are measured, by the names that people read.
VOLUME, MEAN, SPREAD, GRID = "foreground volume", "mean intensity", "spread of intensity", "shape and spacing"
IMAGE = (VOLUME, MEAN, SPREAD, GRID)
# Of vectors, which have neither foreground nor voxels.
OF_VECTORS = {MEAN: "mean of the features", SPREAD: "spread of the features"}


@dataclass(frozen=True)
class Column:
    """One column of a data set, a number or a category of each image.

    Attributes:
        texts: as in the table; "" where it says nothing.
        head: what it is read as.
    """

    name: str
    texts: tuple[str, ...]
    head: Head

    @property
    def is_number(self) -> bool:
        return self.head.type == REGRESSION

    @cached_property
    def numbers(self) -> Numbers:
        """(n,); NaN where it says nothing."""
        return np.array([_number(text) for text in self.texts], dtype=np.float64)

    @property
    def known(self) -> np.ndarray:
        """(n,) whether it says something."""
        return np.isfinite(self.numbers) if self.is_number else np.array([bool(text) for text in self.texts])


@dataclass(frozen=True)
class Covariates:
    """The images of a data set with their columns, in the order of the table.

    Attributes:
        images, subjects, units: (n,) ids.
        labels: what is learnt or scored.
        confounds: what the table says beside it.
        measured: what PREPARE found; empty where that is not at hand.
    """

    images: tuple[str, ...]
    subjects: tuple[str, ...]
    units: tuple[str, ...]
    labels: tuple[Column, ...]
    confounds: tuple[Column, ...]
    measured: tuple[Column, ...]

    @cached_property
    def place(self) -> dict[str, int]:
        """The row of each image."""
        return {image: row for row, image in enumerate(self.images)}


def covariates_of(run: Run, dataset: str) -> Covariates | None:
    """The covariates of a data set; None where PLAN's table is not at hand."""
    facts = run.plan.datasets.get(dataset)
    if facts is None or run.covariates is None:
        return None
    try:
        rows = read_rows(run.covariates / f"{dataset}.tsv")
    except (OSError, ValueError, csv.Error):
        return None
    if not rows:
        return None

    def texts(name: str) -> tuple[str, ...]:
        return tuple(row.get(name) or "" for row in rows)

    images = texts("image")
    return Covariates(
        images,
        texts("subject"),
        texts("unit"),
        tuple(Column(head.label, texts(LABEL + head.label), head) for head in _columns(facts)),
        tuple(Column(head.label, texts(CONFOUND + head.label), head) for head in facts.confounds),
        _measured(run, dataset, images),
    )


def _columns(facts: DatasetFacts) -> list[Head]:
    """A head for each column of labels: those of a multilabel one stand for themselves."""
    found: list[Head] = []
    for head in facts.heads:
        if head.type == MULTILABEL:
            found += [Head(column, BINARY, ("0", "1")) for column in head.columns]
        else:
            found.append(head)
    return found


def _measured(run: Run, dataset: str, images: tuple[str, ...]) -> tuple[Column, ...]:
    """Foreground volume in ml (in voxels where the spacing is not known), intensities as stored, the grid."""
    rows = {row["image"]: row for row in images_of(run, dataset) if row.get("status") == "ok"}
    if not rows:
        return ()
    found = [rows.get(image, {}) for image in images]
    columns = {
        VOLUME: [_volume(row) for row in found],
        MEAN: [row.get("mean") or "" for row in found],
        SPREAD: [row.get("sd") or "" for row in found],
    }
    if run.plan.datasets[dataset].vectors:
        columns = {name: columns[known] for known, name in OF_VECTORS.items()}
        return tuple(Column(name, tuple(texts), Head(name, REGRESSION)) for name, texts in columns.items())
    measured = [Column(name, tuple(texts), Head(name, REGRESSION)) for name, texts in columns.items()]
    grids = tuple(_grid(row) for row in found)
    kinds = tuple(sorted(Counter(filter(None, grids))))
    return (*measured, Column(GRID, grids, Head(GRID, "multiclass", kinds)))


def _volume(row: dict[str, str]) -> str:
    try:
        voxels = math.prod(int(side) for side in row["shape"].split("x")) * float(row["foreground"])
        spacing = [float(side) for side in (row.get("spacing") or "").split("x") if side]
    except (KeyError, ValueError):
        return ""
    return repr(voxels * math.prod(spacing) / (1000 if spacing else 1))


def _grid(row: dict[str, str]) -> str:
    if not row.get("shape"):
        return ""
    spacing = row.get("spacing") or ""
    shape = row["shape"].replace("x", "×")
    return f"{shape}, {spacing.replace('x', '×')} mm" if spacing else shape


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
