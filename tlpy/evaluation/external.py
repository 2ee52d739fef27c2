"""External test sets: which stages are scored on them, and what came of it.

What is scored is chosen by validation, before any of these images is looked at: the winner, and
the best training from scratch; where that has won, the best transfer too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tlpy.evaluation import intervals
from tlpy.evaluation.gain import add_gains
from tlpy.evaluation.outcomes import Outcome, gather
from tlpy.evaluation.plain import as_replicate
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.resampling import resample
from tlpy.evaluation.results import FitResult, Run, StageResult, read_fit, read_run
from tlpy.files import write_table
from tlpy.metrics.registry import METRICS, Metric, names
from tlpy.plain.fits import EXTERNAL
from tlpy.plan.plan_records import ExternalSet, Plan, Replicate
from tlpy.records import ExternalRequest, Record, ScoredStage, task_type

FORMAT = 1
# What a variant was chosen as.
BEST, TRANSFER, SCRATCH, PLAIN = "best", "transfer", "scratch", "plain"
_DIGITS = 6


@dataclass(frozen=True)
class ChosenVariant(Record):
    """A variant that is scored on external test sets.

    Attributes:
        role: best, scratch (the best of these) or, where that is the best of all, transfer.
        variant: its id.
        replicates: those that finished.
    """

    target: str
    role: str
    variant: str
    replicates: tuple[Replicate, ...]


@dataclass(frozen=True)
class Chosen(Record):
    """`chosen.json`: which variants are scored on external test sets, and what each task is told of that."""

    format: int
    variants: tuple[ChosenVariant, ...]
    requests: tuple[ExternalRequest, ...]


def roles(ranking: Ranking) -> list[tuple[str, Outcome]]:
    """What of a target is scored outside, the winner first."""
    best, scratch = ranking.best, ranking.best_scratch
    if best is None:
        return []
    found = [(BEST, best)]
    if best is scratch and ranking.best_transfer is not None:
        found.append((TRANSFER, ranking.best_transfer))
    if best is not scratch and scratch is not None:
        found.append((SCRATCH, scratch))
    return found


def choose(plan: Plan, rankings: Sequence[Ranking]) -> Chosen:
    """The winners and what they are compared with, and the stages of theirs that each external set is for."""
    variants = [
        ChosenVariant(
            ranking.target,
            role,
            outcome.id,
            tuple(Replicate(one.seed, one.fold, one.stages) for one in outcome.done),
        )
        for ranking in rankings
        for role, outcome in roles(ranking)
    ]
    found: dict[str, dict[str, ScoredStage]] = {}
    for one in plan.external:
        stages = found.setdefault(one.name, {})
        for variant in variants:
            ends = [replicate.stages[-1] for replicate in variant.replicates]
            for stage in ends if variant.target == one.target else ():
                if plan.stages[stage].cache == one.target_cache:
                    stages.setdefault(stage, ScoredStage(stage, one.labels))
    sets = {one.name: one for one in plan.external}
    requests = tuple(
        ExternalRequest(
            *(name, sets[name].cache, sets[name].subjects, tuple(stages.values())),
            score_by=plan.datasets[name].score_by,
            combine=plan.datasets[name].combine,
        )
        for name, stages in found.items()
        if stages
    )
    return Chosen(FORMAT, tuple(variants), requests)


@dataclass(frozen=True)
class ExternalScore:
    """A variant on an external set.

    Attributes:
        target: what it was ranked under.
        dataset: the external set, by the user's name.
        role: as `ChosenVariant`.
        outcome: its scores and interval there, as of a test part; where a training from scratch is scored
            beside it, `gain` is its difference to that, on the same cases.
        own: the ranking's outcome: on the target's own test part.
        images: how many were scored.
        differences: where these images were prepared in another way than those it was trained on.
    """

    target: str
    dataset: str
    role: str
    outcome: Outcome
    own: Outcome
    images: int
    differences: tuple[str, ...]

    @property
    def metric(self) -> Metric:
        return METRICS[self.outcome.metric]

    @property
    def value(self) -> float:
        """The target's metric, mean over replicates."""
        return self.outcome.mean("test")

    @property
    def done(self) -> bool:
        return bool(self.outcome.done)

    @property
    def reason(self) -> str:
        """Why it, or a replicate of it, has no score; empty when all is well."""
        failed = [one for one in self.outcome.replicates if one.reason is not None]
        if not failed:
            return ""
        count = f"{len(failed)} of {len(self.outcome.replicates)} replicates failed: " if self.done else ""
        return f"{count}{failed[0].reason}"


