"""A share of a training part that is not trained on: by unit, alike in its labels, the same for a seed."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from tlpy import words
from tlpy.data.dataset import ImageSource
from tlpy.data.strata import Stratum, bins, draw, of_units, shares
from tlpy.data.subjects import SubjectRow, is_known
from tlpy.errors import Problems
from tlpy.records import REGRESSION, Head

# How many images are read at once to tell equal ones.
_BLOCK = 64


def hold_back(
    rows: Sequence[SubjectRow],
    images: Sequence[ImageSource],
    heads: Sequence[Head],
    share: float,
    seed: int,
    problems: Problems,
) -> tuple[list[SubjectRow], list[SubjectRow]]:
    """Divide a training part into what is trained on and what is held back.

    A unit, all that shares a subject, a group or an equal prepared image over the data sets, is on one side.
    The first label is spread alike over both, and of a class with two units or more at least one is on either
    side.

    Args:
        rows: the training part, of all data sets.
        images: the opened cache of each data set.
        heads: the labels that are learnt, the first one primary.
        share: of the units to hold back.
        seed: the stage's: another seed, another share.
        problems: takes that nothing can be held back.

    Returns:
        The rows that stay and those that are held back, each in their order.
    """
    unit = _units(rows, images)
    found, classes = of_units({str(place): of for place, of in enumerate(unit)}, _values(rows, heads))
    by_stratum: dict[str, list[str]] = defaultdict(list)
    for of, stratum in bins(found).items():
        by_stratum[stratum].append(of)
    quota = shares({name: len(units) for name, units in sorted(by_stratum.items())}, share, int(classes))
    held: set[str] = set()
    for name, units in by_stratum.items():
        # The last one of a stratum is trained on.
        count = min(quota[name], len(units) - 1)
        held.update(sorted(units, key=lambda of: draw(seed, "held back", of))[:count])
    if not held:
        message = f"of {words.count(len(set(unit)), 'training unit')} none can be held back to learn rates by"
        problems.add("transfer", message, "use more images, or a way that holds nothing back")
    stays = [row for row, of in zip(rows, unit, strict=True) if of not in held]
    return stays, [row for row, of in zip(rows, unit, strict=True) if of in held]


def _values(rows: Sequence[SubjectRow], heads: Sequence[Head]) -> dict[str, Stratum]:
    """The class or number of the first label by the row's place; nothing where it is not known."""
    if not heads:
        return {}
    first = heads[0]
    known = {str(place): row for place, row in enumerate(rows) if is_known(row, first)}
    if first.type == REGRESSION:
        return {place: float(row.labels[first.label]) for place, row in known.items()}
    return {place: ",".join(row.labels.get(c, "") for c in first.columns) for place, row in known.items()}


def _units(rows: Sequence[SubjectRow], images: Sequence[ImageSource]) -> list[str]:
    """Each row's unit, by the first image, in alphabetical order, that it hangs together with."""
    parent = list(range(len(rows)))

    def find(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    seen: dict[tuple[str, str], int] = {}
    for place, (row, content) in enumerate(zip(rows, _contents(rows, images), strict=True)):
        for key in (("subject", row.subject), ("group", row.group), ("content", content)):
            if key[1]:
                one, other = find(place), find(seen.setdefault(key, place))
                parent[max(one, other)] = min(one, other)
    members: dict[int, list[str]] = defaultdict(list)
    for place, row in enumerate(rows):
        members[find(place)].append(f"{row.source} {row.image}")
    return [min(members[find(place)]) for place in range(len(rows))]


def _contents(rows: Sequence[SubjectRow], images: Sequence[ImageSource]) -> list[str]:
    """A digest of each row's prepared image."""
    found = [""] * len(rows)
    for number, source in enumerate(images):
        places = [place for place, row in enumerate(rows) if row.source == number]
        for start in range(0, len(places), _BLOCK):
            some = places[start : start + _BLOCK]
            block = source.batch(source.rows([rows[place].image for place in some])).numpy()
            for place, image in zip(some, block, strict=True):
                found[place] = hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest()
    return found
