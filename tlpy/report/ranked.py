"""From the results of a run to its ranking and its report, with ids or with pseudonyms."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from tlpy.evaluation.confounds import write_confounds
from tlpy.evaluation.external import external_scores, write_external
from tlpy.evaluation.leaderboard import write_ranking
from tlpy.evaluation.ranking import rank
from tlpy.evaluation.results import Run, read_run
from tlpy.plan.plan_records import Plan
from tlpy.privacy.people import People
from tlpy.report.private import external_told, naming, rewrite_below, told, with_reasons
from tlpy.report.write import write_report


@dataclass(frozen=True)
class Results:
    """A plan, and the folders of what its tasks left; None: there is none."""

    plan: Plan
    stages: Path
    prepared: Path | None = None
    plain: Path | None = None
    covariates: Path | None = None


def write_ranked(
    results: Results,
    external: Callable[[Run], Path | None],
    ranking: Path,
    report: Path,
    people: People | None = None,
    pictures: bool = True,
) -> Run:
    """Rank, and write the ranking and the report's sections.

    Args:
        results: what the run left.
        external: gives the folder of scores on external data sets, or None.
        ranking, report: the folders to write.
        people: who goes by pseudonyms in both; None: everybody by the ids.
        pictures: whether the report shows prepared images.

    Returns:
        The run that was ranked.
    """
    plan = results.plan if people is None else told(results.plan, people)
    run = read_run(plan, results.stages, results.prepared, results.plain, results.covariates)
    run = run if people is None else with_reasons(run, people)
    rankings = rank(run)
    write_ranking(rankings, run.plan.params, ranking)
    write_confounds(run, rankings, ranking)
    with external_told(external(run), people) as scores:
        outside = external_scores(run, rankings, scores)
    if outside:
        write_external(outside, ranking / "external.tsv")
    if people is not None:
        rewrite_below(ranking, people)
    with nullcontext(run) if people is None else naming(run, people, pictures) as named:
        write_report(run, rankings, report, outside, named, pictures)
    return run
