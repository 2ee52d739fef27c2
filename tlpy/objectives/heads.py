"""The heads of a stage: what each learns, how many outputs it has. Imports no torch: planning reads it."""

from __future__ import annotations

from typing import Any

from tlpy.objectives.registry import TERMS
from tlpy.records import BINARY, REGRESSION, Head, Terms


def bins_of(objective: Terms, label: str) -> tuple[str, dict[str, Any]] | None:
    """The term by whose bins a label is trained, and its arguments; None where it is by none.

    Args:
        objective: completed.
        label: whose head; what matters for terms of a label's own.
    """
    for name, arguments in objective.items():
        facts = TERMS.facts(name)
        if facts.bins:
            return name, dict(arguments)
        if facts.per_label and (found := bins_of(arguments["terms"].get(label, {}), label)):
            return found
    return None


def outputs_of(head: Head, objective: Terms) -> int:
    """How many outputs a head has: one for a number or two classes, one a class or column, or the bins.

    Args:
        objective: completed.
    """
    if head.type == REGRESSION:
        found = bins_of(objective, head.label)
        return int(found[1]["bins"]) if found else 1
    return 1 if head.type == BINARY else len(head.names)
