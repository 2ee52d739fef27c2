#!/usr/bin/env python3
"""CHOOSE: which stages are scored on external test sets: of the winner and the best from scratch."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tlpy import machine
from tlpy.evaluation.external import choose
from tlpy.evaluation.ranking import rank
from tlpy.evaluation.results import read_run
from tlpy.files import write_json
from tlpy.plan.plan_records import Plan

EXISTING = click.Path(exists=True, path_type=Path)


@click.command()
@click.option("--plan", type=EXISTING, required=True, help="plan.json of PLAN.")
@click.option("--stages", type=EXISTING, required=True, help="Folder that holds <stage id>/ of TRAIN.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The file to write.")
def main(plan: Path, stages: Path, out: Path) -> None:
    """Write OUT: chosen variants, and what each external data set's task is told."""
    with machine.told({"work folder": out.parent}):
        run = read_run(Plan.from_json(json.loads(plan.read_text(encoding="utf-8"))), stages)
        # The order needs no intervals.
        write_json(out, choose(run.plan, rank(run, resamples=1)).to_json())


if __name__ == "__main__":
    main()
