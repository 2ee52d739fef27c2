"""Who is in training, validation and test: by unit, stratified, joint over all data sets of a run.

What `units.connect` holds together falls into one part in every data set. Which part depends on names and
the seed alone. Data sets are split in the order they are given: one more at the end changes nothing for
those before it, unless it brings an official part or a family that ties units of theirs together, or would
lack a class somewhere (see `split_repair`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tlpy.data.split_repair import repair
from tlpy.data.split_view import PARTS, TEST, TRAIN, VAL, Allowed, SplitView, allowed_parts, view
from tlpy.data.strata import Stratum, shares
from tlpy.data.ties import NO_TIES, Records, Ties
from tlpy.data.units import connect
from tlpy.errors import Problems

Fractions = Mapping[str, float]


def assign(
    records: Records,
    fractions: Fractions | Mapping[str, Fractions],
    strata: Mapping[str, Mapping[str, Stratum]],
    seed: int,
    folds: int | None = None,
    fold: int | None = None,
    target: str | None = None,
    ties: Ties = NO_TIES,
) -> dict[str, dict[str, str]]:
    """The part of each image: data set → image id → train, val or test.

    An official part (`ImageRecord.split`) stays as it is; a part that no row names is drawn from the rest.
    With `folds`, fold number `fold` of the target is its test part and validation is drawn from the rest; if
    the target has an official test part, that stays and the folds take turns as validation. (Folds take the
    place of an official validation part.) The other data sets keep the split they have without folds, except
    for the units they share with the target: these follow it.

    Args:
        records: data set → its images; the order of the data sets counts.
        fractions: `{"val": 0.15, "test": 0.15}` for all, or such a map for each data set; 0: no such part.
        strata: data set → image id → class (a text) or number, whose spread is kept alike over the parts.
        seed: another seed gives another split.
        folds: number of folds, at least 2.
        fold: which one, from 0.
        target: the data set that is cut into folds.
        ties: what ties images together beside the ids of their records.

    Raises:
        InputError: a part, or a class within one, would be empty; fewer units than folds; official parts that
            contradict each other. All of these at once.
        ValueError: no such fold or target.
    """
    problems = Problems()
    units = connect(records, ties)
    views = {
        name: view(name, rows, units[name], strata.get(name, {}), _of(fractions, name), name in ties.given)
        for name, rows in records.items()
    }
    allowed = allowed_parts(views.values(), problems)
    problems.raise_if_any()
    parts: dict[str, str] = {}
    done: list[SplitView] = []
    for one in views.values():
        _fill(one, parts, allowed, seed)
        repair(one, done, parts, allowed, seed)
        done.append(one)
    if folds is not None:
        if fold is None or not 0 <= fold < folds or target not in views:
            raise ValueError(f"no fold {fold} of {folds} on data set {target!r}")
        _check_folds(views[target], folds, problems)
        problems.raise_if_any()
        others = allowed_parts((one for one in views.values() if one.name != target), problems)
        parts.update(_fold(views[target], others, seed, folds, fold, problems))
        problems.raise_if_any()
        for one in done:
            if one.name != target:
                repair(
                    one,
                    [other for other in done if other is not one],
                    parts,
                    allowed,
                    seed,
                    views[target].rows,
                )
    for one in views.values():
        open_to = {} if folds is not None else allowed
        _check(one, parts, open_to, problems, in_folds=folds is not None and one.name == target)
    problems.raise_if_any()
    return {
        name: {record.image: parts[units[name][record.image]] for record in rows}
        for name, rows in records.items()
    }


def _of(fractions: Fractions | Mapping[str, Fractions], name: str) -> Fractions:
    own = fractions.get(name, fractions)
    return own if isinstance(own, Mapping) else fractions  # type: ignore[return-value]


def _fill(one: SplitView, parts: dict[str, str], allowed: Allowed, seed: int) -> None:
    """Give a part to each unit of `one` that has none yet."""
    for unit in one.rows:
        if len(allowed[unit]) == 1:
            parts.setdefault(unit, next(iter(allowed[unit])))
    pool = [unit for unit in one.rows if unit not in one.fixed]
    rest = 1.0 - sum(one.fractions[part] for part in one.official)
    drawn = one.drawn()
    for number, part in enumerate(drawn, start=1):
        strata = one.strata(pool, seed, "split")
        later = [*drawn[number:], TRAIN]
        _draw(strata, one.classes, part, one.fractions[part] / rest, later, parts, allowed)
    for unit in pool:
        parts.setdefault(unit, TRAIN)


def _draw(
    strata: Mapping[str, list[str]],
    classes: bool,
    part: str,
    fraction: float,
    later: Sequence[str],
    parts: dict[str, str],
    allowed: Allowed,
) -> None:
    """Put `fraction` of each stratum into `part`, counting who is there already.

    At least one unit of each class goes there, and one of each stratum is left to each part of `later`.
    """
    sizes = {name: len(members) for name, members in strata.items()}
    quota = shares(sizes, fraction, least=1 if classes else 0)
    for name, members in strata.items():
        placed = [parts[unit] for unit in members if unit in parts]
        keep = sum(other not in placed for other in later)
        count = min(quota[name] - placed.count(part), len(members) - len(placed) - keep)
        free = [unit for unit in members if unit not in parts and part in allowed.get(unit, PARTS)]
        for unit in free[: max(0, count)]:
            parts[unit] = part


def _fold(
    one: SplitView, others: Allowed, seed: int, folds: int, fold: int, problems: Problems
) -> dict[str, str]:
    """The part of each unit of the target in one fold; `others` is what other data sets allow."""
    parts = {unit: TEST for unit, part in one.fixed.items() if part == TEST}
    pool = [unit for unit in one.rows if unit not in parts]
    dealt = [unit for members in one.strata(pool, seed, "fold").values() for unit in members]
    turn = VAL if TEST in one.official else TEST
    parts.update(dict.fromkeys(dealt[fold::folds], turn))
    if turn == TEST and one.fractions[VAL] > 0:
        strata = one.strata(pool, seed, f"validation in fold {fold}")
        _draw(strata, one.classes, VAL, one.fractions[VAL], [TRAIN], parts, others)
    for unit in pool:
        parts.setdefault(unit, TRAIN)
    for unit, part in parts.items():
        if part not in others.get(unit, PARTS):
            problems.add(
                one.rows[unit][0].where,
                f"{one.key[unit]} is in {part} of {one.name} in fold {fold}, "
                "but officially in another part of another data set",
                "a target that is cut into folds must not share subjects with an official split",
            )
    return parts


def _check_folds(one: SplitView, folds: int, problems: Problems) -> None:
    pool = [unit for unit in one.rows if one.fixed.get(unit) != TEST]
    if folds < 2:
        problems.add("replicates.folds", f"found {folds}, expected at least 2")
    elif len(pool) < folds:
        problems.add("replicates.folds", f"{folds} folds, but {one.name} has only {one.counted(pool)}")
    elif one.classes:
        for name, members in one.members(pool, 0, "").items():
            if len(members) < folds:
                message = f"{folds} folds, but class '{name}' of {one.name} has only {one.counted(members)}"
                problems.add("replicates.folds", message)


def _check(
    one: SplitView, parts: Mapping[str, str], open_to: Allowed, problems: Problems, in_folds: bool
) -> None:
    """A problem for each part that is empty, and for each class that a drawn part lacks.

    Args:
        open_to: the parts that each unit may be in; of a unit that it lacks that is not known.
    """
    official = one.official & {TEST} if in_folds else one.official
    wanted = [TRAIN, *(part for part in (VAL, TEST) if part in one.official or one.fractions[part] > 0)]
    if in_folds:
        wanted = [part for part in PARTS if part != VAL or TEST in one.official or one.fractions[VAL] > 0]
    pool = [unit for unit in one.rows if not (unit in one.fixed and one.fixed[unit] in official)]
    drawn = [part for part in wanted if part not in official]
    if len(pool) < len(drawn):
        problems.add(
            one.where,
            f"{one.counted(pool)} to draw from, expected one for each of {', '.join(drawn)}",
            _why_so_few(one),
        )
        return
    empty = [part for part in wanted if not any(parts[unit] == part for unit in one.rows)]
    for part in empty:
        problems.add(
            one.where,
            f"its {part} part is empty: {_placed(one, parts)}",
            _what_helps(one.rows, [part], open_to),
        )
    if not one.classes:
        return
    for name, members in one.members(pool, 0, "").items():
        lacking = [part for part in drawn if part not in empty and part not in {parts[u] for u in members}]
        if not lacking:
            continue
        if len(members) < len(drawn):
            problems.add(
                one.where,
                f"class '{name}' has {one.counted(members)}, expected one for each of {', '.join(drawn)}",
                _why_so_few(one),
            )
        else:
            message = f"class '{name}' is absent from {' and '.join(lacking)}"
            problems.add(one.where, message, _what_helps(members, lacking, open_to))


_INSIDE = (
    "a subject that is in several groups ties them together; if groups divide subjects, as runs do, and "
    "parts may share people, say `within: subject`"
)
_EQUAL = "subjects that share an image, or a group in another data set, count as one"
_ELSEWHERE = "official parts or folds of other data sets hold its subjects"
# What can be done about a part that stays empty, whatever is drawn.
_WITHOUT = {
    TEST: "if no variant is scored on this data set, say `split: {test: 0}`",
    VAL: "if no epoch is chosen by this data set (`keep: last`), say `split: {val: 0}`",
    TRAIN: "add subjects that the others don't test on, or take the data set out",
}


def _what_helps(units: Iterable[str], lacking: Sequence[str], open_to: Allowed) -> str:
    """What to do about parts that no unit is in: another draw, only where one could fill them."""
    drawn = all(any(part in open_to.get(unit, PARTS) for unit in units) for part in lacking)
    redraw = ["use other fractions or another seed"] if drawn else []
    return f"{_ELSEWHERE}: {'; or '.join([*redraw, *(_WITHOUT[part] for part in lacking)])}"


def _why_so_few(one: SplitView) -> str:
    return _INSIDE if one.has_tied_groups else _EQUAL if one.has_tied_subjects else ""


def _placed(one: SplitView, parts: Mapping[str, str]) -> str:
    counts = {part: sum(parts[unit] == part for unit in one.rows) for part in PARTS}
    return ", ".join(f"{part} {count}" for part, count in counts.items())
