"""The `tlpy` command. Each sub-command imports what it needs when it runs: `tlpy --help` loads no torch."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from tlpy.errors import InputError
from tlpy.files import json_text, read_json
from tlpy.machine import MachineError
from tlpy.version import __version__

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


class Commands(click.Group):
    """Shows bad input, and a machine that failed, as a message, not as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except InputError as error:
            for problem in error.problems:
                click.echo(f"error: {problem}", err=True)
            sys.exit(2)
        except MachineError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(error.code)


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="tlpy")
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
    from tlpy.params.file import read_params
    from tlpy.params.schema import Schema
    from tlpy.plan.documents import check_written, plan_record, summary, write_plan
    from tlpy.plan.planner import Planner

    params = read_params(params_file)
    store = store or _path(params.get("store"))
    slots = os.cpu_count() or 1
    components = _path(params.get("components"))
    planned = Planner(params, Schema.read(), {}, slots=slots, store=store, components=components).plan()
    if out:
        write_plan(planned, out)
    else:
        check_written(planned)
    if as_json:
        click.echo(json_text(plan_record(planned).to_json()))
    else:
        click.echo("\n".join(summary(planned)))


@main.command()
@click.argument("params_file", type=FILE, metavar="FILE")
@click.option("--variant", metavar="ID", help="The variant: its id, the start of it, or its label.")
@click.option("--list", "show", is_flag=True, help="Show the variants instead.")
@click.option("--seed", type=int, help="Which replicate; the first by default.")
@click.option("--fold", type=int, help="Which replicate; the first by default.")
@click.option("--again", is_flag=True, help="Train the last stage anew, though it is finished.")
@click.option("--store", type=click.Path(path_type=Path), help="The folder of finished work.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Where to write; <outdir>/variants/ID by default."
)
@click.option(
    "--accelerator", type=click.Choice(["auto", "cpu", "gpu"]), help="As the params say by default."
)
@click.option("--threads", type=click.IntRange(min=1), help="Images read side by side; one a core.")
@click.option("--debug", is_flag=True, help="Show the traceback of a stage that fails.")
def train(
    params_file: Path,
    variant: str | None,
    show: bool,
    seed: int | None,
    fold: int | None,
    again: bool,
    store: Path | None,
    out: Path | None,
    accelerator: str | None,
    threads: int | None,
    debug: bool,
) -> None:
    """Train one variant of FILE in this process: what the pipeline's tasks do, for debugging.

    What is finished in the store (work/tlpy by default) is not done again.
    """
    from tlpy.local import LocalRun, read_metrics
    from tlpy.records import Stage

    if not (variant or show):
        raise click.UsageError("give --variant ID; --list shows them")
    local = LocalRun(params_file, store=store, accelerator=accelerator, threads=threads)
    if show:
        for entry in local.record.variants:
            click.echo(f"{entry.id}  {entry.target:<12} {entry.label}")
        return
    folders = local.train_variant(str(variant), seed, fold, again, out)
    for folder in folders:
        found = read_metrics(folder)
        stage = Stage.from_json(read_json(folder / "stage.json"))
        if found["status"] != "done":
            log = folder / "stage.log"
            if debug and log.is_file():
                click.echo(log.read_text(), err=True)
            click.echo(f"{stage.name} ({folder}) failed: {found['reason']}", err=True)
            sys.exit(1)
        scores = ", ".join(
            f"{name} {value:.4g}" for name, value in found["metrics"]["val"].items() if value is not None
        )
        click.echo(f"{stage.name} ({folder}): validation {scores}")
    click.echo(f"test scores: {folders[-1] / 'metrics.json'}")


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--subjects", type=click.IntRange(min=1), default=100, show_default=True, help="How many people."
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another seed, other people."
)
@click.option("--sites", type=click.IntRange(min=1), default=1, show_default=True, help="How many scanners.")
@click.option(
    "--shift", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="How much they differ."
)
@click.option("--masks", is_flag=True, help="Also write the tissues, to derivatives/tissues.")
def simulate(folder: Path, subjects: int, seed: int, sites: int, shift: float, masks: bool) -> None:
    """Write phantom brains with a known age and sex signal to FOLDER, as a BIDS data set."""
    from tlpy.simulate import simulate_bids

    simulate_bids(folder, subjects=subjects, seed=seed, sites=sites, shift=shift, masks=masks)
    click.echo(f"{subjects} simulated brains in {folder}")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def architectures(as_json: bool) -> None:
    """List the architectures, the dimensions they work in, and their arguments."""
    from tlpy.architectures.listing import list_architectures

    known = list_architectures()
    if as_json:
        click.echo(json_text(known))
        return
    for entry in known:
        dims = ",".join(f"{dim}D" for dim in entry["dims"])
        arguments = ", ".join(f"{key}={value}" for key, value in entry["arguments"].items() if key != "dims")
        click.echo(f"{entry['name']:<12} {dims:<9} {entry['summary']}\n{'':<23}{arguments}")


@main.command()
@click.argument("architecture")
@click.option(
    "--dims",
    type=click.IntRange(1, 3),
    help="Spatial axes of the images: 2 where the architecture allows it.",
)
@click.option(
    "--channels", type=click.IntRange(min=1), default=1, show_default=True, help="Channels of the images."
)
@click.option(
    "--outputs", type=click.IntRange(min=1), default=1, show_default=True, help="Outputs of the head."
)
@click.option("--up-to", help="Count what trains when the layers before this one are frozen.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def layers(
    architecture: str, dims: int | None, channels: int, outputs: int, up_to: str | None, as_json: bool
) -> None:
    """Print the named layers of ARCHITECTURE in order, with sizes: what {name: freeze, up_to: …} takes."""
    from tlpy.architectures.listing import describe_layers
    from tlpy.architectures.registry import ARCHITECTURES

    able = ARCHITECTURES.facts(architecture).dimensions
    dims = dims or (2 if 2 in able else able[0])
    described = describe_layers(
        {"name": architecture}, dims=dims, channels=channels, outputs=outputs, up_to=up_to
    )
    if as_json:
        click.echo(json_text(described))
        return
    width = max(len(layer["name"]) for layer in described["layers"])
    click.echo(f"{'layer':<{width}} {'parameters':>12} {'running total':>14}")
    for layer in described["layers"]:
        click.echo(f"{layer['name']:<{width}} {layer['parameters']:>12,} {layer['running']:>14,}")
    click.echo(f"trainable {described['trainable']:,} of {described['total']:,}")


def _path(value: Any) -> Path | None:
    return Path(value) if value else None
