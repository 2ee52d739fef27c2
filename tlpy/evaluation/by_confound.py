"""The winner's test score in each category of a confound: a score that is of one site alone shows here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from tlpy.evaluation import intervals
from tlpy.evaluation.covariates import Column, covariates_of
from tlpy.evaluation.outcomes import NAN, Outcome, ReplicateResult
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.resampling import resample
from tlpy.evaluation.results import Predictions, Run
from tlpy.metrics.registry import compute
from tlpy.records import NONE


@dataclass(frozen=True)
class GroupScore:
    """The test score of a variant among those of one category.

    Attributes:
        score: mean over replicates; NaN below ten units, and where undefined (one class only).
        interval: 95 %, as the ranking's; NaN below ten units.
        subjects, units: who was tested, over all replicates.
    """

    target: str
    variant: str
    confound: str
    category: str
    metric: str
    score: float
    interval: tuple[float, float]
    subjects: int
    units: int


def group_scores(
    run: Run, ranking: Ranking, outcome: Outcome | None = None, resamples: int = intervals.RESAMPLES
) -> list[GroupScore]:
    """The scores of a variant in each category of each confound of its target.

    Args:
        outcome: the variant; None: what was chosen, over folds inside each of them.
        resamples: of the bootstrap.
    """
    best = outcome or ranking.headline.best
    table = covariates_of(run, ranking.target)
    if best is None or table is None or ranking.task_type == NONE:
        return []
    found = []
    for confound in table.confounds:
        if confound.is_number:
            continue
        for category in confound.head.names:
            one = _score(run, ranking, best, confound, category, table.place, resamples)
            if one is not None:
                found.append(one)
    return found


def _score(
    run: Run,
    ranking: Ranking,
    best: Outcome,
    confound: Column,
    category: str,
    place: Mapping[str, int],
    resamples: int,
) -> GroupScore | None:
    """None where nobody of the category was tested."""
    parts = [_within(r, ranking, confound, category, place) for r in best.done]
    kept = [r for r in parts if r is not None]
    if not kept:
        return None
    inside = replace(best, replicates=kept, resampled={})
    interval, score = (NAN, NAN), NAN
    if inside.n_groups >= intervals.FEWEST:
        score = inside.mean("test")
        resampling = resample([inside], ranking.task_type, run.plan.seed, resamples)
        interval = resampling.score(inside, ranking.metric)
    return GroupScore(
        ranking.target,
        best.id,
        confound.name,
        category,
        best.metric,
        score,
        interval,
        inside.n_test,
        inside.n_groups,
    )


def _within(
    replicate: ReplicateResult, ranking: Ranking, confound: Column, category: str, place: Mapping[str, int]
) -> ReplicateResult | None:
    """A replicate as if only those of the category had been tested."""
    cases = replicate.cases
    if cases is None:
        return None
    kept = [
        at
        for at, image in enumerate(cases.images)
        if image in place and confound.texts[place[image]] == category
    ]
    if not kept:
        return None
    only = _taken(cases, kept)
    return replace(replicate, cases=only, test=compute(ranking.task_type, only.true, only.score))


def _taken(cases: Predictions, kept: Sequence[int]) -> Predictions:
    """Some of the cases, with everything that is said of each."""
    columns = {column.name: getattr(cases, column.name) for column in fields(cases)}
    taken: dict[str, Any] = {
        name: values[kept] if isinstance(values, np.ndarray) else tuple(values[at] for at in kept)
        for name, values in columns.items()
        if len(values) == len(cases)
    }
    return Predictions(**taken)
