"""What ties the images of a run together: people, groups and content, and what a user said of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tlpy.data.image_records import ImageRecord

Records = Mapping[str, Sequence[ImageRecord]]


@dataclass(frozen=True)
class Ties:
    """What is known of the data sets of a run beside their records. By default equal ids are equal people.

    Attributes:
        within: data sets that are split inside their subjects: only their groups count.
        own: data sets whose people and groups are others than those of equal ids elsewhere.
        contents: data set → image id → digest of the image; images without one are equal to none.
        given: data sets whose parts the user gave in a table: there equal images may not stand in two parts,
            as they may in parts that came with the data.
    """

    within: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    contents: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    given: frozenset[str] = frozenset()

    def person(self, name: str, record: ImageRecord) -> tuple[str, ...]:
        """Whom an image is of, as far as ids tell; of a data set split within subjects: which group."""
        kind, known = ("group", record.group) if name in self.within else ("subject", record.subject)
        return (kind, known, name) if name in self.own else (kind, known)


NO_TIES = Ties()


@dataclass(frozen=True)
class EqualImages:
    """Images of one content that stand under several ids of subjects.

    Attributes:
        images: data set and record, in the order of data sets and of image ids.
        torn: data sets whose official parts hold them in several parts.
    """

    images: tuple[tuple[str, ImageRecord], ...]
    torn: frozenset[str]


def equal_images(records: Records, ties: Ties) -> list[EqualImages]:
    """Each content that stands under several subjects' ids, in the order of its first image."""
    found: defaultdict[str, list[tuple[str, ImageRecord]]] = defaultdict(list)
    for name, rows in records.items():
        known = ties.contents.get(name, {})
        for record in sorted(rows, key=lambda row: row.image):
            if record.image in known:
                found[known[record.image]].append((name, record))
    named = {
        name: frozenset(record.split for record in rows) & {"val", "test"}
        for name, rows in records.items()
        if name not in ties.given
    }
    return [
        EqualImages(tuple(same), frozenset(_torn(same, named)))
        for same in found.values()
        if len({ties.person(name, record) for name, record in same}) > 1
    ]


def open_parts(record: ImageRecord, official: frozenset[str]) -> frozenset[str]:
    """The parts that an image may be in, if its data set brings along the parts `official`."""
    return (
        frozenset({record.split})
        if record.split in official
        else frozenset(("train", "val", "test")) - official
    )


def _torn(same: Sequence[tuple[str, ImageRecord]], official: Mapping[str, frozenset[str]]) -> set[str]:
    open_to: dict[str, frozenset[str]] = {}
    for name, record in same:
        if official.get(name):
            own = open_parts(record, official[name])
            open_to[name] = open_to.get(name, own) & own
    return {name for name, parts in open_to.items() if not parts}
