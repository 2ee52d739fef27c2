#!/usr/bin/env python3
"""EXTERNAL: score chosen stages on data that took no part. Exit code 2: bad input; 137: out of
memory; 74, 75: the machine failed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--request", type=FILE, required=True, help="What is scored on what, as CHOOSE wrote it.")
@click.option("--caches", type=FOLDER, required=True, help="Holds the folders that PREPARE wrote.")
@click.option("--subjects", type=FOLDER, required=True, help="Holds subjects/<id>.tsv of PLAN.")
@click.option("--stages", type=FOLDER, required=True, help="Holds folders of finished stages.")
@click.option("--out", type=FOLDER, default="external", show_default=True)
@click.option("--accelerator", type=click.Choice(["auto", "cpu", "gpu"]), default="auto", show_default=True)
@click.option("--attempt", type=click.IntRange(min=1), default=1, show_default=True)
def main(request: Path, stages: Path, **options: object) -> None:
    """Write <out>/<data set>/<stage id>/ for each stage of REQUEST."""
    from tlpy import machine
    from tlpy.checksums import is_bulk
    from tlpy.errors import InputError
    from tlpy.files import read_json
    from tlpy.records import ExternalRequest, Stage
    from tlpy.scenarios.external import score_external
    from tlpy.scenarios.pack_admission import check_components
    from tlpy.store import check

    try:
        with machine.told({"work folder": Path.cwd()}):
            content = ExternalRequest.from_json(json.loads(request.read_text(encoding="utf-8")))
            check([stages / one.id for one in content.stages], lambda name: not is_bulk(name))
            records = [read_json(stages / one.id / "stage.json") for one in content.stages]
            check_components([Stage.from_json(record) for record in records])
            score_external(content, stages=stages, **options)  # type: ignore[arg-type]
    except InputError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except MemoryError as error:
        click.echo(f"out of memory: {error}", err=True)
        sys.exit(137)


if __name__ == "__main__":
    main()
