"""Whether anybody is trained on who is tested: told by the written tables alone.

A second opinion on the splits: nothing of what made them is used here. It reads what trainings will read
(`subjects/`), with the digests of the images (`splits/`), so that a fault anywhere before shows.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tlpy.errors import Problem
from tlpy.files import read_rows

# What must be in one part: a kind, an id, and the data set that the id is meant in ("": all of them).
Key = tuple[str, str, str]
# The same with the part and the image where it was found.
Keyed = tuple[Key, str, str]
_IMAGE = "image"


@dataclass(frozen=True)
class _Table:
    """A data set in a training: its name, its table, and what the plan says of it."""

    dataset: str
    file: Path
    cache: str
    within: bool
    own: bool
    official: bool
    external: bool = False


def overlaps(folder: Path, plan: Mapping[str, Any] | None = None) -> list[Problem]:
    """A problem for each person, group or image that is in several parts of what is trained together.

    Args:
        folder: what PLAN wrote: `plan.json`, `subjects/` and `splits/`.
        plan: what `plan.json` would hold, where only the tables are written.
    """
    if plan is None:
        plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    # By the prepared images: versions of a data set that a search varies go by one name.
    contents: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for name, facts in plan["datasets"].items():
        for row in _rows(folder / "splits" / f"{name}.tsv"):
            contents[facts["cache"]][row["image"]] = row["content"]

    @cache
    def keys(table: _Table) -> list[Keyed]:
        return list(_keys(table, contents[table.cache]))

    found: dict[Problem, None] = {}
    for tables in _together(plan, folder):
        for problem in _torn(tables, keys):
            found[problem] = None
    return sorted(found)


def _together(plan: Mapping[str, Any], folder: Path) -> list[tuple[_Table, ...]]:
    """The tables of each replicate of a variant, from its first stage to its last; equal ones once."""
    facts_of: defaultdict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for name, facts in plan["datasets"].items():
        facts_of[name.partition("#")[0], facts["cache"]].append(facts)
    found: dict[tuple[_Table, ...], None] = {}
    for variant in plan["variants"]:
        for replicate in variant["replicates"]:
            tables: dict[_Table, None] = {}
            for stage in replicate["stages"]:
                for source in plan["stages"][stage]["sources"]:
                    facts = facts_of[source["dataset"], source["cache"]]
                    table = _Table(
                        source["dataset"],
                        folder / "subjects" / f"{source['subjects']}.tsv",
                        source["cache"],
                        all(one["within"] for one in facts),
                        all(one["own_people"] for one in facts),
                        all(one["official_split"] for one in facts),
                    )
                    tables[table] = None
            found[tuple(tables)] = None
    # Nobody of an external set may be in any part of what trains.
    outside = tuple(
        _Table(
            one["name"],
            folder / "subjects" / f"{one['subjects']}.tsv",
            one["cache"],
            within=False,
            own=plan["datasets"][one["name"]]["own_people"],
            official=False,
            external=True,
        )
        for one in plan.get("external", ())
    )
    return [(*tables, *outside) for tables in found]


def _rows(file: Path) -> Iterator[dict[str, str]]:
    yield from read_rows(file)


def _keys(table: _Table, contents: Mapping[str, str]) -> Iterator[Keyed]:
    """What each image must not be apart from: key, part, image."""
    rows = list(_rows(table.file))
    mark = table.dataset if table.own else ""
    grouped = any(row["group"] != row["subject"] for row in rows)
    for row in rows:
        part, image = "external" if table.external else row["split"], row["image"]
        if table.within:
            yield ("group within subjects", row["group"], mark), part, image
        else:
            yield ("subject", row["subject"], mark), part, image
            if grouped:
                yield ("group", row["group"], mark), part, image
        if contents.get(image):
            yield (_IMAGE, contents[image], ""), part, image


def _torn(tables: Iterable[_Table], keys: Callable[[_Table], list[Keyed]]) -> Iterator[Problem]:
    places: defaultdict[Key, dict[str, tuple[str, str]]] = defaultdict(dict)
    officially: set[Key] = set()
    for table in tables:
        own: dict[Key, str] = {}
        for key, part, image in keys(table):
            places[key].setdefault(part, (table.dataset, image))
            # Official parts are kept, whatever images they share: the plan warns of these.
            if table.official and key[0] == _IMAGE and own.setdefault(key, part) != part:
                officially.add(key)
    for key, found in places.items():
        if len(found) > 1 and key not in officially:
            yield _problem(key, found)


def _problem(key: Key, found: Mapping[str, tuple[str, str]]) -> Problem:
    kind, name, _ = key
    if kind == _IMAGE:
        listed = " and ".join(f"{image} in {part} of {data}" for part, (data, image) in sorted(found.items()))
        return Problem("splits", f"equal images are {listed}, expected one part everywhere")
    listed = " and ".join(f"{part} of {data}" for part, (data, _) in sorted(found.items()))
    return Problem("splits", f"{name} is in {listed}, expected one part everywhere")
