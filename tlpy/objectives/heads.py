"""The heads of a stage: what each learns, how many outputs it has. Imports no torch: planning reads it."""

from __future__ import annotations

from typing import Any

from tlpy.records import BINARY, MULTICLASS, MULTILABEL, REGRESSION, Head, Terms

_DEFAULT = {
    REGRESSION: "mse",
    BINARY: "cross_entropy",
    MULTICLASS: "cross_entropy",
    MULTILABEL: "cross_entropy",
}


def default_primary(task_type: str) -> str:
    """The primary term of a task type when a params file names none."""
    return _DEFAULT[task_type]


def soft_bins_of(objective: Terms, label: str) -> dict[str, Any] | None:
    """The arguments of `soft_bins` where a label is trained by it, else None.

    Args:
        objective: completed.
        label: whose head; what matters within `multitask`.
    """
    inner = objective.get("multitask", {}).get("terms", {}).get(label, {})
    found = objective.get("soft_bins") or inner.get("soft_bins")
    return dict(found) if found is not None else None


def outputs_of(head: Head, objective: Terms) -> int:
    """How many outputs a head has: one for a number or two classes, one a class or column, or the bins.

    Args:
        objective: completed.
    """
    if head.type == REGRESSION:
        found = soft_bins_of(objective, head.label)
        return int(found["bins"]) if found else 1
    return 1 if head.type == BINARY else len(head.names)
