"""The heads of a stage: what each learns, how many outputs it has. Imports no torch: planning reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlpy.objectives.entries import BINARY, MULTICLASS, MULTILABEL, REGRESSION

_DEFAULT = {
    REGRESSION: "mse",
    BINARY: "cross_entropy",
    MULTICLASS: "cross_entropy",
    MULTILABEL: "cross_entropy",
}


def default_primary(task_type: str) -> str:
    """The primary term of a task type when a params file names none."""
    return _DEFAULT[task_type]


def heads_of(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`{"label", "type", "classes"}` of each head of a task: its `tasks`, else one for each label."""
    if task.get("tasks"):
        return [dict(head) for head in task["tasks"]]
    return [
        {"label": label, "type": task["type"], "classes": task.get("classes")}
        for label in task.get("labels", [""])
    ]


def soft_bins_of(
    objective: Mapping[str, Mapping[str, Any]], label: str | None = None
) -> dict[str, Any] | None:
    """The arguments of `soft_bins` where a label (None: any) is trained by it, else None.

    Args:
        objective: completed.
        label: whose head; what matters within `multitask`.
    """
    terms = objective.get("multitask", {}).get("terms", {})
    inner = terms.get(label, {}) if label is not None else {}
    found = objective.get("soft_bins") or inner.get("soft_bins")
    return dict(found) if found is not None else None


def outputs_of(head: Mapping[str, Any], objective: Mapping[str, Mapping[str, Any]]) -> int:
    """How many outputs a head has: one for a number or two classes, one a class or column, or the bins.

    Args:
        head: `{"label", "type", "classes"}`, or a task of one label.
        objective: completed.
    """
    if head["type"] == REGRESSION:
        labels = head.get("labels") or [None]
        found = soft_bins_of(objective, head.get("label", labels[0]))
        return int(found["bins"]) if found else 1
    if head["type"] == BINARY:
        return 1
    return len(head["classes"]) if head.get("classes") else 1
