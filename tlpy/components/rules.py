"""What the value of an argument must be, read from its annotation. Imports nothing heavy.

An argument says what it takes where it is declared: `ratio: Between = 0.75`, `low: Annotated[float,
PERCENT]`, `fill: Literal["edge", "reflect"]`. Plain types count too: `bool`, `int`, `float`, `str`, lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from tlpy.components.copies import copied


@dataclass(frozen=True)
class Rule:
    """What an argument must be, as a test and in words."""

    holds: Callable[[Any], bool]
    expected: str


def is_number(value: Any) -> bool:
    """Whether `value` is a finite int or float (a bool is not)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def is_whole(value: Any) -> bool:
    """Whether `value` is a whole number (a bool is not)."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_count(value: Any) -> bool:
    """Whether `value` is a whole number of at least 1."""
    return is_whole(value) and value >= 1


def is_span(value: Any) -> bool:
    """Whether `value` is `[first, last]`, whole numbers with 1 <= first <= last."""
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(map(is_whole, value)):
        return False
    return bool(1 <= value[0] <= value[1])


def up_to(most: float) -> Rule:
    """The rule that an argument is a number from 0 to `most`."""
    return Rule(lambda v: is_number(v) and 0 <= v <= most, f"a number from 0 to {most:g}")


def at_least(least: int) -> Rule:
    """The rule that an argument is a whole number of at least `least`."""
    return Rule(lambda v: is_whole(v) and v >= least, f"a whole number of at least {least}")


def one_of(*values: Any) -> Rule:
    """The rule that an argument is one of `values`."""
    return Rule(
        lambda v: any(type(v) is type(value) and v == value for value in values),
        " or ".join(map(str, values)),
    )


def named(expected: str) -> Rule:
    """The rule that an argument names something: text that is not empty, or a whole number."""
    return Rule(lambda v: v != "" and (isinstance(v, str) or is_whole(v)), expected)


def numbered(expected: str, *words: str) -> Rule:
    """The rule that an argument is one of `words`, or digits, as text or as a whole number."""
    return Rule(lambda v: (isinstance(v, str) or is_whole(v)) and (v in words or str(v).isdigit()), expected)


def list_of(
    item: Rule, least: int, most: int | None = None, expected: str = "", distinct: bool = False
) -> Rule:
    """The rule that an argument is a list of `least` to `most` items that keep `item`."""

    def holds(value: Any) -> bool:
        if (
            not isinstance(value, list | tuple)
            or len(value) < least
            or (most is not None and len(value) > most)
        ):
            return False
        return all(item.holds(element) for element in value) and not (
            distinct and len(set(value)) < len(value)
        )

    return Rule(holds, expected or f"a list, each {item.expected}")


COUNT = at_least(1)
ODD = Rule(lambda v: is_count(v) and v % 2 == 1, "an odd number of at least 1")
FLAG = Rule(lambda v: isinstance(v, bool), "true or false")
SHARE = up_to(1)
BELOW_ONE = Rule(lambda v: is_number(v) and 0 <= v < 1, "a number from 0 to below 1")
BETWEEN = Rule(lambda v: is_number(v) and 0 < v < 1, "a number between 0 and 1")
UP_TO_ONE = Rule(lambda v: is_number(v) and 0 < v <= 1, "a number above 0, at most 1")
FROM_ZERO = Rule(lambda v: is_number(v) and v >= 0, "a number of at least 0")
POSITIVE = Rule(lambda v: is_number(v) and v > 0, "a number above 0")
SPAN = Rule(lambda v: is_span(v), "[first, last] with 1 <= first <= last")
PERCENT = Rule(lambda v: is_number(v) and 0 <= v <= 100, "a percentage from 0 to 100")
NUMBER = Rule(is_number, "a number")
WHOLE = Rule(is_whole, "a whole number")
TEXT = Rule(lambda v: isinstance(v, str), "text")
MAP = Rule(lambda v: isinstance(v, Mapping), "a map")
NOTHING = Rule(lambda v: v is None, "null")

# What arguments are most often, to be written as their annotation.
Count = Annotated[int, COUNT]
Odd = Annotated[int, ODD]
Share = Annotated[float, SHARE]
BelowOne = Annotated[float, BELOW_ONE]
Between = Annotated[float, BETWEEN]
UpToOne = Annotated[float, UP_TO_ONE]
FromZero = Annotated[float, FROM_ZERO]
Positive = Annotated[float, POSITIVE]
Percent = Annotated[float, PERCENT]
Span = Annotated[Sequence[int], SPAN]
# One number for all axes of an image, or one an axis.
PerAxis = Annotated[
    int | Sequence[int],
    Rule(
        lambda v: is_count(v) or list_of(COUNT, 1, 3).holds(v),
        "one whole number for all axes, or a list with one for each",
    ),
]


_PLAIN: dict[Any, Rule] = {
    bool: FLAG,
    int: WHOLE,
    float: NUMBER,
    str: TEXT,
    dict: MAP,
    type(None): NOTHING,
    None: NOTHING,
}


def rule_for(annotation: Any) -> Rule | None:
    """The rule that an annotation stands for; None where it allows anything, or says nothing known.

    Args:
        annotation: a type, a union, a `Literal`, or `Annotated` with a `Rule`, which stands for all of it.
    """
    if annotation is None or (isinstance(annotation, type) and annotation in _PLAIN):
        return _PLAIN[annotation]
    origin, given = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        said = next((item for item in given[1:] if isinstance(item, Rule)), None)
        return said or rule_for(given[0])
    if origin is ClassVar:
        return rule_for(given[0])
    if origin is Literal:
        return one_of(*given)
    if origin in (Union, UnionType):
        return _either([rule_for(item) for item in given])
    if origin is dict or annotation is Mapping or origin is Mapping:
        return MAP
    if origin in (list, Sequence) or annotation in (list, Sequence):
        item = rule_for(given[0]) if given else None
        return list_of(item or Rule(lambda _: True, "anything"), 0)
    if origin is tuple:
        return _tuple(given)
    return None


def _tuple(given: tuple[Any, ...]) -> Rule:
    if len(given) == 2 and given[1] is Ellipsis:
        item = rule_for(given[0]) or Rule(lambda _: True, "anything")
        literal = get_origin(given[0]) is Literal
        shown = ", ".join(map(repr, get_args(given[0]))) if literal else item.expected
        return list_of(item, 0, None, f"a tuple of {shown}" if literal else f"a tuple, each {shown}")
    rules = [rule_for(item) for item in given]
    shown = ", ".join(rule.expected if rule else "anything" for rule in rules)
    return Rule(
        lambda v: (
            isinstance(v, list | tuple)
            and len(v) == len(rules)
            and all(rule is None or rule.holds(item) for rule, item in zip(rules, v, strict=True))
        ),
        f"[{shown}]",
    )


def _either(rules: Sequence[Rule | None]) -> Rule | None:
    known = [rule for rule in rules if rule is not None]
    if len(known) < len(rules):
        return None
    # What may also be left out is called by what it is otherwise.
    words = [rule.expected for rule in known if rule is not NOTHING] or [NOTHING.expected]
    return Rule(lambda v: any(rule.holds(v) for rule in known), " or ".join(dict.fromkeys(words)))


def settled(value: Any, annotation: Any, default: Any = None) -> Any:
    """A copy of `value` in which equal settings look equal: 1 becomes 1.0 where a float is meant.

    Without it `dropout: 0` and `dropout: 0.0` would be two stages with two ids.

    Args:
        value: an argument.
        annotation: of the argument; where it says no type, that of the default counts.
        default: of the argument.
    """
    if isinstance(value, list | tuple):
        items = _items(annotation, default, len(value))
        return [settled(item, kind, like) for item, (kind, like) in zip(value, items, strict=True)]
    types = _types(annotation)
    meant = float in types and int not in types if types else isinstance(default, float)
    return float(value) if meant and is_number(value) else copied(value)


def _types(annotation: Any) -> set[Any]:
    """The plain types among which a single value may be."""
    origin, given = get_origin(annotation), get_args(annotation)
    if origin in (Annotated, ClassVar):
        return _types(given[0])
    if origin in (Union, UnionType):
        return {kind for item in given for kind in _types(item)}
    return {annotation} if annotation in (bool, int, float, str) else set()


def _items(annotation: Any, default: Any, count: int) -> list[tuple[Any, Any]]:
    """Annotation and default of each of `count` items of a list."""
    origin, given = get_origin(annotation), get_args(annotation)
    if origin in (Annotated, ClassVar):
        return _items(given[0], default, count)
    if origin in (Union, UnionType):
        several = [item for item in given if get_origin(item) in (list, tuple, Sequence)]
        return _items(several[0] if several else None, default, count)
    if origin is tuple and Ellipsis not in given and len(given) == count:
        return [(kind, None) for kind in given]
    like = default[0] if isinstance(default, list | tuple) and default else None
    return [(given[0] if given and origin in (list, tuple, Sequence) else None, like)] * count
