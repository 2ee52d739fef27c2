#!/usr/bin/env python3
"""RANK: order the variants by validation, score them on test with intervals, write the report's sections."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from tlpy import machine
from tlpy.errors import InputError
from tlpy.plan.plan_records import Plan
from tlpy.report.private import make_people
from tlpy.report.ranked import Results, write_ranked

EXISTING = click.Path(exists=True, path_type=Path)


@click.command()
@click.option("--plan", type=EXISTING, required=True, help="plan.json of PLAN.")
@click.option("--stages", type=EXISTING, required=True, help="Folder that holds <stage id>/ of TRAIN.")
@click.option("--plain", type=EXISTING, help="Folder that holds <fit id>/ of PLAIN.")
@click.option("--prepared", type=EXISTING, help="Folder that holds <request id>/ of PREPARE.")
@click.option("--external", type=EXISTING, help="Folder that holds <data set>/<stage id>/ of EXTERNAL.")
@click.option("--covariates", type=EXISTING, help="Folder that holds <data set>.tsv of PLAN.")
@click.option("--people", type=EXISTING, help="people.json of PLAN: they go by pseudonyms.")
@click.option("--key", type=EXISTING, help="The key of the pseudonyms.")
@click.option("--pictures/--no-pictures", default=True, help="Whether the report shows prepared images.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the ranking.")
def main(
    plan: Path,
    stages: Path,
    plain: Path | None,
    prepared: Path | None,
    external: Path | None,
    covariates: Path | None,
    people: Path | None,
    key: Path | None,
    pictures: bool,
    out: Path,
) -> None:
    """Write OUT/leaderboard.tsv and what belongs to it, and report/ beside OUT."""
    with machine.told({"work folder": out.parent}):
        record = Plan.from_json(json.loads(plan.read_text(encoding="utf-8")))
        results = Results(record, stages, prepared, plain, covariates)
        try:
            hidden = make_people(people, key, record) if people and key else None
            write_ranked(results, lambda _: external, out, out.resolve().parent / "report", hidden, pictures)
        except InputError as error:
            click.echo(str(error), err=True)
            sys.exit(2)


if __name__ == "__main__":
    main()
