#!/usr/bin/env python3
"""PLAN: from params and data sets to variants, distinct stages and tasks."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tlpy import machine
from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plan.documents import write_plan, write_problems
from tlpy.plan.planner import Planner

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--params", type=FILE, required=True, help="The params as JSON.")
@click.option("--schema", type=FILE, required=True, help="nextflow_schema.json.")
@click.option("--data", type=FILE, required=True, help="JSON map: path as the user wrote it, path here.")
@click.option("--slots", type=int, default=0, help="Tasks that run side by side; 0: unknown.")
@click.option("--store", type=click.Path(path_type=Path), help="The folder of finished work.")
@click.option("--components", type=FOLDER, help="The folder of own components.")
@click.option("--out", type=click.Path(path_type=Path), default=Path(), help="Where to write.")
def main(
    params: Path, schema: Path, data: Path, slots: int, store: Path | None, components: Path | None, out: Path
) -> None:
    """Write plan.json, tasks.json, variants.tsv and subjects/."""
    with machine.told({"work folder": out} | ({"store": store} if store else {})):
        roots = {shown: Path(staged) for shown, staged in json.loads(data.read_text()).items()}
        planner = Planner(
            json.loads(params.read_text()),
            Schema.read(schema),
            roots,
            slots=slots,
            store=store,
            components=components,
        )
        try:
            write_plan(planner.plan(), out)
        except InputError as error:
            # What only this moment's disk or mount is to blame for is not to be kept as an answer.
            passing = machine.trouble_in(problem.message for problem in error.problems)
            if passing:
                raise passing from error
            # The workflow shows all problems in one message of its own.
            write_problems(error.problems, out)


if __name__ == "__main__":
    main()
