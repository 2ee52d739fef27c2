"""From the objective of a stage record to its terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlpy.errors import InputError, Problem
from tlpy.objectives.base import Objective, Term
from tlpy.objectives.registry import OBJECTIVES


def build_objective(objective: Mapping[str, Mapping[str, Any]], task: Mapping[str, Any]) -> Objective:
    """The objective of a stage.

    Args:
        objective: terms by name or class path, with their arguments, the primary one first
            (`tlpy.objectives.registry.complete_objective`).
        task: `{"type", "labels", "classes"}`.

    Raises:
        InputError: an own term that is not found, takes other arguments, or is no `Term`.
    """
    return Objective({name: _term(name, arguments, task) for name, arguments in objective.items()})


def _term(name: str, arguments: Mapping[str, Any], task: Mapping[str, Any]) -> Term:
    where = f"objective.{name}"
    try:
        made = OBJECTIVES.load(name)
    except (ImportError, AttributeError) as error:
        hint = "a class path is module.Class; give its folder by `components:`"
        raise InputError([Problem(where, f"was not found: {error}", hint)]) from error
    try:
        term = made(task=task, **arguments)
    except TypeError as error:
        raise InputError([Problem(where, f"takes task and its arguments: {error}")]) from error
    if not isinstance(term, Term):
        raise InputError(
            [Problem(where, f"is a {type(term).__name__}, expected a tlpy.objectives.base.Term")]
        )
    return term
