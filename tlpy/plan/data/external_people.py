"""Whoever takes part in a run is left out of its external test sets: by person, group, or equal images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from tlpy import words
from tlpy.data.ties import Ties
from tlpy.data.units import connect
from tlpy.errors import InputError, Problem
from tlpy.plan.working import DataSet

_OWN = "if these are different people with equal ids, say `people: own` in one of the data sets"


def without_shared(external: DataSet, used: Iterable[DataSet]) -> tuple[DataSet, list[str]]:
    """An external set without the units that any data set of the run has, and a warning if there were some.

    People count here even in data sets that are split within subjects.

    Args:
        external: with all its images.
        used: every data set that trains, validates or is tested on, each version once.

    Raises:
        InputError: nobody is left.
    """
    # Versions of a data set that a search varies go by one name: numbers tell them apart here.
    run = {str(number): data for number, data in enumerate(used)}
    own = {key for key, data in run.items() if data.own_people} | ({""} if external.own_people else set())
    contents = {key: data.contents for key, data in run.items()}
    records = {key: [replace(record, split="") for record in data.records] for key, data in run.items()}
    ties = Ties(own=frozenset(own), contents={**contents, "": external.contents})
    units = connect({**records, "": external.records}, ties)
    holders: dict[str, str] = {}
    for key, data in run.items():
        for unit in units[key].values():
            holders.setdefault(unit, data.name)
    subjects = {
        record.subject
        for key, data in run.items()
        if key not in own and "" not in own
        for record in data.records
    }
    images = {content for known in contents.values() for content in known.values()}
    shared: list[Problem] = []
    where: Counter[str] = Counter()
    why: Counter[str] = Counter()
    kept = []
    for record in external.records:
        holder = holders.get(units[""][record.image])
        if holder is None:
            kept.append(record)
            continue
        reason = (
            f"its subject, {record.subject}, is in '{holder}' too"
            if record.subject in subjects
            else f"an equal image is in '{holder}'"
            if external.contents.get(record.image) in images
            else f"a group or an equal image ties it to '{holder}'"
        )
        why["person" if record.subject in subjects else "image"] += 1
        where[holder] += 1
        shared.append(Problem(record.where, f"{record.image}: {reason}"))
    if not shared:
        return external, []
    holding = words.joined([f"'{name}'" for name in where])
    by_id = f" ({_OWN})" if why["person"] else ""
    if not kept:
        message = (
            f"all {len(shared)} images of '{external.name}' are of people, or equal to images, of {holding}"
        )
        raise InputError([Problem("external", message, _OWN if why["person"] else "name other data")])
    images_are = f"{words.count(len(shared), 'image')} of {len(external.records)}"
    warning = (
        f"external data set '{external.name}': {images_are} left out, since people or equal images are in "
        f"{holding} too{by_id}"
    )
    return replace(external, records=tuple(kept), left_out=(*external.left_out, *shared)), [warning]
