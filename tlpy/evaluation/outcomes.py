"""A variant's outcome: its replicates gathered from the stages they end in, averaged, never ranked against
each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tlpy.evaluation.difference import NAN, NONE, Difference
from tlpy.evaluation.results import Predictions, Run, StageResult, counted
from tlpy.metrics.formulas import Array
from tlpy.metrics.registry import compute
from tlpy.plan.plan_records import Replicate, Variant
from tlpy.records import Head


@dataclass(frozen=True)
class ReplicateResult:
    """One seed or fold of a variant.

    Attributes:
        stages: ids, first to last.
        reason: which stage failed and why; None when it is done.
        val, test: metric → value, of its last stage.
        by_image: metric → value on test with every image as an answer; empty where that is no other score.
        others: test scores of further labels and of a target, by column (`FitResult.other_scores`).
    """

    seed: int
    fold: int | None
    stages: tuple[str, ...]
    reason: str | None
    val: dict[str, float]
    test: dict[str, float]
    cases: Predictions | None
    others: dict[str, float] = field(default_factory=dict)
    by_image: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> tuple[int, int | None]:
        return self.seed, self.fold

    @property
    def name(self) -> str:
        return f"seed {self.seed}" if self.fold is None else f"fold {self.fold}, seed {self.seed}"


@dataclass
class Outcome:
    """A variant with its results; what the ranking adds is filled in by `tlpy.evaluation.ranking`.

    Attributes:
        heads: what its last stage predicts, the primary one first.
        status: done, partial (some replicates failed) or failed.
        seconds: time of its distinct stages, shared ones counted in full; NaN where not known.
        shared_seconds: the part of it that other variants use too.
        resampled: replicate → the target's metric on the test cases in each bootstrap resample.
        gain: over the best from-scratch variant, in units of the metric, positive where transfer is better.
        gain_percent: the same by Eq. 1 of "Cats, not CAT scans", of scores averaged over replicates.
        p_gain: of `gain`, Holm-corrected for the number of variants with transfer.
        twin_gain, twin_gain_percent: the same over its from-scratch twin with equal settings.
        to_best: test metric minus the winner's, on the same cases.
        p_to_best: of `to_best`, Holm-corrected for the number of variants.
        picks: fold → the variant chosen in it, where this outcome is put together from several.
        plain: whether it is a plain baseline, which has no rank.
    """

    record: Variant
    metric: str
    heads: tuple[Head, ...]
    replicates: list[ReplicateResult]
    seconds: float
    shared_seconds: float
    trainable: float
    rank: int | None = None
    resampled: dict[tuple[int, int | None], Array] = field(default_factory=dict)
    test_interval: tuple[float, float] = (NAN, NAN)
    gain: Difference = NONE
    gain_percent: float = NAN
    p_gain: float = NAN
    twin_gain: Difference = NONE
    twin_gain_percent: float = NAN
    to_best: Difference = NONE
    p_to_best: float = NAN
    picks: dict[int, str] = field(default_factory=dict)
    plain: bool = False

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def label(self) -> str:
        return self.record.label

    @property
    def baseline(self) -> bool:
        return self.record.baseline

    @property
    def kind(self) -> str:
        """`transfer`, `scratch` or `plain`."""
        return "plain" if self.plain else "scratch" if self.baseline else "transfer"

    @property
    def settings(self) -> dict[str, Any]:
        return self.record.settings

    @property
    def done(self) -> list[ReplicateResult]:
        return [replicate for replicate in self.replicates if replicate.reason is None]

    @property
    def status(self) -> str:
        if not np.isfinite(self.mean("val")):
            return "failed"
        return "done" if len(self.done) == len(self.replicates) else "partial"

    @property
    def reason(self) -> str:
        """Why it failed, or what is missing of it; empty when all is well."""
        failed = [replicate for replicate in self.replicates if replicate.reason is not None]
        if not failed:
            if self.status == "done":
                return ""
            return f"{self.metric} on validation is undefined"
        reason = str(failed[0].reason)
        if self.status == "failed":
            return reason
        return f"{len(failed)} of {len(self.replicates)} replicates failed ({failed[0].name}: {reason})"

    def mean(self, part: str, name: str | None = None) -> float:
        """A metric on val or test, mean over the finished replicates in which it is defined."""
        values = self.values(part, name)
        return float(np.mean(values)) if len(values) else NAN

    def spread(self, part: str = "test", name: str | None = None) -> float:
        """Standard deviation over replicates (n − 1); NaN with fewer than two."""
        values = self.values(part, name)
        return float(np.std(values, ddof=1)) if len(values) > 1 else NAN

    def values(self, part: str, name: str | None = None) -> list[float]:
        parts = [replicate.val if part == "val" else replicate.test for replicate in self.done]
        found = [values.get(name or self.metric, NAN) for values in parts]
        return [value for value in found if np.isfinite(value)]

    def other(self, column: str) -> float:
        """A score of `ReplicateResult.others`, mean over the finished replicates in which it is defined."""
        found = [replicate.others.get(column, NAN) for replicate in self.done]
        found = [value for value in found if np.isfinite(value)]
        return float(np.mean(found)) if found else NAN

    @property
    def n_groups(self) -> int:
        """Distinct groups in the test cases of all replicates: what counts as evidence."""
        return len({group for r in self.done if r.cases for group in r.cases.groups})

    @property
    def n_test(self) -> int:
        """Distinct answers in the test cases of all replicates: subjects, or images."""
        return len({image for r in self.done if r.cases for image in r.cases.images})

    @property
    def tested(self) -> str:
        """How much it was tested on, in words: `60 subjects`, `45 images of 20 subjects`."""
        return counted(r.cases for r in self.done if r.cases)

    @property
    def test_by_image(self) -> float:
        """Its metric on test with every image as an answer; NaN where that is no other score."""
        found = [replicate.by_image.get(self.metric, NAN) for replicate in self.done]
        found = [value for value in found if np.isfinite(value)]
        return float(np.mean(found)) if found else NAN


def gather(run: Run) -> list[Outcome]:
    """The outcome of every variant of the plan, in the plan's order."""
    users: dict[str, set[str]] = {}
    for variant in run.plan.variants:
        for stage in variant.stages:
            users.setdefault(stage, set()).add(variant.id)
    return [_outcome(variant, run, lambda stage: len(users[stage]) > 1) for variant in run.plan.variants]


