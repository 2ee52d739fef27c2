"""Bootstrap intervals and paired comparisons on the test cases.

What is drawn again is the *group* (a subject, a family, a patient: whatever the split keeps whole), never the
image: two scans of one person are not two pieces of evidence. For classification the draw is stratified, so
that each resample has as many groups of each class as the test set. All variants see the same draws, which
makes every difference between two of them a paired one.

With several replicates, one draw of groups scores each of them on its own test cases and the mean is taken:
for seeds these are the same cases, for folds each group counts in its fold (strata are kept per fold). With
seeds, the interval is about which people happened to be in the test set and about which seeds (`over_seeds`).

From resampled values to an interval and a p value: `tlpy.evaluation.scales`.

Efron & Tibshirani, An Introduction to the Bootstrap (1993).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tlpy.evaluation.results import Predictions
from tlpy.evaluation.scales import Scale, limits
from tlpy.evaluation.scales import p_value as p_from
from tlpy.metrics.formulas import Array
from tlpy.metrics.registry import resampled

RESAMPLES = 1000
FEWEST = 10
"""Below this many independent groups no interval and no p is given: the bootstrap calls one of two equal
classifiers better in 100, 51 and 24 % of cases with 1, 2 and 3 groups."""
LEVEL = 0.95
_MIXED = "mixed"
_ONE_CLASS = {"sensitivity": "1.0", "specificity": "0.0"}
_CELLS = 500_000  # resamples × cases scored at once: keeps the working set in the processor's cache


@dataclass(frozen=True)
class Draws:
    """How often each group was drawn: the same resamples for every variant of a target.

    Attributes:
        column: group → column of `counts`.
        counts: (resamples, groups).
        classes: class → how many groups it has; one entry where the draw is not by class.
    """

    column: Mapping[str, int]
    counts: NDArray[np.uint8]
    classes: Mapping[str, float] = field(default_factory=dict)

    @property
    def resamples(self) -> int:
        return len(self.counts)

    def units(self, metric: str) -> float:
        """On how many independent units a metric rests; at least 2.

        Accuracy on all groups, sensitivity on the cases, specificity on the others. What weighs classes alike
        varies with the rarer one: classes × harmonic mean of their sizes, which is all when they are equal.
        """
        sizes = list(self.classes.values())
        if metric == "accuracy":
            units = sum(sizes)
        elif metric in _ONE_CLASS and len(sizes) > 1:
            units = self.classes.get(_ONE_CLASS[metric], 0.0)
        else:
            units = len(sizes) ** 2 / sum(1 / size for size in sizes) if sizes else 0.0
        return max(2.0, units)


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
    return Draws(column, counts.astype(np.uint8), _class_sizes(members))


def _class_sizes(members: Mapping[Hashable, Sequence[str]]) -> dict[str, float]:
    """Groups of each class over all folds; those of several classes count as a share of each."""
    sizes: dict[str, float] = {}
    for stratum, groups in members.items():
        name = str(stratum[-1] if isinstance(stratum, tuple) else stratum)
        sizes[name] = sizes.get(name, 0.0) + len(groups)
    mixed = sizes.pop(_MIXED, 0.0) if len(sizes) > 1 else 0.0
    return {name: size + mixed / len(sizes) for name, size in sizes.items()}


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
        return _MIXED if len(found) > 1 else next(iter(found))

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
    values: Array, units: float = math.inf, scale: Scale = "difference", level: float = LEVEL
) -> tuple[float, float]:
    """The interval of a score from its resampled values; NaN, NaN when fewer than half of them are defined.

    Args:
        values: (resamples,) of one metric, or of the difference of two variants.
        units: on how many independent units they rest (`Draws.units`).
        scale: `Metric.scale`, or `tlpy.evaluation.scales.difference_of` it.
    """
    defined = _defined(values)
    return (math.nan, math.nan) if defined is None else limits(defined, units, scale, level)


def p_value(values: Array, units: float = math.inf, scale: Scale = "difference", null: float = 0.0) -> float:
    """Two-sided p that a score, or a difference, is `null`; NaN where `interval` is.

    Below 0.05 where the interval of the same values, units and scale leaves `null` out (for a share but for
    the grain of the resamples).
    """
    defined = _defined(values)
    return math.nan if defined is None else p_from(defined, units, scale, null)


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
    mean, k = mean_of_defined(resampled), len(resampled)
    if k < 2:
        return mean
    drawn = np.random.default_rng([seed, k]).multinomial(k, np.full(k, 1 / k), size=len(mean))
    deviations = np.asarray(full, dtype=np.float64) - np.mean(full)
    return mean + math.sqrt(k / (k - 1)) * (drawn @ deviations) / k


def mean_of_defined(parts: Sequence[Array]) -> Array:
    """The mean in each resample of those parts that are defined there; NaN where none is."""
    stacked = np.stack(parts)
    defined = np.isfinite(stacked)
    count = defined.sum(axis=0)
    total = np.where(defined, stacked, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _defined(values: Array) -> Array | None:
    """The values that are numbers; None when too few are."""
    defined = values[np.isfinite(values)]
    return None if len(defined) < max(2, len(values) / 2) else defined


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction for comparing many variants with one; NaN stay NaN and do not count."""
    adjusted = [float("nan")] * len(p_values)
    order = sorted((p, at) for at, p in enumerate(p_values) if np.isfinite(p))
    highest = 0.0
    for done, (p, at) in enumerate(order):
        highest = max(highest, min(1.0, p * (len(order) - done)))
        adjusted[at] = highest
    return adjusted
