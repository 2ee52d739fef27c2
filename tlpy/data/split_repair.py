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
    strata = list(one.strata(units, seed, "repair").values())
    return strata if one.classes else [[unit for members in strata for unit in members]]


def _can_go(unit: str, views: Iterable[SplitView], parts: Mapping[str, str]) -> bool:
    """Whether another unit of its kind stays in its part in every data set."""
    return all(
        any(
            other != unit
            and parts.get(other) == parts[unit]
            and (not view.classes or view.stratum[other] == view.stratum[unit])
            for other in view.rows
        )
        for view in views
        if unit in view.rows
    )
