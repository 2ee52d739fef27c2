"""The formulas of the metrics, over weighted cases, so that one call scores every bootstrap resample.

Each function takes `true` (n,), `score` (n,) or (n, classes) and `weights` (resamples, n), non-negative: how
often each case was drawn. It returns one value per resample, (resamples,), NaN where the metric is undefined
(a class without cases, a constant prediction, nothing drawn).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

THRESHOLD = 0.5
"""A case counts as positive when its probability reaches this."""


def ratio(above: Array, below: Array) -> Array:
    """Element-wise division; NaN where the denominator is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below == 0, np.nan, above / below)


def mean(values: Array, weights: Array) -> Array:
    """Weighted mean of `values` (n,) in each resample."""
    return ratio(weights @ values, weights.sum(axis=1))


# Regression: `true` and `score` in the label's units.


def mae(true: Array, score: Array, weights: Array) -> Array:
    return mean(np.abs(score - true), weights)


def rmse(true: Array, score: Array, weights: Array) -> Array:
    return np.sqrt(mean((score - true) ** 2, weights))


def r2(true: Array, score: Array, weights: Array) -> Array:
    """1 − residual / total sum of squares; negative when worse than predicting the mean of the test cases."""
    x, size = _standing_out(true)
    return 1.0 - ratio(mean(((score - true) / size) ** 2, weights), _variance(x, weights))


def r(true: Array, score: Array, weights: Array) -> Array:
    """Pearson's correlation."""
    (x, _), (y, _) = _standing_out(true), _standing_out(score)
    both = mean(x * y, weights) - mean(x, weights) * mean(y, weights)
    product = np.sqrt(_variance(x, weights) * _variance(y, weights))
    return np.clip(ratio(both, product), -1.0, 1.0)


def _standing_out(values: Array) -> tuple[Array, float]:
    """Values (n,) as distances from their mean, the largest being 1, and what they were divided by.

    This keeps differences of squares accurate, whatever the unit. What differs by rounding alone is 0.
    """
    centred = values - values.mean()
    size = float(np.abs(centred).max())
    return (centred / size, size) if size > 1e-14 * float(np.abs(values).max()) else (0.0 * values, 1.0)


def _variance(x: Array, weights: Array) -> Array:
    """Variance in each resample of what `_standing_out` gave; 0 where it is no more than rounding."""
    found = mean(x * x, weights) - mean(x, weights) ** 2
    return np.where(found < 1e-12 * float((x * x).mean()), 0.0, found)


# Binary: `true` in {0, 1}, `score` the probability of class 1.


def _tied_groups(score: Array, weights: Array, true: Array) -> tuple[Array, Array]:
    """Weights of positive and negative cases by distinct score, ascending: two arrays (resamples, groups)."""
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])
    drawn = weights[:, order]
    positive = true[order].astype(bool)
    if len(starts) == len(
        score
    ):  # no ties: each case is its own group, and summing would take most of the time
        return drawn * positive, drawn * ~positive
    return (
        np.add.reduceat(drawn * positive, starts, axis=1),
        np.add.reduceat(drawn * ~positive, starts, axis=1),
    )


def auroc(true: Array, score: Array, weights: Array) -> Array:
    """Area under the ROC curve as the Mann-Whitney statistic; ties count half."""
    positive, negative = _tied_groups(score, weights, true)
    below = np.cumsum(negative, axis=1) - negative
    won = (positive * (below + 0.5 * negative)).sum(axis=1)
    return ratio(won, positive.sum(axis=1) * negative.sum(axis=1))


def average_precision(true: Array, score: Array, weights: Array) -> Array:
    """Σ (recall step) × precision over distinct thresholds, without interpolation."""
    positive, negative = (part[:, ::-1] for part in _tied_groups(score, weights, true))
    hits = np.cumsum(positive, axis=1)
    called = hits + np.cumsum(negative, axis=1)
    precision = np.where(called > 0, hits / np.where(called > 0, called, 1.0), 0.0)
    return ratio((positive * precision).sum(axis=1), positive.sum(axis=1))


def _counts(true: Array, score: Array, weights: Array) -> tuple[Array, Array, Array, Array]:
    """True positives, false positives, false negatives and true negatives in each resample."""
    called, positive = score >= THRESHOLD, true.astype(bool)
    cells = np.stack([positive & called, ~positive & called, positive & ~called, ~positive & ~called], axis=1)
    table = weights @ cells.astype(float)
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3]


