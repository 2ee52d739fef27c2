#!/usr/bin/env python3
"""REDACT: what may be published of the folders of a run: pseudonyms for ids, pictures only if wanted."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from tlpy.errors import InputError
from tlpy.plan.plan_records import Plan
from tlpy.privacy.publishing import publish
from tlpy.report.private import make_people

EXISTING = click.Path(exists=True, path_type=Path)


@click.command()
@click.option("--given", type=EXISTING, required=True, help="Holds plan/, stages/, … as the tasks left them.")
@click.option("--people", type=EXISTING, help="people.json of PLAN: they go by pseudonyms.")
@click.option("--key", type=EXISTING, help="The key of the pseudonyms.")
@click.option("--pictures/--no-pictures", default=True, help="Whether pictures of images are published.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where to write these folders.")
def main(given: Path, people: Path | None, key: Path | None, pictures: bool, out: Path) -> None:
    """Write below OUT what may be published of GIVEN."""
    try:
        hidden = None
        if people and key:
            plan = Plan.from_json(json.loads((given / "plan/plan.json").read_text(encoding="utf-8")))
            hidden = make_people(people, key, plan)
        publish(given, out, hidden, pictures)
    except InputError as error:
        click.echo(str(error), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