def external_scores(
    run: Run,
    rankings: Sequence[Ranking],
    folder: Path | None,
    seed: int | None = None,
    resamples: int = intervals.RESAMPLES,
) -> list[ExternalScore]:
    """The scores of each target's chosen variants on each external set, in the plan's order.

    Args:
        run: the plan and its stages.
        rankings: of its targets.
        folder: holds `<external set>/<stage id>/`; None: there is none.
        seed: of the bootstrap; None takes the plan's.
    """
    if folder is None:
        return []
    found: list[ExternalScore] = []
    for ranking in rankings:
        # Versions of a target that a search prepares in several ways have versions of a set.
        versions: dict[str, list[ExternalSet]] = {}
        for one in run.plan.external:
            if one.target == ranking.target:
                versions.setdefault(one.name.partition("#")[0], []).append(one)
        chosen = roles(ranking)
        beside = ranking.best_plain
        for dataset, sets in versions.items() if chosen else ():
            outcomes = _outcomes(run, chosen, sets, folder)
            everyone = list(chosen)
            if beside is not None:
                outcomes.append(_plain_outcome(run, beside, sets))
                everyone.append((PLAIN, beside))
            # The first is what the others are compared with.
            first = [one for one in outcomes if one.baseline and one.done]
            rest = [one for one in outcomes if one.done and one not in first]
            kind = task_type(ranking.heads)
            drawn = run.plan.seed if seed is None else seed
            resampling = resample([*first, *rest], kind, drawn, resamples)
            for outcome in (*first, *rest):
                outcome.test_interval = resampling.score(outcome, ranking.metric)
            add_gains([one for one in (*first, *rest) if not one.plain], ranking.metric, resampling)
            for (role, own), outcome in zip(everyone, outcomes, strict=True):
                stages = _folders(run, role, own, sets, folder)
                images = max((int(stage.n.get("test", 0)) for stage in stages), default=0)
                told = [line for stage in stages for line in stage.metrics_file.get("differences") or ()]
                found.append(
                    ExternalScore(
                        ranking.target, dataset, role, outcome, own, images, tuple(dict.fromkeys(told))
                    )
                )
    return found


def _folders(
    run: Run, role: str, own: Outcome, sets: Sequence[ExternalSet], folder: Path
) -> Sequence[FitResult]:
    """What is in the folders of a variant's, or a baseline's, scores on the set."""
    if role == PLAIN:
        return [_plain_result(run, id_, sets) for id_ in _ends(own)]
    return [_result(run, id_, sets, folder) for id_ in _ends(own)]


def _plain_outcome(run: Run, own: Outcome, sets: Sequence[ExternalSet]) -> Outcome:
    """A plain baseline on the set; its task has scored it there, too."""
    replicates = [
        as_replicate(Replicate(one.seed, one.fold, one.stages), _plain_result(run, one.stages[-1], sets))
        for one in own.done
    ]
    return replace(own, replicates=replicates, resampled={}, rank=None)


def _plain_result(run: Run, fit: str, sets: Sequence[ExternalSet]) -> FitResult:
    record, folder = run.plan.plain_fits[fit], run.plain[fit].folder
    names = {one.name for one in sets}
    here = next((source for source in record.external if source.dataset in names), None)
    if here is None:
        return FitResult(record, folder, {}, "it needs confounds that this data set does not tell")
    heads = tuple(head for head in record.heads if head.label in here.labels)
    return read_fit(replace(record, sources=(here,), heads=heads), folder / EXTERNAL / here.dataset)


def _ends(outcome: Outcome) -> list[str]:
    return [replicate.stages[-1] for replicate in outcome.done]


def _outcomes(
    run: Run, chosen: Sequence[tuple[str, Outcome]], sets: Sequence[ExternalSet], folder: Path
) -> list[Outcome]:
    """Each chosen variant's outcome on the set, as the ranking gathers those on a test part."""
    variants = [
        replace(
            own.record,
            replicates=tuple(Replicate(one.seed, one.fold, one.stages[-1:]) for one in own.done),
        )
        for _, own in chosen
    ]
    stages = {id_: _result(run, id_, sets, folder) for _, own in chosen for id_ in _ends(own)}
    return gather(Run(replace(run.plan, variants=tuple(variants)), stages))


def _result(run: Run, stage: str, sets: Sequence[ExternalSet], folder: Path) -> StageResult:
    record = run.plan.stages[stage]
    here = next((one for one in sets if one.target_cache == record.cache), sets[0])
    said = run.plan.datasets[here.name]
    own = next((source for source in record.sources if source.labelled), record.sources[0])
    # Its cases are answers as the external set says, not as the target does.
    source = replace(own, dataset=here.name, score_by=said.score_by, combine=said.combine)
    sources = tuple(source if one is own else one for one in record.sources)
    record = replace(record, sources=sources)
    return read_run(replace(run.plan, stages={stage: record}), folder / here.name).stages[stage]


def write_external(scores: Sequence[ExternalScore], path: Path) -> None:
    """Write external.tsv: a row for each target, external set and chosen variant."""
    others = list(dict.fromkeys(n for one in scores for n in names(task_type(one.outcome.heads))))
    header = [
        *("target", "dataset", "role", "variant", "label", "metric", "value", "low", "high", "sd"),
        *("gain", "gain_low", "gain_high", "p_gain"),
        *("own_test", "own_test_low", "own_test_high"),
        *("n", "images", "replicates", *others, "preparation", "reason"),
    ]
    rows = []
    for one in scores:
        outcome, own = one.outcome, one.own
        rows.append(
            [
                *(one.target, one.dataset, one.role, outcome.id, outcome.label, outcome.metric),
                *(one.value, *outcome.test_interval, outcome.spread("test")),
                *(outcome.gain.value, outcome.gain.low, outcome.gain.high, outcome.p_gain),
                *(own.mean("test"), *own.test_interval),
                *(outcome.n_test, one.images, f"{len(outcome.done)}/{len(own.replicates)}"),
                *(outcome.mean("test", name) for name in others),
                "; ".join(one.differences),
                one.reason,
            ]
        )
    write_table(path, header, rows, _DIGITS)