def accuracy(true: Array, score: Array, weights: Array) -> Array:
    return mean(((score >= THRESHOLD) == true.astype(bool)).astype(float), weights)


def sensitivity(true: Array, score: Array, weights: Array) -> Array:
    hit, _, missed, _ = _counts(true, score, weights)
    return ratio(hit, hit + missed)


def specificity(true: Array, score: Array, weights: Array) -> Array:
    _, false_alarm, _, rejected = _counts(true, score, weights)
    return ratio(rejected, rejected + false_alarm)


def balanced_accuracy(true: Array, score: Array, weights: Array) -> Array:
    return (sensitivity(true, score, weights) + specificity(true, score, weights)) / 2


def f1(true: Array, score: Array, weights: Array) -> Array:
    hit, false_alarm, missed, _ = _counts(true, score, weights)
    return ratio(2 * hit, 2 * hit + false_alarm + missed)


def log_loss(true: Array, score: Array, weights: Array) -> Array:
    """Mean −log of the probability given to the true class; kept off 0 and 1 by one epsilon."""
    given = np.where(true.astype(bool), score, 1.0 - score)
    return mean(-np.log(np.clip(given, np.finfo(float).eps, 1.0)), weights)


# Multiclass: `true` holds class indices, `score` (n, classes) probabilities.


def multiclass_auroc(true: Array, score: Array, weights: Array) -> Array:
    """One class against the rest, averaged over the classes that have both cases and non-cases."""
    each = np.stack(
        [auroc((true == k).astype(float), score[:, k], weights) for k in range(score.shape[1])], axis=1
    )
    defined = ~np.isnan(each)
    return ratio(np.where(defined, each, 0.0).sum(axis=1), defined.sum(axis=1).astype(float))


def _class_counts(true: Array, score: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Per resample and class: cases, cases called so, correct ones; three arrays (resamples, classes)."""
    classes = np.arange(score.shape[1])
    is_class = true[:, None] == classes
    is_called = score.argmax(axis=1)[:, None] == classes
    parts = (is_class, is_called, is_class & is_called)
    cases, called, correct = (weights @ part.astype(float) for part in parts)
    return cases, called, correct


def multiclass_accuracy(true: Array, score: Array, weights: Array) -> Array:
    return mean((score.argmax(axis=1) == true).astype(float), weights)


def multiclass_balanced_accuracy(true: Array, score: Array, weights: Array) -> Array:
    """Mean sensitivity over the classes that have cases."""
    cases, _, correct = _class_counts(true, score, weights)
    present = cases > 0
    recall = np.where(present, correct / np.where(present, cases, 1.0), 0.0)
    return ratio(recall.sum(axis=1), present.sum(axis=1).astype(float))


def multiclass_f1(true: Array, score: Array, weights: Array) -> Array:
    """Macro F1 over the classes that have cases or were called."""
    cases, called, correct = _class_counts(true, score, weights)
    present = cases + called > 0
    each = np.where(present, 2 * correct / np.where(present, cases + called, 1.0), 0.0)
    return ratio(each.sum(axis=1), present.sum(axis=1).astype(float))


def multiclass_log_loss(true: Array, score: Array, weights: Array) -> Array:
    given = score[np.arange(len(true)), true.astype(int)]
    return mean(-np.log(np.clip(given, np.finfo(float).eps, 1.0)), weights)


# Multilabel: `true` (n, labels) of 0, 1 and NaN where unknown, `score` (n, labels) probabilities.


def over_labels(formula: Callable[[Array, Array, Array], Array]) -> Callable[[Array, Array, Array], Array]:
    """A formula for two classes, averaged over the labels for which it is defined."""

    def averaged(true: Array, score: Array, weights: Array) -> Array:
        each = []
        for truth, given in zip(true.T, score.T, strict=True):
            known = np.isfinite(truth)
            if known.any():
                each.append(formula(truth[known], given[known], weights[:, known]))
        if not each:
            return undefined(true, score, weights)
        found = np.stack(each, axis=1)
        defined = ~np.isnan(found)
        return ratio(np.where(defined, found, 0.0).sum(axis=1), defined.sum(axis=1).astype(float))

    return averaged


def undefined(true: Array, score: Array, weights: Array) -> Array:
    """NaN in each resample: what is not worked out from predictions."""
    del true, score
    return np.full(len(weights), np.nan)
