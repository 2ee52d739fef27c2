"""The points of an ROC curve, and the confusion matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tlpy.metrics.formulas import THRESHOLD, Array


def roc(true: Array, score: Array) -> tuple[Array, Array]:
    """False-positive and true-positive rate at every threshold, from (0, 0) to (1, 1).

    Args:
        true: (n,) 0 or 1, both present.
        score: (n,).

    Returns:
        Two arrays (thresholds + 1,). Cases with equal scores make one step.
    """
    order = np.argsort(-score, kind="stable")
    last_of_its_score = np.r_[np.diff(score[order]) != 0, True]
    found = np.cumsum(true[order])[last_of_its_score]
    called = np.flatnonzero(last_of_its_score) + 1.0
    false = called - found
    return np.r_[0.0, false / max(false[-1], 1.0)], np.r_[0.0, found / max(found[-1], 1.0)]


def confusion(true: Array, score: Array, classes: int) -> NDArray[np.int64]:
    """Counts (classes, classes): rows are true, columns called classes.

    Args:
        score: (n,) probability of class 1 when there are two classes, else (n, classes).
    """
    called = (score >= THRESHOLD).astype(int) if score.ndim == 1 else score.argmax(axis=1)
    cells = true.astype(int) * classes + called
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)
