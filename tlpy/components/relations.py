"""What the arguments of one component must be to each other, as its facts say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tlpy.components.facts import Facts
from tlpy.components.rules import is_number
from tlpy.errors import Problems, nearest


def check_ascending(facts: type[Facts], arguments: Mapping[str, Any], where: str, problems: Problems) -> None:
    """Add a problem for each pair of `Facts.ascending` that is not; what is no number passes."""
    for low, high in facts.ascending:
        least: Any = arguments.get(low)
        most: Any = arguments.get(high)
        if is_number(least) and is_number(most) and least >= most:
            problems.add(where, f"{low} ({least:g}) must be below {high} ({most:g})")


def check_named(
    fact: str,
    named: Iterable[str],
    known: Iterable[str],
    what: str,
    component: tuple[str, str],
    where: str,
    problems: Problems,
) -> None:
    """Add a problem for each name that a fact gives and nothing goes by.

    Args:
        fact: which of them.
        named: what it gives.
        known: what there is.
        what: that is, in words.
        component: its name, and the same with its place.
        where: the param's path.
        problems: takes them, each once for the component.
    """
    valid, (name, title) = list(known), component
    for item in named:
        if item not in valid:
            message = f"{title}: `{fact}` names '{item}', which is no {what}"
            problems.add(where, message, nearest(item, valid), about=name)
