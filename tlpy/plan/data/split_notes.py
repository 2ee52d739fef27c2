"""What a plan says of who is in which part: equal images under several ids, people in several data sets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from tlpy.plan.data.split_tables import ties_of
from tlpy.plan.plan_records import Dropped, Inferred
from tlpy.plan.working import DataSet

if TYPE_CHECKING:
    from tlpy.data.ties import EqualImages

_NAMED = 3
Run = Mapping[str, DataSet]


def split_warnings(runs: Iterable[Run]) -> list[str]:
    """One sentence for each data set, or pair of them, with equal images or people in several parts.

    Args:
        runs: the data sets that are split jointly, by name, as often as there are such.
    """
    found: dict[str, None] = {}
    for run in runs:
        for text in (*_equal(run), *_people_beside(run)):
            found[text] = None
    return list(found)


def equal_counts(runs: Iterable[Run]) -> dict[int, int]:
    """How many images of a data set (by `id`) are equal to one under another subject's id."""
    found: dict[int, int] = {}
    for run in runs:
        images: defaultdict[str, int] = defaultdict(int)
        for same in _equal_in(run):
            for name, _ in same.images:
                images[name] += 1
        found |= {id(run[name]): count for name, count in images.items()}
    return found


def idle_fractions(datasets: Mapping[str, DataSet]) -> list[Dropped]:
    """Fractions to hold out that were named, though the data set brings these parts along."""
    found = []
    for name, data in datasets.items():
        split = data.spec.get("split")
        own = {record.split for record in data.records}
        for part in split if isinstance(split, Mapping) else ():
            if part in own:
                why = f"the data set's own {part} part is kept; a table (`split: FILE.tsv`) can replace it"
                found.append(Dropped(f"datasets.{name}.split.{part}", why))
    return found


def shared_people(runs: Iterable[Run]) -> list[Inferred]:
    """Which data sets on different paths have subjects of equal ids: taken for the same people."""
    found: dict[Inferred, None] = {}
    for run in runs:
        subjects = {
            name: {record.subject for record in data.records}
            for name, data in run.items()
            if not data.own_people
        }
        for one, other in combinations(subjects, 2):
            both = len(subjects[one] & subjects[other])
            if both and run[one].spec["path"] != run[other].spec["path"]:
                value = f"{both} subject{'s are' if both > 1 else ' is'} in both"
                why = "equal ids; if these are different people, say `people: own` in one of them"
                found[Inferred(f"datasets {one} and {other}", value, why)] = None
    return list(found)


def _equal_in(run: Run) -> list[EqualImages]:
    from tlpy.data.ties import equal_images

    return equal_images({name: data.records for name, data in run.items()}, ties_of(run))


class _Found(NamedTuple):
    """One of equal images: whose it is by ids, its group, its name, its official part."""

    person: tuple[str, str]
    group: str
    image: str
    part: str


def _equal(run: Run) -> list[str]:
    ties = ties_of(run)
    inside: defaultdict[str, list[list[_Found]]] = defaultdict(list)
    torn: defaultdict[str, list[list[_Found]]] = defaultdict(list)
    between: defaultdict[tuple[str, str], list[list[_Found]]] = defaultdict(list)
    for same in _equal_in(run):
        images: defaultdict[str, list[_Found]] = defaultdict(list)
        for name, record in same.images:
            person = (record.subject, name if name in ties.own else "")
            images[name].append(_Found(person, record.group, record.image, record.split))
        for name, found in images.items():
            if name in same.torn:
                torn[name].append(_one_a_part(found))
            elif len({(one.person, one.group if name in ties.within else "") for one in found}) > 1:
                inside[name].append(found)
        # Between data sets the person counts, even in one that is split within subjects.
        for first, second in combinations(images, 2):
            people = {one.person for one in images[first]}
            others = [one for one in images[second] if people != {one.person}]
            if others:
                between[second, first].append([others[0], images[first][0], *others[1:]])
    told = [
        f"{sum(map(len, groups))} images of data set '{name}' are equal but under several ids "
        f"({_some(groups)}): equal images fall into one part"
        for name, groups in inside.items()
    ]
    for name, groups in torn.items():
        are = "images are" if len(groups) > 1 else "image is"
        told.append(
            f"{len(groups)} {are} in several official parts of data set '{name}' "
            f"({_some(groups, parts=True)}): official parts are kept, so that scores are partly of images "
            "that were trained on"
        )
    for (name, other), groups in between.items():
        count = sum(len(group) - 1 for group in groups)
        are = "images of data set '{}' are" if count > 1 else "image of data set '{}' is"
        told.append(
            f"{count} {are.format(name)} equal to one of '{other}' under another id ({_some(groups)}): "
            "equal images fall into one part"
        )
    return told


def _one_a_part(found: Sequence[_Found]) -> list[_Found]:
    by_part = {one.part: one for one in reversed(found)}
    return [by_part[part] for part in ("", "train", "val", "test") if part in by_part]


def _some(groups: Sequence[Sequence[_Found]], parts: bool = False) -> str:
    """Two of each of the first groups of equal images."""
    texts = [
        " = ".join(f"{one.image} in {one.part}" if parts else one.image for one in group[:2])
        for group in groups[:_NAMED]
    ]
    more = f" and {len(groups) - _NAMED} more" if len(groups) > _NAMED else ""
    return ", ".join(texts) + more


def _people_beside(run: Run) -> list[str]:
    """Data sets that are split within subjects, beside others that have the same subjects."""
    told = []
    for name, data in run.items():
        for other, beside in run.items():
            if not data.within or beside.within or data.own_people or beside.own_people:
                continue
            both = {record.subject for record in data.records} & {r.subject for r in beside.records}
            if both:
                who = f"{len(both)} of them are" if len(both) > 1 else "one of them is"
                told.append(
                    f"data set '{name}' is split within subjects, and {who} in '{other}' too: what is "
                    "tested on in one may be of people trained on in the other"
                )
    return told
