"""The ranking: chosen on validation, reported on test, one list per target data set.

* The order is by the validation metric, mean over replicates. Test scores never decide anything.
* Equal validation scores, common with few subjects, are told apart by a finer validation score (log loss, or
  the root mean squared error), then by fewer trained parameters, then by the plan's order.
* From-scratch baselines stand in the list with the rest, marked: when one of them leads, that is the answer.
* Failed variants come last, with their reason.
* Plain baselines stand beside it, without a rank: they are there to be compared with.
* Over folds, the headline is what choosing inside each fold gives (`folds`), not the winner's own mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tlpy.evaluation import intervals
from tlpy.evaluation.chance import over_chance
from tlpy.evaluation.difference import NONE, Difference
from tlpy.evaluation.folds import chosen_in_each_fold, in_folds
from tlpy.evaluation.gain import add_gains, percent
from tlpy.evaluation.outcomes import NAN, Outcome, gather
from tlpy.evaluation.plain import gather_plain
from tlpy.evaluation.resampling import Resampling, resample
from tlpy.evaluation.results import Run
from tlpy.metrics.registry import METRICS, Metric
from tlpy.records import BINARY, MULTICLASS, MULTILABEL, REGRESSION, Head, task_type

_FINER = {REGRESSION: "rmse", BINARY: "log_loss", MULTICLASS: "log_loss", MULTILABEL: "log_loss"}


@dataclass(frozen=True)
class Headline:
    """The answer of a ranking: what the variants that were chosen reach on test cases that chose nothing.

    Attributes:
        best, transfer, scratch: what was chosen among all variants, those with transfer, those from scratch;
            over folds, inside each fold. None where none finished.
        gain: of `transfer` over `scratch`, positive where transfer is better.
        gain_percent: the same by Eq. 1.
        over_chance: of `best` over guessing.
        plain: the plain baseline that was chosen in the same way.
        over_plain: of `best` over `plain`.
    """

    best: Outcome | None = None
    transfer: Outcome | None = None
    scratch: Outcome | None = None
    gain: Difference = NONE
    gain_percent: float = NAN
    over_chance: Difference = NONE
    plain: Outcome | None = None
    over_plain: Difference = NONE


@dataclass(frozen=True)
class Ranking:
    """The variants of one target, best first, failed ones last.

    Attributes:
        plain: the plain baselines, without a rank, in the same order.
    """

    target: str
    metric: Metric
    heads: tuple[Head, ...]
    outcomes: list[Outcome]
    headline: Headline = field(default_factory=Headline)
    resampling: Resampling = field(default_factory=lambda: Resampling(None))
    plain: list[Outcome] = field(default_factory=list)

    @property
    def task_type(self) -> str:
        """What its variants are judged by; `none` where no label is learnt."""
        return task_type(self.heads)

    @property
    def ranked(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.rank is not None]

    @property
    def rows(self) -> list[Outcome]:
        """As tables show them: those with a rank, the plain baselines, those that failed."""
        return [*self.ranked, *self.plain, *(outcome for outcome in self.outcomes if outcome.rank is None)]

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
    def best_plain(self) -> Outcome | None:
        """The plain baseline chosen on validation; None where there is none."""
        return next((outcome for outcome in self.plain if outcome.status != "failed"), None)

    @property
    def in_folds(self) -> bool:
        return in_folds(self.outcomes)

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
    outcomes, plain = gather(run), gather_plain(run)
    seed = run.plan.seed if seed is None else seed
    targets = dict.fromkeys(outcome.record.target for outcome in outcomes)
    return [
        rank_target(
            target,
            [o for o in outcomes if o.record.target == target],
            seed,
            resamples,
            stratified,
            [o for o in plain if o.record.target == target],
        )
        for target in targets
    ]


def rank_target(
    target: str,
    outcomes: list[Outcome],
    seed: int,
    resamples: int,
    stratified: bool,
    plain: Sequence[Outcome] = (),
) -> Ranking:
    """Rank the variants of one target; `outcomes` get their ranks, intervals and differences.

    Args:
        plain: the target's plain baselines, which get the same but for ranks.
    """
    metric = METRICS[outcomes[0].metric]
    heads = outcomes[0].heads
    usable = [outcome for outcome in outcomes if outcome.status != "failed"]
    usable = sorted(usable, key=lambda outcome: _order(outcome, metric))
    for number, outcome in enumerate(usable, start=1):
        outcome.rank = number
    kind = task_type(heads)
    plain = sorted(plain, key=lambda outcome: _order(outcome, metric))
    beside = [outcome for outcome in plain if outcome.status != "failed"]
    scored = usable + beside
    resampling = resample(scored, kind, seed, resamples, stratified)
    for outcome in scored:
        outcome.test_interval = resampling.score(outcome, metric)
    add_gains(usable, metric, resampling)
    _compare_with_best(usable, metric, resampling)
    _compare_with_best([*usable[:1], *beside] if usable else [], metric, resampling)
    ranked = {outcome.id for outcome in usable}
    everyone = usable + [o for o in outcomes if o.id not in ranked]
    headline = _headline(usable, metric, kind, resampling, beside)
    return Ranking(target, metric, heads, everyone, headline, resampling, plain)


def _headline(
    ranked: list[Outcome], metric: Metric, kind: str, resampling: Resampling, beside: list[Outcome]
) -> Headline:
    def chosen(among: list[Outcome]) -> Outcome | None:
        if not in_folds(among):
            return among[0] if among else None
        found = chosen_in_each_fold(among, lambda outcome: _order(outcome, metric))
        if found is not None:
            found.test_interval = resampling.score(found, metric)
        return found

    best = chosen(ranked)
    transfer = chosen([outcome for outcome in ranked if not outcome.baseline])
    scratch = chosen([outcome for outcome in ranked if outcome.baseline])
    gain, share = NONE, NAN
    if transfer is not None and scratch is not None:
        gain = resampling.between(transfer, scratch, metric)
        share = percent(transfer, scratch, metric)
    above = over_chance(best, metric, kind, resampling) if best is not None else NONE
    plain = chosen(beside)
    over_plain = resampling.between(best, plain, metric) if best and plain else NONE
    return Headline(best, transfer, scratch, gain, share, above, plain, over_plain)


def _order(outcome: Outcome, metric: Metric) -> tuple[float, float, float]:
    def cost(name: str) -> float:
        value = outcome.mean("val", name)
        if not np.isfinite(value):
            return np.inf
        return value if METRICS[name].lower_is_better else -value

    finer = _FINER.get(task_type(outcome.heads))
    parameters = outcome.trainable if np.isfinite(outcome.trainable) else np.inf
    return cost(metric.name), cost(finer) if finer else 0.0, parameters


def _compare_with_best(ranked: list[Outcome], metric: Metric, resampling: Resampling) -> None:
    """Difference of each variant to the winner on the same test cases, over the replicates both have."""
    if not ranked:
        return
    best, others = ranked[0], ranked[1:]
    for other in others:
        other.to_best = resampling.between(other, best, metric, better_is_positive=False)
    corrected = intervals.holm([other.to_best.p for other in others])
    for other, p in zip(others, corrected, strict=True):
        other.p_to_best = p
