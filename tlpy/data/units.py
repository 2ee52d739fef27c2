"""Units: what a split must not tear apart, within a data set and across all data sets of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from tlpy.data.image_records import ImageRecord
from tlpy.data.ties import NO_TIES, EqualImages, Records, Ties, equal_images, open_parts

_SUBJECT, _GROUP = "subject ", "group "
# Which parts of each data set with official ones are open to the images of a unit.
_Open = dict[str, frozenset[str]]


def connect(records: Records, ties: Ties = NO_TIES) -> dict[str, dict[str, str]]:
    """The unit of each image: data set → image id → unit.

    A unit is a connected component: images are of one unit if they share a subject, a group (family, study)
    or their content, or are tied by a chain of these over any data sets. Equal ids mean the same subject or
    group in every data set. So siblings stay together where only one data set names families, and one odd
    row can tie units together but never apart. Exceptions are what the user said (`Ties`).

    A group may have the same id as a subject by chance (families and subjects both numbered from 1); they are
    held apart if that happens to most groups of one data set.

    Equal images that stand in several official parts of one data set are left where they are: only then are
    two units not tied by them.
    """
    forest = _Forest()
    apart = any(_numbered_alike(rows) for rows in records.values())
    nodes: dict[str, dict[str, str]] = {}
    for name, rows in records.items():
        mark = f" of {name}" if name in ties.own else ""
        grouped = any(record.group != record.subject for record in rows)
        of_group = _GROUP if name in ties.within or (grouped and apart) else _SUBJECT
        nodes[name] = {}
        for record in rows:
            node = nodes[name][record.image] = f"{of_group}{record.group}{mark}"
            forest.find(node)
            if record.subject and name not in ties.within:
                forest.join(node, f"{_SUBJECT}{record.subject}{mark}")
    _tie_equal(forest, nodes, records, ties)
    return {name: {image: forest.find(node) for image, node in of.items()} for name, of in nodes.items()}


class _Forest:
    """Disjoint sets; a set goes by the first of its nodes in alphabetical order, however it grew."""

    def __init__(self) -> None:
        self.parent: dict[str, str] = {}

    def find(self, node: str) -> str:
        parent = self.parent
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    def join(self, one: str, other: str) -> None:
        one, other = self.find(one), self.find(other)
        self.parent[max(one, other)] = min(one, other)


def _tie_equal(forest: _Forest, nodes: Mapping[str, Mapping[str, str]], records: Records, ties: Ties) -> None:
    """Join the units of equal images, but for what official parts hold apart."""
    found = equal_images(records, ties)
    for same in found:
        if not same.torn:
            for name, record in same.images[1:]:
                first, image = same.images[0]
                forest.join(nodes[first][image.image], nodes[name][record.image])
    torn = [same for same in found if same.torn]
    if torn:
        open_to = _open_to(forest, nodes, records, ties)
        for same in torn:
            _tie_torn(forest, nodes, same, open_to)


def _tie_torn(
    forest: _Forest, nodes: Mapping[str, Mapping[str, str]], same: EqualImages, open_to: dict[str, _Open]
) -> None:
    """Join the units of equal images as far as each can go with one before it."""
    before: list[str] = []
    for name, record in same.images:
        unit = forest.find(nodes[name][record.image])
        for other in (forest.find(node) for node in before):
            both = _both(open_to.get(unit, {}), open_to.get(other, {}))
            if all(both.values()):
                forest.join(unit, other)
                unit = forest.find(unit)
                open_to[unit] = both
                break
        else:
            before.append(unit)


def _open_to(
    forest: _Forest, nodes: Mapping[str, Mapping[str, str]], records: Records, ties: Ties
) -> dict[str, _Open]:
    found: dict[str, _Open] = {}
    for name, rows in records.items():
        official = frozenset(record.split for record in rows) & {"val", "test"}
        if not official or name in ties.given:
            continue
        for record in rows:
            unit = forest.find(nodes[name][record.image])
            found[unit] = _both(found.get(unit, {}), {name: open_parts(record, official)})
    return found


def _both(one: _Open, other: _Open) -> _Open:
    return {**one, **{name: one.get(name, parts) & parts for name, parts in other.items()}}


def _numbered_alike(rows: Sequence[ImageRecord]) -> bool:
    """Whether most ids of groups stand for a subject of another group too, so that equal ids mean nothing."""
    groups_of: defaultdict[str, set[str]] = defaultdict(set)
    for record in rows:
        groups_of[record.subject].add(record.group)
    groups = {record.group for record in rows if record.group != record.subject}
    return 2 * sum(bool(groups_of.get(group, set()) - {group}) for group in groups) > len(groups)


def shared(records: Records, ties: Ties = NO_TIES) -> list[tuple[str, str, int]]:
    """Each pair of data sets that have units in common, and how many; for the plan's notes."""
    units = {name: set(of_image.values()) for name, of_image in connect(records, ties).items()}
    names = list(units)
    pairs = [(a, b, len(units[a] & units[b])) for i, a in enumerate(names) for b in names[i + 1 :]]
    return [pair for pair in pairs if pair[2]]
