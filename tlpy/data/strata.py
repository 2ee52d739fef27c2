"""Orders and strata that depend on names and a seed only: equal on every machine and in every process."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from hashlib import blake2b

from tlpy.errors import InputError, Problem

Stratum = str | float
_PER_BIN, _MOST_BINS = 10, 5


def draw(seed: int, salt: str, name: str) -> str:
    """A pseudo-random sort key of `name`: adding names changes nothing in the order of the others."""
    return blake2b(f"{seed}\0{salt}\0{name}".encode(), digest_size=16).hexdigest()


def bins(values: Mapping[str, Stratum]) -> dict[str, str]:
    """Each name's stratum: its class, or the quantile of its number.

    Numbers fall into bins of equal size, at least ten names a bin and at most five bins.
    """
    numbers = {name: float(value) for name, value in values.items() if not isinstance(value, str)}
    ranked = sorted(numbers, key=lambda name: (numbers[name], name))
    count = min(_MOST_BINS, max(1, len(ranked) // _PER_BIN))
    result = {name: value for name, value in values.items() if isinstance(value, str)}
    result.update({name: f"bin {rank * count // len(ranked)}" for rank, name in enumerate(ranked)})
    return result


def of_units(units: Mapping[str, str], values: Mapping[str, Stratum]) -> tuple[dict[str, Stratum], bool]:
    """The stratum of each unit, from those of its images, and whether strata are classes.

    A unit with images of several classes counts for its rarest one; of numbers the mean counts.
    An image without a value is of class "".
    """
    by_unit: defaultdict[str, list[Stratum]] = defaultdict(list)
    for image, unit in units.items():
        by_unit[unit].append(values.get(image, ""))
    classes = any(isinstance(value, str) for value in values.values())
    frequency = Counter(str(value) for found in by_unit.values() for value in found)
    result: dict[str, Stratum] = {}
    for unit, found in by_unit.items():
        numbers = [value for value in found if not isinstance(value, str)]
        if numbers and not classes:
            result[unit] = math.fsum(numbers) / len(numbers)
        else:
            result[unit] = min((str(value) for value in found), key=lambda text: (frequency[text], text))
    return result, classes


def shares(sizes: Mapping[str, int], fraction: float, least: int = 0) -> dict[str, int]:
    """How many of each stratum make up `fraction` of all, by largest remainders.

    At least one in total, and at least `least` of each stratum.
    """
    total = max(1, math.floor(fraction * sum(sizes.values()) + 0.5)) if sizes else 0
    result = {name: max(least, math.floor(fraction * size)) for name, size in sizes.items()}
    rest = sorted(sizes, key=lambda name: (result[name] - fraction * sizes[name], -sizes[name], name))
    for name in rest[: max(0, total - sum(result.values()))]:
        result[name] += 1
    return result


def nested_subset(
    ids: Iterable[str], strata: Mapping[str, Stratum], size: int | float, seed: int
) -> list[str]:
    """A part of `ids`, stratified, such that a smaller one lies within a larger one (S1 ⊂ S2 ⊂ …).

    Args:
        ids: what to choose from.
        strata: class or number of each id; ids that are not in it form a stratum of their own.
        size: how many (a whole number from 1 up), or which fraction (above 0, at most 1.0).
        seed: another seed gives another chain of subsets.

    Returns:
        The chosen ids, sorted. As soon as there are as many as classes, each class is among them.

    Raises:
        InputError: `size` is out of range, or larger than the number of ids.
    """
    names = sorted(set(ids))
    count = _count(size, len(names))
    stratum = bins({name: strata.get(name, "") for name in names})
    by_stratum: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(names, key=lambda name: draw(seed, "subset", name)):
        by_stratum[stratum[name]].append(name)
    position = {
        name: (rank / len(members), draw(seed, "subset", name))
        for members in by_stratum.values()
        for rank, name in enumerate(members)
    }
    return sorted(sorted(names, key=lambda name: position[name])[:count])


def _count(size: int | float, available: int) -> int:
    fraction = isinstance(size, float) and size <= 1
    whole = max(1, math.floor(size * available + 0.5)) if fraction else size
    if isinstance(size, bool) or size <= 0 or whole != int(whole):
        raise InputError(
            [Problem("train_size", f"found {size!r}, expected a whole number or a fraction up to 1.0")]
        )
    if whole > available:
        raise InputError([Problem("train_size", f"found {size}, but only {available} are there to train on")])
    return int(whole)
