"""From a network's outputs to predictions and metrics. NumPy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tlpy.data.subjects import Row, Scaling, truth
from tlpy.evaluation.metrics import compute


def heads(task: Mapping[str, Any]) -> dict[str, int]:
    """How many outputs each label's head has: one for a regression or two classes, else one a class."""
    outputs = len(task["classes"]) if task["type"] == "multiclass" else 1
    return dict.fromkeys(task["labels"], outputs)


def predictions(
    task: Mapping[str, Any], outputs: Mapping[str, np.ndarray], scaling: Mapping[str, Scaling]
) -> dict[str, np.ndarray]:
    """Outputs (n, k) as what metrics take, by label.

    (n,) in the label's units for a regression, (n,) probability of the second class for two classes,
    (n, classes) probabilities for more.
    """
    found: dict[str, np.ndarray] = {}
    for label, raw in outputs.items():
        values = raw.astype(np.float64)
        if task["type"] == "regression":
            found[label] = values[:, 0] * scaling[label].sd + scaling[label].mean
        elif task["type"] == "binary":
            found[label] = _sigmoid(values[:, 0])
        else:
            shifted = np.exp(values - values.max(axis=1, keepdims=True))
            found[label] = shifted / shifted.sum(axis=1, keepdims=True)
    return found


def _sigmoid(values: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow for large negative x."""
    small = np.exp(-np.abs(values))
    return np.where(values >= 0, 1 / (1 + small), small / (1 + small))


def metrics(
    task: Mapping[str, Any], rows: Sequence[Row], predicted: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Every metric of the task; with several labels, the mean over them."""
    by_label = [compute(task["type"], truth(rows, task, label), predicted[label]) for label in task["labels"]]
    return {name: float(np.mean([found[name] for found in by_label])) for name in by_label[0]}
