"""What ranking and report may say of people: pseudonyms in the place of ids.

Scores are those of the run as it is. What is drawn again for an interval depends on the order of the ids, so
that only what is written goes by pseudonyms.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any

from tlpy.evaluation.results import FitResult, Run, StageResult
from tlpy.files import read_json, write_json
from tlpy.plan.plan_records import Plan
from tlpy.privacy.people import People, read_people
from tlpy.privacy.pseudonyms import Pseudonyms, read_key
from tlpy.privacy.publishing import plan_content, publish_prepared, rewrite


def make_people(listed: Path, key: Path, plan: Plan) -> People:
    """Everybody of a run, by PLAN's list and the file of the key."""
    paths = {facts.path for facts in plan.datasets.values()} | set(_texts(plan.params))
    return People(read_people(listed), Pseudonyms(read_key(key)), paths)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def told(plan: Plan, people: People) -> Plan:
    """The plan with pseudonyms in every text, but for the lists that images are looked up by."""
    made = Plan.from_json(plan_content(plan.to_json(), people))
    datasets = {
        name: replace(facts, images=plan.datasets[name].images) for name, facts in made.datasets.items()
    }
    return replace(made, stages=plan.stages, plain_fits=plan.plain_fits, datasets=datasets)


def with_reasons(run: Run, people: People) -> Run:
    """The run, its stages' and fits' reasons with pseudonyms."""

    def reason(fit: FitResult) -> str | None:
        return None if fit.reason is None else people.in_text(fit.reason)

    stages: dict[str, StageResult] = {
        key: replace(one, reason=reason(one)) for key, one in run.stages.items()
    }
    return replace(
        run, stages=stages, plain={key: replace(one, reason=reason(one)) for key, one in run.plain.items()}
    )


@contextmanager
def naming(run: Run, people: People, pictures: bool) -> Iterator[Run]:
    """The run whose images go by pseudonyms, for the sections that name them."""
    with TemporaryDirectory() as aside:
        if run.prepared is not None:
            publish_prepared(run.prepared, Path(aside), people, pictures)
        plan = Plan.from_json(plan_content(run.plan.to_json(), people))
        yield replace(run, plan=plan, prepared=None if run.prepared is None else Path(aside))


@contextmanager
def external_told(folder: Path | None, people: People | None) -> Iterator[Path | None]:
    """The folder of external scores, with pseudonyms in what it says of failures."""
    if folder is None or people is None:
        yield folder
        return
    with TemporaryDirectory() as aside:
        copy = Path(copytree(folder, Path(aside) / "external", dirs_exist_ok=True))
        for file in copy.rglob("metrics.json"):
            write_json(file, people.in_value(read_json(file)))
        yield copy


def rewrite_below(folder: Path, people: People) -> None:
    """Rewrite every file of a ranking in its place."""
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        rewrite(file, file, people)
