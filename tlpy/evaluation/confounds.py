"""Confounds: whether a label goes with age, sex, site or the look of the images.

A row is a subject, not an image: numbers are the mean over its images. Somebody with several classes of a
label (visits, runs) has a row for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlpy.evaluation.association import (
    Association,
    Codes,
    Numbers,
    categories,
    codes_of,
    number_by_class,
    numbers,
)
from tlpy.evaluation.by_confound import group_scores
from tlpy.evaluation.covariates import Column, Covariates, covariates_of
from tlpy.evaluation.intervals import holm
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.results import Run
from tlpy.files import write_table

WEAK = 0.2
"""An association below this (as a correlation) is not worth a warning."""
SIGNIFICANT = 0.05
# Categories of a confound with fewer subjects than this are taken together.
_FEW = 5
_DIGITS = 6


@dataclass(frozen=True)
class Confounding:
    """How a label of a data set goes with one thing beside it.

    Attributes:
        covariate: the table's column, or what was measured in the images.
        measured: whether it was measured.
        p: Holm-corrected over everything that was compared with the labels of the data set.
    """

    dataset: str
    label: Column
    covariate: Column
    measured: bool
    found: Association
    p: float

    @property
    def is_worth_a_warning(self) -> bool:
        """Whether it is there for all one can tell, and not tiny."""
        return self.found.is_shown and self.p < SIGNIFICANT and self.found.strength >= WEAK


def confounding(run: Run, dataset: str) -> list[Confounding]:
    """Each label of a data set by each confound and measure of its images that differs, in their order."""
    table = covariates_of(run, dataset)
    if table is None:
        return []
    pairs = [
        (label, covariate, covariate in table.measured, found)
        for label in table.labels
        for covariate in (*table.confounds, *table.measured)
        if (found := associate(table, label, covariate)) is not None
    ]
    corrected = holm([found.p for *_, found in pairs])
    return [Confounding(dataset, *pair, p) for pair, p in zip(pairs, corrected, strict=True)]


def associate(table: Covariates, label: Column, covariate: Column) -> Association | None:
    """How a label and a covariate go together over the subjects; None where one of them does not differ."""
    kept = np.flatnonzero(label.known & covariate.known)
    if not len(kept):
        return None
    # Who a row is: the subject (in parts that share people, the unit), and its class where there are classes.
    people = [f"{table.units[at]}\t{table.subjects[at]}" for at in kept]
    categories_of = [column for column in (label, covariate) if not column.is_number]
    keys = [
        "\t".join([who, *(c.texts[at] for c in categories_of)]) for who, at in zip(people, kept, strict=True)
    ]
    _, first, row = np.unique(np.array(keys), return_index=True, return_inverse=True)
    units = len({table.units[kept[at]] for at in first})
    one, other = (_rows(column, kept, first, row) for column in (label, covariate))
    if label.is_number and covariate.is_number:
        return numbers(one, other, units)
    if label.is_number:
        return number_by_class(one, _pooled(other), units)
    if covariate.is_number:
        return number_by_class(other, one.astype(np.intp), units)
    return categories(one.astype(np.intp), _pooled(other), units)


def _rows(column: Column, kept: np.ndarray, first: np.ndarray, row: np.ndarray) -> Numbers:
    """The mean of a number over a row's images, or the number of its category."""
    if column.is_number:
        sums = np.bincount(row, column.numbers[kept])
        means: Numbers = sums / np.bincount(row)
        return means
    names = column.head.names
    codes = codes_of(column.texts) if not names else np.array([_index(names, text) for text in column.texts])
    return codes[kept][first].astype(np.float64)


def _index(names: Sequence[str], text: str) -> int:
    return names.index(text) if text in names else len(names)


def _pooled(codes: Numbers) -> Codes:
    """Categories, those of very few taken together: the interval needs some of each."""
    whole = codes.astype(np.intp)
    counts = np.bincount(whole)
    rare = [code for code in np.unique(whole) if counts[code] < _FEW]
    if len(np.unique(whole)) > 2 and len(rare) > 1:
        whole[np.isin(whole, rare)] = len(counts)
    return whole


def write_confounds(run: Run, rankings: Sequence[Ranking], out: Path) -> None:
    """Write confounds.tsv, and by_confound.tsv: the winners' scores in each category of a confound."""
    out.mkdir(parents=True, exist_ok=True)
    header = ["dataset", "label", "covariate", "from", "measure", "value", "low", "high", "none"]
    header += ["subjects", "units", "p", "p_holm"]
    rows = []
    for dataset in run.plan.datasets:
        for one in confounding(run, dataset):
            a, source = one.found, "images" if one.measured else "table"
            rows.append(
                [
                    *(dataset, one.label.name, one.covariate.name, source, a.measure),
                    *(a.value, a.low, a.high, a.none, a.n, a.units, a.p, one.p),
                ]
            )
    write_table(out / "confounds.tsv", header, rows, _DIGITS)
    header = ["target", "variant", "confound", "category", "metric", "test", "test_low", "test_high"]
    groups = [
        [
            *(one.target, one.variant, one.confound, one.category, one.metric),
            *(one.score, *one.interval, one.subjects, one.units),
        ]
        for ranking in rankings
        for one in group_scores(run, ranking)
    ]
    write_table(out / "by_confound.tsv", [*header, "subjects", "units"], groups, _DIGITS)
