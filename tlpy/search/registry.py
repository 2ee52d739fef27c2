"""The search methods by name, and what a search asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlpy.components.declarations import Form
from tlpy.components.facts import Facts
from tlpy.components.loading import describe_fault
from tlpy.components.registry import Registry
from tlpy.errors import InputError, Problem, Problems
from tlpy.search.base import Assignment, Space, distinct

_BASE = "tlpy.search.base.SearchMethod"

SEARCH_METHODS = Registry(
    "search method",
    Facts,
    {"grid": "tlpy.search.grid.Grid", "random": "tlpy.search.random_search.Random"},
    Form(
        f"a {_BASE} with assignments(space, trials, seed)",
        ("assignments(space, trials, seed)",),
        (_BASE,),
    ),
    makes=_BASE,
)


def assignments(search: Mapping[str, Any] | None, seed: int) -> list[Assignment]:
    """All assignments a search asks for, in a stable order and each only once.

    Args:
        search: the `search` of a params file: `method`, `trials`, `space`; None for no search.
        seed: the run's.

    Returns:
        One map from dotted path to value a variant; a single empty map where nothing is searched.

    Raises:
        InputError: an unknown method or argument, a space that the method cannot search, an own method that
            fails or gives something else.
    """
    search = search or {}
    space: Space = search.get("space") or {}
    if not space:
        return [{}]
    where = "search.method"
    component = SEARCH_METHODS.complete(search.get("method", "grid"), where)
    method = SEARCH_METHODS.make(component, where=where)
    try:
        found = method.assignments(space, search.get("trials"), seed)
    except InputError:
        raise
    except Exception as error:  # an own method may fail in any way
        raise InputError([Problem(where, f"{component['name']} failed: {describe_fault(error)}")]) from error
    return _checked(found, space, component["name"])


def _checked(found: Any, space: Space, name: str) -> list[Assignment]:
    """What a method gave, if it is a list of assignments of the space."""
    problems = Problems()
    hint = f"expected a list of maps with a value for each of {', '.join(space)}"
    if not isinstance(found, list) or not found:
        problems.add("search.method", f"{name} gave {found!r}", hint)
    else:
        for place, assignment in enumerate(found):
            if not isinstance(assignment, Mapping) or set(assignment) != set(space):
                problems.add("search.method", f"{name} gave {assignment!r} as assignment {place + 1}", hint)
    problems.raise_if_any()
    return distinct({path: assignment[path] for path in space} for assignment in found)
