#!/usr/bin/env python3
"""PLAIN: the plain baselines of one target, each fitted and scored on its split."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--pack", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option("--caches", type=FOLDER, required=True, help="Holds the folders that PREPARE wrote.")
@click.option("--subjects", type=FOLDER, required=True, help="Holds <id>.tsv of PLAN.")
@click.option("--covariates", type=FOLDER, help="Holds <data set>.tsv of PLAN.")
@click.option("--store", type=FOLDER, help="Finished fits are taken from here and kept here.")
@click.option("--out", type=FOLDER, default="plain", show_default=True)
def main(
    pack: Path, caches: Path, subjects: Path, covariates: Path | None, store: Path | None, out: Path
) -> None:
    """Fit the baselines of PACK into --out."""
    from tlpy import machine
    from tlpy.errors import InputError
    from tlpy.plain.fits import PlainPack
    from tlpy.plain.run import PlainFolders, run_fits

    try:
        content = PlainPack.from_json(json.loads(pack.read_text(encoding="utf-8")))
    except InputError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    folders = PlainFolders(caches, subjects, covariates)
    with machine.told({"work folder": Path.cwd()} | ({"store": store} if store else {})):
        for fit, status in run_fits(content.fits, folders, out, store).items():
            if status == "failed":
                click.echo(f"{fit} failed: see its metrics.json", err=True)


if __name__ == "__main__":
    main()
