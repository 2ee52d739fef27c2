"""The plain baselines as outcomes, to stand beside the variants without a rank."""

from __future__ import annotations

from tlpy.evaluation.outcomes import NAN, Outcome, ReplicateResult
from tlpy.evaluation.results import FitResult, Run
from tlpy.plan.plan_records import PlainVariant, Replicate, Variant


def gather_plain(run: Run) -> list[Outcome]:
    """The outcome of every plain baseline of the plan, in the plan's order; none where none was fitted."""
    return [_outcome(one, run) for one in run.plan.plain] if run.plain else []


def _outcome(one: PlainVariant, run: Run) -> Outcome:
    fits = [run.plain[replicate.stages[-1]] for replicate in one.replicates]
    distinct = {fit.id: fit for fit in fits}.values()
    counts = [float(fit.parameters["trainable"]) for fit in fits if "trainable" in fit.parameters]
    return Outcome(
        record=_as_variant(one),
        metric=one.metric,
        heads=fits[0].record.heads,
        replicates=[as_replicate(item, fit) for item, fit in zip(one.replicates, fits, strict=True)],
        seconds=sum(fit.seconds for fit in distinct),
        shared_seconds=0.0,
        trainable=counts[0] if counts else NAN,
        plain=True,
    )


def _as_variant(one: PlainVariant) -> Variant:
    return Variant(
        id=one.id,
        label=one.label,
        settings=one.settings,
        baseline=False,
        scratch=None,
        target=one.target,
        metric=one.metric,
        chain=(),
        replicates=one.replicates,
    )


def as_replicate(item: Replicate, fit: FitResult) -> ReplicateResult:
    """A baseline on one split as a replicate."""
    return ReplicateResult(
        seed=item.seed,
        fold=item.fold,
        stages=item.stages,
        reason=fit.reason,
        val=fit.metrics("val") if fit.done else {},
        test=fit.metrics("test") if fit.done else {},
        cases=fit.predictions("test") if fit.done else None,
        others=fit.other_scores(fit.record.metric) if fit.done else {},
    )
