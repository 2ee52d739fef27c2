"""How far one variant lies from another on the same test cases, with its interval and p value.

Every score is resampled on the same draws of units, so that each difference is a paired one; where there are
several seeds these are drawn too, since another training would have changed the score as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tlpy.evaluation import intervals
from tlpy.evaluation.difference import NONE, Difference
from tlpy.evaluation.intervals import Draws
from tlpy.evaluation.outcomes import NAN, Outcome
from tlpy.evaluation.scales import Scale, difference_of
from tlpy.metrics.formulas import Array
from tlpy.metrics.registry import Metric

Key = tuple[int, int | None]


@dataclass(frozen=True)
class Resampling:
    """The draws that a target's variants are scored on; `draws` is None where there are too few units."""

    draws: Draws | None
    seed: int = 0

    def score(self, outcome: Outcome, metric: Metric) -> tuple[float, float]:
        """The interval of a variant's test score, mean over its replicates."""
        return self._interval(outcome.resampled, _points(outcome, metric), metric, metric.scale)

    def between(
        self, one: Outcome, other: Outcome, metric: Metric, better_is_positive: bool = True
    ) -> Difference:
        """Test score of `one` minus that of `other`, over the replicates that both finished.

        Args:
            better_is_positive: turn the sign for errors, so that above zero is always better.
        """
        turn = -1.0 if better_is_positive and metric.lower_is_better else 1.0
        mine, theirs = _points(one, metric), _points(other, metric)
        points = {key: turn * (mine[key] - theirs[key]) for key in mine if key in theirs}
        both = [key for key in points if key in one.resampled and key in other.resampled]
        resampled = {key: turn * (one.resampled[key] - other.resampled[key]) for key in both}
        return self.difference(resampled, points, metric)

    def difference(
        self, resampled: Mapping[Key, Array], points: Mapping[Key, float], metric: Metric
    ) -> Difference:
        """From differences by replicate: in each resample, and on all test cases."""
        if not points:
            return NONE
        scale = difference_of(metric.scale)
        low, high = self._interval(resampled, points, metric, scale)
        p = NAN
        if self.draws is not None and resampled:
            values = pooled(resampled, points, self.seed)
            p = intervals.p_value(values, self.draws.units(metric.name), scale)
        return Difference(float(np.mean(list(points.values()))), low, high, p)

    def _interval(
        self, resampled: Mapping[Key, Array], points: Mapping[Key, float], metric: Metric, scale: Scale
    ) -> tuple[float, float]:
        # A replicate without a score, of one class only, say, has no part in the mean.
        counted = {key: values for key, values in resampled.items() if key in points}
        if self.draws is None or not counted:
            return NAN, NAN
        values = pooled(counted, points, self.seed)
        return intervals.interval(values, self.draws.units(metric.name), scale)


def pooled(resampled: Mapping[Key, Array], points: Mapping[Key, float], seed: int) -> Array:
    """The mean over replicates in each resample of units and seeds.

    Folds of one seed are averaged first: together they test every unit once.

    Args:
        resampled: replicate → (resamples,).
        points: replicate → the same on all test cases.
    """
    by_seed: dict[int, list[Key]] = {}
    for key in sorted(resampled, key=_in_order):
        by_seed.setdefault(key[0], []).append(key)
    parts = [intervals.mean_of_defined([resampled[key] for key in keys]) for keys in by_seed.values()]
    full = [float(np.mean([points[key] for key in keys])) for keys in by_seed.values()]
    return intervals.over_seeds(parts, full, seed)


def _in_order(key: Key) -> tuple[int, int]:
    return key[0], -1 if key[1] is None else key[1]


def _points(outcome: Outcome, metric: Metric) -> dict[Key, float]:
    """Replicate → test score, where it is defined."""
    found = {replicate.key: replicate.test.get(metric.name, NAN) for replicate in outcome.done}
    return {key: value for key, value in found.items() if np.isfinite(value)}


def resample(
    outcomes: Sequence[Outcome],
    kind: str,
    seed: int,
    resamples: int = intervals.RESAMPLES,
    stratified: bool = True,
) -> Resampling:
    """Score every replicate of every variant on one set of draws.

    With fewer than `intervals.FEWEST` units there are no draws: intervals and p values are NaN then.
    """
    cases = [(r.fold, r.cases) for outcome in outcomes for r in outcome.done if r.cases is not None]
    strata = intervals.strata_of(cases, kind, stratified)
    if len(strata) < intervals.FEWEST:
        return Resampling(None, seed)
    draws = intervals.draw(strata, resamples, seed)
    for outcome in outcomes:
        for replicate in outcome.done:
            if replicate.cases is not None:
                outcome.resampled[replicate.key] = intervals.scores(
                    outcome.metric, kind, replicate.cases, draws
                )
    return Resampling(draws, seed)
