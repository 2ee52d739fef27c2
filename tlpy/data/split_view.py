"""A data set as a split sees it: by units, with their strata and the parts that are open to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tlpy.data.image_records import ImageRecord
from tlpy.data.strata import Stratum, bins, draw, of_units
from tlpy.errors import InputError, Problem, Problems

TRAIN, VAL, TEST = PARTS = ("train", "val", "test")
Allowed = dict[str, frozenset[str]]


@dataclass(frozen=True)
class SplitView:
    """One data set by units.

    Attributes:
        name: of the data set.
        rows: the records of each unit.
        key: the name that a unit is drawn by, which other data sets have no influence on.
        stratum: class or quantile bin of each unit.
        classes: whether the strata are classes.
        holds: the classes of each unit's images: a family may have several; empty without classes.
        fractions: of val and test.
        official: val and test, as far as the data set brings them along.
        fixed: the units of these official parts.
        given: whether these are the user's, from a table.
    """

    name: str
    rows: dict[str, list[ImageRecord]]
    key: dict[str, str]
    stratum: dict[str, str]
    classes: bool
    holds: dict[str, frozenset[str]]
    fractions: dict[str, float]
    official: frozenset[str]
    fixed: dict[str, str]
    given: bool = False

    @property
    def where(self) -> str:
        return f"datasets.{self.name}.split"

    @property
    def has_tied_groups(self) -> bool:
        """Whether a subject that is in several groups makes these one unit."""
        return any(_most_groups(rows) > 1 for rows in self.rows.values())

    @property
    def has_tied_subjects(self) -> bool:
        """Whether several subjects are of one unit without being of one group, as those of equal images."""
        return any(len({record.group for record in rows}) > 1 for rows in self.rows.values())

    def drawn(self) -> list[str]:
        """The parts besides train that must be drawn, test first."""
        return [part for part in (TEST, VAL) if part not in self.official and self.fractions[part] > 0]

    def members(self, units: Iterable[str], seed: int, salt: str) -> dict[str, list[str]]:
        """The units that hold each class, in the order of the draw; a unit may be in several lists."""
        return self._drawn({unit: self.holds[unit] for unit in units}, seed, salt)

    def counted(self, units: Iterable[str]) -> str:
        """How many `units`, in words: subjects, or groups where several may be in one."""
        count = len(list(units))
        grouped = any(record.group != record.subject for rows in self.rows.values() for record in rows)
        return f"{count} {'group' if grouped else 'subject'}{'' if count == 1 else 's'}"

    def strata(self, units: Iterable[str], seed: int, salt: str) -> dict[str, list[str]]:
        """The units of each stratum, in the order of the draw."""
        return self._drawn({unit: (self.stratum[unit],) for unit in units}, seed, salt)

    def _drawn(self, names: Mapping[str, Iterable[str]], seed: int, salt: str) -> dict[str, list[str]]:
        """The units of each name, in the order of the draw, from the names of each unit."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for unit in sorted(names, key=lambda unit: (draw(seed, salt, self.key[unit]), unit)):
            for name in names[unit]:
                found[name].append(unit)
        return {name: found[name] for name in sorted(found)}


def view(
    name: str,
    records: Sequence[ImageRecord],
    units: Mapping[str, str],
    values: Mapping[str, Stratum],
    fractions: Mapping[str, float],
    given: bool = False,
) -> SplitView:
    """Arrange a data set by units; raises `InputError` if the fractions are none."""
    wanted = {part: float(fractions.get(part, 0.0)) for part in (VAL, TEST)}
    if min(wanted.values()) < 0 or sum(wanted.values()) >= 1:
        message = (
            f"found val {wanted[VAL]:g} and test {wanted[TEST]:g}, expected 0 or more and below 1 in sum"
        )
        hint = "nothing would be left to train on; a data set that is only tested on goes under `external`"
        told = hint if sum(wanted.values()) >= 1 else ""
        raise InputError([Problem(f"datasets.{name}.split", message, told)])
    rows: defaultdict[str, list[ImageRecord]] = defaultdict(list)
    for record in records:
        rows[units[record.image]].append(record)
    key = {unit: min(record.group for record in found) for unit, found in rows.items()}
    of_unit, classes = of_units({record.image: units[record.image] for record in records}, values)
    named = {f"{key[unit]}\0{unit}": value for unit, value in of_unit.items()}
    stratum = {name.partition("\0")[2]: text for name, text in bins(named).items()}
    fixed = {unit: r.split for unit, found in rows.items() for r in found if r.split in (VAL, TEST)}
    holds = {
        unit: frozenset(str(values.get(record.image, "")) for record in found) if classes else frozenset()
        for unit, found in rows.items()
    }
    official = frozenset(fixed.values())
    return SplitView(name, dict(rows), key, stratum, classes, holds, wanted, official, fixed, given)


def allowed_parts(views: Iterable[SplitView], problems: Problems) -> Allowed:
    """The parts open to each unit in all of `views`.

    Official val and test stay as they are; all else may become train, or a part that no row of its data set
    names. Official parts that tear a unit apart are a problem.
    """
    allowed: Allowed = {}
    first: dict[str, SplitView] = {}
    for one in views:
        free = frozenset(PARTS) - one.official
        for unit, rows in one.rows.items():
            own = frozenset(PARTS)
            for record in rows:
                own &= {record.split} if record.split in (VAL, TEST) else free
            if not own:
                which = "given" if one.given else "official"
                problems.add(
                    rows[0].where, f"the {which} split of {one.name} has {one.key[unit]} in {_places(rows)}"
                )
                continue
            both = allowed.get(unit, frozenset(PARTS)) & own
            if not both:
                which = "given" if one.given else "officially"
                problems.add(
                    rows[0].where,
                    f"{one.key[unit]} is {which} in {_or(own)} of {one.name}, "
                    f"but in {_or(allowed[unit])} of {first[unit].name}",
                    "a subject must be in one part of all data sets: leave it out of one of them",
                )
                continue
            allowed[unit] = both
            first.setdefault(unit, one)
    return allowed


def _most_groups(rows: Sequence[ImageRecord]) -> int:
    """How many groups a single subject among `rows` is in, at most."""
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for record in rows:
        groups[record.subject].add(record.group)
    return max(map(len, groups.values()))


def _places(rows: Sequence[ImageRecord]) -> str:
    """The parts that a unit's images are in, with an image of each; whose, where ids differ."""
    several = len({record.subject for record in rows}) > 1
    first: dict[str, ImageRecord] = {}
    for record in rows:
        first.setdefault(record.split or "no part", record)
    return ", ".join(
        f"{part} ({record.where}{': ' + record.subject if several else ''})" for part, record in first.items()
    )


def _or(parts: Iterable[str]) -> str:
    return " or ".join(part for part in PARTS if part in parts)
