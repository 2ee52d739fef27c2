"""Units: what a split must not tear apart, within a data set and across all data sets of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from tlpy.data.image_records import ImageRecord
from tlpy.errors import Problem

Records = Mapping[str, Sequence[ImageRecord]]
_SUBJECT, _GROUP = "subject ", "group "


def connect(records: Records) -> dict[str, dict[str, str]]:
    """The unit of each image: data set → image id → unit.

    Images are of one unit if their groups are one: equal ids mean the same subject, family or study in every
    data set. If each subject of a data set is of one group (families, studies), its subjects belong to their
    groups elsewhere too: where one data set names families and another does not, siblings stay together in
    both. If subjects have several groups (runs of one person), only the groups count, as the user asked.

    A group may have the same id as a subject by chance (families and subjects both numbered from 1); they are
    held apart if that happens within one data set.
    """
    parent: dict[str, str] = {}

    def find(node: str) -> str:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    kinds_apart = any(_numbered_alike(rows) for rows in records.values())

    def node_of(record: ImageRecord) -> str:
        plain = record.group == record.subject or not kinds_apart
        return (_SUBJECT if plain else _GROUP) + record.group

    for rows in records.values():
        whole = _one_group_each(rows)
        for record in rows:
            node = find(node_of(record))
            if whole and record.subject and record.subject != record.group:
                parent[find(_SUBJECT + record.subject)] = node
    return {name: {record.image: find(node_of(record)) for record in rows} for name, rows in records.items()}


def _one_group_each(rows: Sequence[ImageRecord]) -> bool:
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for record in rows:
        groups[record.subject].add(record.group)
    return all(len(found) == 1 for found in groups.values())


def _numbered_alike(rows: Sequence[ImageRecord]) -> bool:
    """Whether an id stands for a subject in one row and for another subject's group in another."""
    subjects = {record.subject for record in rows}
    return any(record.group != record.subject and record.group in subjects for record in rows)


def shared(records: Records) -> list[tuple[str, str, int]]:
    """Each pair of data sets that have units in common, and how many; for the plan's notes."""
    units = {name: set(of_image.values()) for name, of_image in connect(records).items()}
    names = list(units)
    pairs = [(a, b, len(units[a] & units[b])) for i, a in enumerate(names) for b in names[i + 1 :]]
    return [pair for pair in pairs if pair[2]]


def check_overlap(records: Records, parts: Mapping[str, Mapping[str, str]]) -> list[Problem]:
    """A problem for each unit that is in more than one part, in one data set or across several.

    Args:
        records: the records of each data set.
        parts: data set → image id → train, val or test; images that are not in it are not used.
    """
    places: defaultdict[str, dict[str, tuple[str, ImageRecord]]] = defaultdict(dict)
    units = connect(records)
    for name, rows in records.items():
        for record in rows:
            part = parts.get(name, {}).get(record.image)
            if part:
                places[units[name][record.image]].setdefault(part, (name, record))
    problems = []
    for found in places.values():
        if len(found) > 1:
            listed = " and ".join(f"{part} of {name}" for part, (name, _) in sorted(found.items()))
            record = found[min(found)][1]
            problems.append(
                Problem(record.where, f"{record.group} is in {listed}, expected one part everywhere")
            )
    return sorted(problems)
