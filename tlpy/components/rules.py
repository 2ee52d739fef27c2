"""Rules for the values of arguments, shared by the registries. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from tlpy.errors import Problems


@dataclass(frozen=True)
class Rule:
    """What an argument must be, as a test and in words."""

    holds: Callable[[Any], bool]
    expected: str


def is_number(value: Any) -> bool:
    """Whether `value` is a finite int or float (a bool is not)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def is_count(value: Any) -> bool:
    """Whether `value` is a whole number of at least 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


COUNT = Rule(is_count, "a whole number of at least 1")
ODD = Rule(lambda v: is_count(v) and v % 2 == 1, "an odd number of at least 1")
FLAG = Rule(lambda v: isinstance(v, bool), "true or false")
SHARE = Rule(lambda v: is_number(v) and 0 <= v <= 1, "a number from 0 to 1")
BELOW_ONE = Rule(lambda v: is_number(v) and 0 <= v < 1, "a number from 0 to below 1")
BETWEEN = Rule(lambda v: is_number(v) and 0 < v < 1, "a number between 0 and 1")
UP_TO_ONE = Rule(lambda v: is_number(v) and 0 < v <= 1, "a number above 0, at most 1")
FROM_ZERO = Rule(lambda v: is_number(v) and v >= 0, "a number of at least 0")
POSITIVE = Rule(lambda v: is_number(v) and v > 0, "a number above 0")


def one_of(*values: str) -> Rule:
    """The rule that an argument is one of `values`."""
    return Rule(lambda v: isinstance(v, str) and v in values, " or ".join(values))


def list_of(item: Rule, least: int, most: int | None = None, expected: str = "") -> Rule:
    """The rule that an argument is a list of `least` to `most` items that keep `item`."""

    def holds(value: Any) -> bool:
        if (
            not isinstance(value, list | tuple)
            or len(value) < least
            or (most is not None and len(value) > most)
        ):
            return False
        return all(item.holds(element) for element in value)

    return Rule(holds, expected)


def check(arguments: Mapping[str, Any], rules: Mapping[str, Rule], where: str, problems: Problems) -> None:
    """Add a problem for each argument that breaks its rule; one without a rule passes."""
    for key, value in arguments.items():
        if key in rules and not rules[key].holds(value):
            problems.add(f"{where}.{key}", f"expected {rules[key].expected}, found {value!r}")


def settle(arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """A copy in which equal settings look equal: 1 becomes 1.0 where the default is a float.

    Without it `dropout: 0` and `dropout: 0.0` would be two stages with two ids.
    """

    def alike(value: Any, default: Any) -> Any:
        if isinstance(default, float) and is_number(value):
            return float(value)
        if isinstance(default, list) and isinstance(value, list | tuple):
            return [alike(item, default[0] if default else None) for item in value]
        return deepcopy(value)

    return {key: alike(value, defaults.get(key)) for key, value in arguments.items()}
