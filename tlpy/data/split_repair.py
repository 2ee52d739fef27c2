"""What a data set lacks since its subjects were placed by another: moved there, one by one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from tlpy.data.split_view import TEST, TRAIN, VAL, Allowed, SplitView


def repair(
    one: SplitView,
    others: Collection[SplitView],
    parts: dict[str, str],
    allowed: Allowed,
    seed: int,
    locked: Collection[str] = (),
) -> None:
    """Give each part of `one` a unit of each class that it lacks, in `parts`, wherever one can be spared.

    One cohort with two labels is split by the first of them; a rare class of the second may then be absent
    from a part. A unit is taken from the part with most of its class, if every data set that has it keeps
    its classes there. What cannot be mended is left to the checks that follow.

    Args:
        one: the data set that must lack nothing.
        others: the data sets that are split already.
        parts: the part of each unit; changed in place.
        allowed: the parts open to each unit.
        seed: decides who is moved.
        locked: units that must stay where they are.
    """
    pool = [unit for unit in one.rows if unit not in one.fixed]
    for members in _peers(one, pool, seed):
        for part in [*one.drawn(), TRAIN]:
            if any(parts[unit] == part for unit in members):
                continue
            held = {name: sum(parts[unit] == name for unit in members) for name in (TRAIN, VAL, TEST)}
            spare = [
                unit
                for unit in members
                if part in allowed[unit] and unit not in locked and _can_go(unit, [one, *others], parts)
            ]
            if spare:
                parts[max(spare, key=lambda unit: held[parts[unit]])] = part


def _peers(one: SplitView, units: Iterable[str], seed: int) -> list[list[str]]:
    """The units of each class, or all of them if there are no classes, in the order of the draw."""
    if one.classes:
        return list(one.members(units, seed, "repair").values())
    return [[unit for members in one.strata(units, seed, "repair").values() for unit in members]]


def _can_go(unit: str, views: Iterable[SplitView], parts: Mapping[str, str]) -> bool:
    """Whether its part keeps, in every data set, another unit and each class that it holds."""
    return all(_spares(unit, view, parts) for view in views if unit in view.rows)


def _spares(unit: str, view: SplitView, parts: Mapping[str, str]) -> bool:
    rest = [other for other in view.rows if other != unit and parts.get(other) == parts[unit]]
    return bool(rest) and all(any(name in view.holds[other] for other in rest) for name in view.holds[unit])
