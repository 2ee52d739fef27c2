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

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from tlpy.evaluation.results import Predictions
from tlpy.metrics.formulas import Array
from tlpy.metrics.registry import resampled

RESAMPLES = 1000
FEWEST = 10
"""Below this many independent groups no interval and no p is given: the bootstrap calls one of two equal
classifiers better in 100, 51 and 24 % of cases with 1, 2 and 3 groups."""
LEVEL = 0.95
Bounds = tuple[float, float]
UNBOUNDED: Bounds = (-math.inf, math.inf)
_CELLS = 500_000  # resamples × cases scored at once: keeps the working set in the processor's cache


@dataclass(frozen=True)
class Draws:
    """How often each group was drawn: the same resamples for every variant of a target.

    Attributes:
        column: group → column of `counts`.
        counts: (resamples, groups).
        sizes: how many groups each stratum has.
    """

    column: Mapping[str, int]
    counts: NDArray[np.uint8]
    sizes: tuple[int, ...] = ()

    @property
    def resamples(self) -> int:
        return len(self.counts)

    @property
    def units(self) -> float:
        """How many independent units the resamples count as."""
        return float(max(2, min(self.sizes))) if self.sizes else math.inf


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
    sizes = tuple(len(members[stratum]) for stratum in sorted(members, key=repr))
    return Draws(column, counts.astype(np.uint8), sizes)


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


def interval(
    values: Array, units: float = math.inf, bounds: Bounds = UNBOUNDED, level: float = LEVEL
) -> tuple[float, float]:
    """The interval of a score from its resampled values; NaN, NaN when fewer than half of them are defined.

    Args:
        values: (resamples,) of one metric, or of the difference of two variants.
        units: on how many independent units they rest (`Draws.units`).
        bounds: least and greatest value that there can be (`Metric.bounds`, `difference_bounds`).
    """
    defined = _defined(values, bounds, units)
    if defined is None:
        return math.nan, math.nan
    tail = _expanded((1 - level) / 2, units)
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def p_value(differences: Array, units: float = math.inf, bounds: Bounds = UNBOUNDED) -> float:
    """Two-sided bootstrap p that the difference is zero, never quite zero: below 0.05 where `interval` of the
    same values, units and bounds leaves zero out, but for the grain of the resamples."""
    defined = _defined(differences, bounds, units)
    if defined is None:
        return math.nan
    beyond = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return min(1.0, 2.0 * _contracted((beyond + 1) / (len(defined) + 1), units))


def difference_bounds(bounds: Bounds) -> Bounds:
    """Least and greatest difference of two values that both lie within `bounds`."""
    return bounds[0] - bounds[1], bounds[1] - bounds[0]


def over_seeds(resampled: Sequence[Array], full: Sequence[float], seed: int = 0) -> Array:
    """The mean score over trainings with several seeds, in each resample of units *and* seeds.

    A resample of the units scores all seeds; a resample of the seeds moves their mean by deviations of the
    full-sample scores, drawn with replacement and √(k/(k − 1)) times as large, so that they vary as k seeds
    let expect (Davison & Hinkley, Bootstrap Methods, 1997, 3.8). The draw hangs on k and `seed` alone: two
    variants trained with the same seeds, in the same order, stay paired. With one seed only units vary.

    Args:
        resampled: per seed (resamples,) of one metric on the same draws; NaN where undefined.
        full: per seed the metric on all test cases.
        seed: of the draw.

    Returns:
        (resamples,), NaN where no seed is defined.
    """
    values = np.stack(resampled)
    k = len(values)
    defined = np.isfinite(values)
    count = defined.sum(axis=0)
    total = np.where(defined, values, 0.0).sum(axis=0)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    if k < 2:
        return mean
    drawn = np.random.default_rng([seed, k]).multinomial(k, np.full(k, 1 / k), size=values.shape[1])
    deviations = np.asarray(full, dtype=np.float64) - np.mean(full)
    return mean + math.sqrt(k / (k - 1)) * (drawn @ deviations) / k


def _defined(values: Array, bounds: Bounds, units: float) -> Array | None:
    """The values that are numbers; None when too few are."""
    del bounds, units
    defined = values[np.isfinite(values)]
    return None if len(defined) < max(2, len(values) / 2) else defined


def _expanded(tail: float, units: float) -> float:
    """The share of resamples to leave out on one side, so that `tail` is left out of the true distribution.

    Hesterberg (2015), "expanded percentile": a bootstrap distribution is narrower than it should be by
    √((n − 1)/n), and has normal tails where Student's are due.
    """
    if math.isinf(units):
        return tail
    return float(ndtr(math.sqrt(units / (units - 1)) * stdtrit(units - 1, tail)))


def _contracted(share: float, units: float) -> float:
    """The inverse of `_expanded`."""
    if math.isinf(units):
        return share
    return float(stdtr(units - 1, ndtri(share) / math.sqrt(units / (units - 1))))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction for comparing many variants with one; NaN stay NaN and do not count."""
    adjusted = [float("nan")] * len(p_values)
    order = sorted((p, at) for at, p in enumerate(p_values) if np.isfinite(p))
    highest = 0.0
    for done, (p, at) in enumerate(order):
        highest = max(highest, min(1.0, p * (len(order) - done)))
        adjusted[at] = highest
    return adjusted
