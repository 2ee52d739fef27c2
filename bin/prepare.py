#!/usr/bin/env python3
"""PREPARE: read, check and conform one shard of a data set, once for all stages."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

# Images are prepared side by side already: more threads inside each only get in each other's way.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--request", "request_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Where the data set lies here.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The folder to write.")
@click.option("--store", type=click.Path(path_type=Path), help="Also keep what was prepared here.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(min=1))
def main(request_file: Path, data: Path, out: Path, store: Path | None, threads: int) -> None:
    """Prepare the shard that a request asks for."""
    from tlpy import machine
    from tlpy.data.prepare import prepare_shard
    from tlpy.errors import InputError

    request = json.loads(request_file.read_text(encoding="utf-8"))
    try:
        with machine.told({"work folder": out.parent} | ({"store": store} if store else {})):
            problems = prepare_shard(request, data, out, threads)
            if store and not problems:
                from tlpy.store import Store

                Store(store).keep("cache", request["id"], out)
    except InputError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    for problem in problems:
        click.echo(str(problem), err=True)


if __name__ == "__main__":
    main()
