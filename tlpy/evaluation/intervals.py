"""Bootstrap intervals and paired comparisons on the test cases.

What is drawn again is the *group* (a subject, a family, a patient: whatever the split keeps whole), never the
image: two scans of one person are not two pieces of evidence. For classification the draw is stratified, so
that each resample has as many groups of each class as the test set. All variants see the same draws, which
makes every difference between two of them a paired one.

With several replicates, one draw of groups scores each of them on its own test cases and the mean is taken:
for seeds these are the same cases, for folds each group counts in its fold (strata are kept per fold). The
interval is about which people happened to be in the test set; how much training again changes a score is
the standard deviation over replicates, given beside it.

Efron & Tibshirani, An Introduction to the Bootstrap (1993), percentile method.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tlpy.evaluation.results import Predictions
from tlpy.metrics.formulas import Array
from tlpy.metrics.registry import resampled

RESAMPLES = 1000
FEWEST = 10
"""Below this many independent groups no interval and no p is given: the bootstrap calls one of two equal
classifiers better in 100, 51 and 24 % of cases with 1, 2 and 3 groups."""
LEVEL = 0.95
_CELLS = 500_000  # resamples × cases scored at once: keeps the working set in the processor's cache


@dataclass(frozen=True)
class Draws:
    """How often each group was drawn: the same resamples for every variant of a target.

    Attributes:
        column: group → column of `counts`.
        counts: (resamples, groups).
    """

    column: Mapping[str, int]
    counts: NDArray[np.uint8]

    @property
    def resamples(self) -> int:
        return len(self.counts)


def draw(strata: Mapping[str, Hashable], resamples: int = RESAMPLES, seed: int = 0) -> Draws:
    """Draw groups with replacement, within each stratum.

    Args:
        strata: group → stratum; one stratum for all means a plain bootstrap.
        seed: equal seeds and strata give equal draws, whatever the order of `strata`.
    """
    generator = np.random.default_rng(seed)
    members: dict[Hashable, list[str]] = {}
    for group in sorted(strata):
        members.setdefault(strata[group], []).append(group)
    column: dict[str, int] = {}
    parts = []
    for stratum in sorted(members, key=repr):
        size = len(members[stratum])
        column.update((group, len(column)) for group in members[stratum])
        drawn = generator.integers(0, size, size=(resamples, size))
        cells = (drawn + size * np.arange(resamples)[:, None]).ravel()
        parts.append(np.bincount(cells, minlength=resamples * size).reshape(resamples, size))
    counts = np.concatenate(parts, axis=1) if parts else np.zeros((resamples, 0))
    return Draws(column, counts.astype(np.uint8))


def strata_of(
    replicates: Sequence[tuple[Hashable, Predictions]], task_type: str, stratified: bool = True
) -> dict[str, Hashable]:
    """Group → stratum: the folds it is tested in and, to classify, its class ('mixed' if it has two).

    Args:
        replicates: (fold, its test cases).
    """
    folds: dict[str, set[str]] = {}
    classes: dict[str, set[str]] = {}
    for fold, cases in replicates:
        for group, true in zip(cases.groups, cases.true, strict=True):
            folds.setdefault(group, set()).add(str(fold))
            classes.setdefault(group, set()).add(str(true))
    by_class = stratified and task_type in ("binary", "multiclass")

    def class_of(group: str) -> str:
        found = classes[group]
        return "mixed" if len(found) > 1 else next(iter(found))

    return {group: (tuple(sorted(folds[group])), class_of(group) if by_class else "") for group in folds}


def scores(name: str, task_type: str, cases: Predictions, draws: Draws) -> Array:
    """The metric in each resample: (resamples,), NaN where undefined."""
    columns = np.array([draws.column[group] for group in cases.groups], dtype=np.intp)
    rows = max(1, _CELLS // max(1, len(cases)))
    return np.concatenate(
        [
            resampled(
                name,
                task_type,
                cases.true,
                cases.score,
                draws.counts[start : start + rows][:, columns].astype(np.float64),
            )
            for start in range(0, draws.resamples, rows)
        ]
    )


def interval(values: Array, level: float = LEVEL) -> tuple[float, float]:
    """The central `level` of the resampled values; NaN, NaN when fewer than half of them are defined."""
    defined = values[np.isfinite(values)]
    if len(defined) < max(2, len(values) / 2):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def p_value(differences: Array) -> float:
    """Two-sided bootstrap p that the difference is zero: twice the smaller tail, never quite zero."""
    defined = differences[np.isfinite(differences)]
    if len(defined) < max(2, len(differences) / 2):
        return float("nan")
    tail = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return min(1.0, 2.0 * (tail + 1) / (len(defined) + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction for comparing many variants with one; NaN stay NaN and do not count."""
    adjusted = [float("nan")] * len(p_values)
    order = sorted((p, at) for at, p in enumerate(p_values) if np.isfinite(p))
    highest = 0.0
    for done, (p, at) in enumerate(order):
        highest = max(highest, min(1.0, p * (len(order) - done)))
        adjusted[at] = highest
    return adjusted
