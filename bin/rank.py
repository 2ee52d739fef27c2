#!/usr/bin/env python3
"""RANK: order the variants by validation, score them on test with intervals, write the report's sections."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tlpy import machine
from tlpy.evaluation.confounds import write_confounds
from tlpy.evaluation.external import external_scores, write_external
from tlpy.evaluation.leaderboard import write_ranking
from tlpy.evaluation.ranking import rank
from tlpy.evaluation.results import read_run
from tlpy.plan.plan_records import Plan
from tlpy.report.write import write_report

EXISTING = click.Path(exists=True, path_type=Path)


@click.command()
@click.option("--plan", type=EXISTING, required=True, help="plan.json of PLAN.")
@click.option("--stages", type=EXISTING, required=True, help="Folder that holds <stage id>/ of TRAIN.")
@click.option("--plain", type=EXISTING, help="Folder that holds <fit id>/ of PLAIN.")
@click.option("--prepared", type=EXISTING, help="Folder that holds <request id>/ of PREPARE.")
@click.option("--external", type=EXISTING, help="Folder that holds <data set>/<stage id>/ of EXTERNAL.")
@click.option("--covariates", type=EXISTING, help="Folder that holds <data set>.tsv of PLAN.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the ranking.")
def main(
    plan: Path,
    stages: Path,
    plain: Path | None,
    prepared: Path | None,
    external: Path | None,
    covariates: Path | None,
    out: Path,
) -> None:
    """Write OUT/leaderboard.tsv and what belongs to it, and report/ beside OUT."""
    with machine.told({"work folder": out.parent}):
        record = Plan.from_json(json.loads(plan.read_text(encoding="utf-8")))
        run = read_run(record, stages, prepared, plain, covariates)
        rankings = rank(run)
        write_ranking(rankings, run.plan.params, out)
        write_confounds(run, rankings, out)
        outside = external_scores(run, rankings, external)
        if outside:
            write_external(outside, out / "external.tsv")
        write_report(run, rankings, out.resolve().parent / "report", outside)


if __name__ == "__main__":
    main()
