"""The `tlpy` command. Each sub-command imports what it needs when it runs: `tlpy --help` loads no torch."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

import tlpy
from tlpy.errors import InputError

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Commands(click.Group):
    """Shows bad input as a message, not as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            for problem in error.problems:
                click.echo(f"error: {problem}", err=True)
            sys.exit(2)


@click.group(cls=Commands)
@click.version_option(tlpy.__version__, prog_name="tlpy")
def main() -> None:
    """Transfer learning for brain and medical images: the Python side of the TLIMB pipeline."""


@main.command()
@click.argument("params_file", type=FILE, metavar="FILE")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Also write plan.json, variants.tsv and tables here."
)
@click.option("--store", type=click.Path(path_type=Path), help="The folder of finished work.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole plan as JSON.")
def plan(params_file: Path, out: Path | None, store: Path | None, as_json: bool) -> None:
    """Check FILE and show what a run of it would do; nothing is trained."""
    from tlpy.config.files import plan_document, summary, write_plan
    from tlpy.config.params import read_params
    from tlpy.config.plan import Planner
    from tlpy.config.schema import Schema

    params = read_params(params_file)
    store = store or _path(params.get("store"))
    slots = os.cpu_count() or 1
    components = _path(params.get("components"))
    planned = Planner(params, Schema.read(), {}, slots=slots, store=store, components=components).plan()
    if out:
        write_plan(planned, out)
    if as_json:
        click.echo(json.dumps(plan_document(planned), indent=1, ensure_ascii=False))
    else:
        click.echo("\n".join(summary(planned)))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--subjects", type=click.IntRange(min=1), default=100, show_default=True, help="How many people."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed makes other people.")
def simulate(folder: Path, subjects: int, seed: int) -> None:
    """Write phantom brains with a known age and sex signal to FOLDER, as a BIDS data set."""
    from tlpy.simulate import simulate_bids

    simulate_bids(folder, subjects=subjects, seed=seed)
    click.echo(f"{subjects} simulated brains in {folder}")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def architectures(as_json: bool) -> None:
    """List the architectures, the dimensions they work in, and their arguments."""
    from tlpy.architectures.registry import ARCHITECTURES

    entries = [ARCHITECTURES.entry(name) for name in ARCHITECTURES.names()]
    if as_json:
        rows = [
            {"name": e.name, "dims": e.dims, "arguments": dict(e.arguments), "summary": e.summary}
            for e in entries
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    for entry in entries:
        dims = ",".join(f"{dim}D" for dim in entry.dims)
        arguments = ", ".join(f"{key}={value}" for key, value in entry.arguments.items() if key != "dims")
        click.echo(f"{entry.name:<12} {dims:<9} {entry.summary}\n{'':<23}{arguments}")


def _path(value: Any) -> Path | None:
    return Path(value) if value else None
