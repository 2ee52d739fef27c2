"""The ranking: chosen on validation, reported on test, one list per target data set.

* The order is by the validation metric, mean over replicates. Test scores never decide anything.
* Equal validation scores, common with few subjects, are told apart by a finer validation score (log loss, or
  the root mean squared error), then by fewer trained parameters, then by the plan's order.
* From-scratch baselines stand in the list with the rest, marked: when one of them leads, that is the answer.
* Failed variants come last, with their reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tlpy.evaluation import intervals
from tlpy.evaluation.outcomes import NAN, Outcome, gather
from tlpy.evaluation.results import Run
from tlpy.metrics.formulas import Array
from tlpy.metrics.registry import METRICS, Metric
from tlpy.records import BINARY, MULTICLASS, MULTILABEL, REGRESSION, Head, task_type

_FINER = {REGRESSION: "rmse", BINARY: "log_loss", MULTICLASS: "log_loss", MULTILABEL: "log_loss"}


@dataclass(frozen=True)
class Ranking:
    """The variants of one target, best first, failed ones last."""

    target: str
    metric: Metric
    heads: tuple[Head, ...]
    outcomes: list[Outcome]

    @property
    def task_type(self) -> str:
        """What its variants are judged by; `none` where no label is learnt."""
        return task_type(self.heads)

    @property
    def ranked(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.rank is not None]

    @property
    def best(self) -> Outcome | None:
        """The variant chosen on validation; None when all failed."""
        return self.ranked[0] if self.ranked else None

    @property
    def best_transfer(self) -> Outcome | None:
        return next((outcome for outcome in self.ranked if not outcome.baseline), None)

    @property
    def best_scratch(self) -> Outcome | None:
        return next((outcome for outcome in self.ranked if outcome.baseline), None)

    @property
    def tied(self) -> int:
        """How many variants share the best validation score."""
        if self.best is None:
            return 0
        top = self.best.mean("val")
        return sum(1 for outcome in self.ranked if np.isclose(outcome.mean("val"), top, rtol=1e-12, atol=0))


def rank(
    run: Run, seed: int | None = None, resamples: int = intervals.RESAMPLES, stratified: bool = True
) -> list[Ranking]:
    """Rank the variants of every target, in the order in which the plan names them.

    Args:
        seed: of the bootstrap; None takes the plan's.
    """
    outcomes = gather(run)
    seed = run.plan.seed if seed is None else seed
    targets = dict.fromkeys(outcome.record.target for outcome in outcomes)
    return [
        _rank_target(target, [o for o in outcomes if o.record.target == target], seed, resamples, stratified)
        for target in targets
    ]


def _rank_target(
    target: str, outcomes: list[Outcome], seed: int, resamples: int, stratified: bool
) -> Ranking:
    metric = METRICS[outcomes[0].metric]
    heads = outcomes[0].heads
    usable = [outcome for outcome in outcomes if outcome.status != "failed"]
    usable = sorted(usable, key=lambda outcome: _order(outcome, metric))
    for number, outcome in enumerate(usable, start=1):
        outcome.rank = number
    _resample(usable, task_type(heads), seed, resamples, stratified)
    by_id = {outcome.id: outcome for outcome in usable}
    for outcome in usable:
        outcome.test_interval = intervals.interval(_mean(list(outcome.resampled.values()), resamples))
        scratch = by_id.get(outcome.record.scratch or "")
        if scratch is not None and not outcome.baseline:
            _add_gain(outcome, scratch, metric, resamples)
    _compare_with_best(usable, resamples)
    ranked = {outcome.id for outcome in usable}
    return Ranking(target, metric, heads, usable + [o for o in outcomes if o.id not in ranked])


def compare(
    outcomes: list[Outcome],
    kind: str,
    seed: int,
    resamples: int = intervals.RESAMPLES,
    stratified: bool = True,
) -> None:
    """Fill in each outcome's interval and its difference to the first of them (`to_best`), on the same draws.

    For outcomes that are ranked already, on cases that had no part in it.
    """
    _resample(outcomes, kind, seed, resamples, stratified)
    for outcome in outcomes:
        outcome.test_interval = intervals.interval(_mean(list(outcome.resampled.values()), resamples))
    _compare_with_best(outcomes, resamples)


def _order(outcome: Outcome, metric: Metric) -> tuple[float, float, float]:
    def cost(name: str) -> float:
        value = outcome.mean("val", name)
        if not np.isfinite(value):
            return np.inf
        return value if METRICS[name].lower_is_better else -value

    finer = _FINER.get(task_type(outcome.heads))
    parameters = outcome.trainable if np.isfinite(outcome.trainable) else np.inf
    return cost(metric.name), cost(finer) if finer else 0.0, parameters


def _resample(outcomes: list[Outcome], kind: str, seed: int, resamples: int, stratified: bool) -> None:
    """Score every replicate on one set of draws, so that all differences between variants are paired.

    With too few groups to draw from there are none: intervals and p values are NaN then.
    """
    cases = [(r.fold, r.cases) for outcome in outcomes for r in outcome.done if r.cases is not None]
    if not cases:
        return
    strata = intervals.strata_of(cases, kind, stratified)
    if len(strata) < intervals.FEWEST:
        return
    draws = intervals.draw(strata, resamples, seed)
    for outcome in outcomes:
        for replicate in outcome.done:
            if replicate.cases is not None:
                outcome.resampled[replicate.key] = intervals.scores(
                    outcome.metric, kind, replicate.cases, draws
                )


def _mean(parts: list[Array], resamples: int) -> Array:
    """Mean over replicates in each resample, of those that are defined."""
    if not parts:
        return np.full(resamples, NAN)
    stacked = np.stack(parts)
    defined = np.isfinite(stacked)
    count = defined.sum(axis=0)
    total = np.where(defined, stacked, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), NAN)


def transferability(value: Any, scratch: Any, lower_is_better: bool) -> Any:
    """Percent gained over no transfer: 100 · (M − M_scratch) / |M_scratch|, positive when transfer helps.

    Eq. 1 of "Cats, not CAT scans" (for the AUC, which is positive), with the sign turned for errors. NaN
    where the from-scratch score is zero.
    """
    value, scratch = np.asarray(value, dtype=float), np.asarray(scratch, dtype=float)
    sign = -1.0 if lower_is_better else 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(scratch == 0, NAN, sign * 100.0 * (value - scratch) / np.abs(scratch))


def _add_gain(outcome: Outcome, scratch: Outcome, metric: Metric, resamples: int) -> None:
    """Gain per replicate against the same replicate of the twin, then mean, spread and interval."""
    twins = {replicate.key: replicate for replicate in scratch.done}
    gains, resampled = [], []
    for replicate in outcome.done:
        twin = twins.get(replicate.key)
        if twin is None:
            continue
        pair = (replicate.test.get(metric.name, NAN), twin.test.get(metric.name, NAN))
        gains.append(float(transferability(*pair, metric.lower_is_better)))
        if replicate.key in outcome.resampled and replicate.key in scratch.resampled:
            pairs = (outcome.resampled[replicate.key], scratch.resampled[replicate.key])
            resampled.append(transferability(*pairs, metric.lower_is_better))
    gains = [gain for gain in gains if np.isfinite(gain)]
    if gains:
        outcome.gain = float(np.mean(gains))
        outcome.gain_sd = float(np.std(gains, ddof=1)) if len(gains) > 1 else NAN
        outcome.gain_interval = intervals.interval(_mean(resampled, resamples))


def _compare_with_best(ranked: list[Outcome], resamples: int) -> None:
    """Difference of each variant to the winner on the same test cases, over the replicates both have."""
    if not ranked:
        return
    best, others = ranked[0], ranked[1:]
    for other in others:
        shared = [key for key in other.resampled if key in best.resampled]
        differences = _mean([other.resampled[key] - best.resampled[key] for key in shared], resamples)
        other.to_best = other.mean("test") - best.mean("test")
        other.to_best_interval = intervals.interval(differences)
        other.p_to_best = intervals.p_value(differences)
    for other, p in zip(others, intervals.holm([other.p_to_best for other in others]), strict=True):
        other.p_to_best = p
