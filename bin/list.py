#!/usr/bin/env python3
"""LIST: the files that the tables of data sets name, one path a line."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tlpy import machine
from tlpy.params.schema import Schema
from tlpy.plan.data.named_files import named_files

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--params", type=FILE, required=True, help="The params as JSON.")
@click.option("--schema", type=FILE, required=True, help="nextflow_schema.json.")
@click.option("--data", type=FILE, required=True, help="JSON map: path as the user wrote it, path here.")
@click.option("--components", type=FOLDER, help="The folder of own components.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The file to write.")
def main(params: Path, schema: Path, data: Path, components: Path | None, out: Path) -> None:
    """Write the list. What is wrong with params and data is told by PLAN."""
    with machine.told({"work folder": out.parent}):
        roots = {shown: Path(staged) for shown, staged in json.loads(data.read_text()).items()}
        found = named_files(json.loads(params.read_text()), Schema.read(schema), roots, components)
        out.write_text("".join(f"{file}\n" for file in found))


if __name__ == "__main__":
    main()
