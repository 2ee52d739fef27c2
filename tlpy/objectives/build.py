"""From the objective of a stage record to its terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlpy.errors import InputError, Problem
from tlpy.objectives.base import Objective, Term
from tlpy.objectives.by_label import ByLabel
from tlpy.objectives.entries import OBJECTIVES
from tlpy.objectives.own import entry_of
from tlpy.records import Head, Terms


def build_objective(
    objective: Terms,
    heads: Sequence[Head],
) -> Objective:
    """The objective of a stage.

    A primary term learns the heads that it fits, each by a term of its own, and gives their mean.

    Args:
        objective: terms by name or class path, with their arguments, the primary one first
            (`tlpy.objectives.registry.complete_objective`).
        heads: one for each label that is learnt, the primary one first.

    Raises:
        InputError: an own term that is not found, takes other arguments, or is no `Term`.
    """
    terms: dict[str, Term] = {}
    for name, arguments in objective.items():
        entry = entry_of(name)
        if entry.primary and entry.tasks and len(heads) > 1:
            fitting = [head for head in heads if head.type in entry.tasks]
            inner = {**arguments, "weight": 1.0}
            terms[name] = ByLabel(
                heads,
                {head.label: make_term(name, inner, [head]) for head in fitting},
                arguments.get("weight", 1.0),
            )
        else:
            terms[name] = make_term(name, arguments, heads)
    return Objective(terms)


def make_term(name: str, arguments: Mapping[str, Any], heads: Sequence[Head]) -> Term:
    """One term, by name or class path; raises as `build_objective`."""
    where = f"objective.{name}"
    try:
        made = OBJECTIVES.load(name)
    except (ImportError, AttributeError) as error:
        hint = "a class path is module.Class; give its folder by `components:`"
        raise InputError([Problem(where, f"was not found: {error}", hint)]) from error
    try:
        term = made(heads=heads, **arguments)
    except TypeError as error:
        raise InputError([Problem(where, f"takes heads and its arguments: {error}")]) from error
    if not isinstance(term, Term):
        raise InputError(
            [Problem(where, f"is a {type(term).__name__}, expected a tlpy.objectives.base.Term")]
        )
    return term
