"""From the objective of a stage record to its terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlpy.objectives.base import Objective, Term
from tlpy.objectives.by_label import ByLabel
from tlpy.objectives.registry import TERMS
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
        said = TERMS.load(name)
        if getattr(said, "primary", False) and said.tasks and len(heads) > 1:
            fitting = [head for head in heads if head.type in said.tasks]
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
    term: Term = TERMS.make({**arguments, "name": name}, where=f"objective.{name}", heads=heads)
    return term