def _outcome(variant: Variant, run: Run, shared: Callable[[str], bool]) -> Outcome:
    metric = variant.metric
    replicates = [_replicate(item, metric, run) for item in variant.replicates]
    known = [(run.stages[id_].seconds, shared(id_)) for id_ in variant.stages]
    known = [(seconds, is_shared) for seconds, is_shared in known if np.isfinite(seconds)]
    last = [run.stages[replicate.stages[-1]] for replicate in replicates]
    trainable = [float(stage.parameters["trainable"]) for stage in last if "trainable" in stage.parameters]
    return Outcome(
        record=variant,
        metric=metric,
        heads=last[0].record.heads,
        replicates=replicates,
        seconds=sum(seconds for seconds, _ in known) if known else NAN,
        shared_seconds=sum(seconds for seconds, is_shared in known if is_shared) if known else NAN,
        trainable=trainable[0] if trainable else NAN,
    )


def _replicate(item: Replicate, metric: str, run: Run) -> ReplicateResult:
    chain = [run.stages[id_] for id_ in item.stages]
    last, reason = chain[-1], _reason(chain)
    done = reason is None
    return ReplicateResult(
        seed=item.seed,
        fold=item.fold,
        stages=item.stages,
        reason=reason,
        val=_values(last, metric, "val") if done else {},
        test=_values(last, metric, "test") if done else {},
        cases=last.predictions("test") if done else None,
        others=last.other_scores(metric) if done else {},
        by_image=last.metrics("test", by_image=True) if done else {},
    )


def _reason(chain: Sequence[StageResult]) -> str | None:
    """None when the last stage is done; else the first stage of the chain that failed, and why."""
    if chain[-1].done:
        return None
    failed = next(stage for stage in chain if not stage.done)
    return f"{failed.record.name}: {failed.reason}"


def _values(stage: StageResult, metric: str, part: str) -> dict[str, float]:
    """TRAIN's numbers; the metric of the ranking is worked out from the predictions where TRAIN lacks it."""
    values = stage.metrics(part)
    if not np.isfinite(values.get(metric, NAN)):
        cases = stage.predictions(part)
        if cases is not None:
            values = {**compute(stage.record.task_type, cases.true, cases.score), **values}
    return values
