"""Whether a variant is shown better than guessing: than one answer for every case, the best that there is.

The guess knows the test labels' median, mean or class shares, which no variant does. That it is hard to beat
by chance alone is its point: a score that is not shown above it says nothing.
"""

from __future__ import annotations

import numpy as np

from tlpy.evaluation import intervals
from tlpy.evaluation.difference import NONE, Difference
from tlpy.evaluation.outcomes import Outcome
from tlpy.evaluation.resampling import Resampling
from tlpy.evaluation.results import Predictions
from tlpy.metrics.formulas import Array
from tlpy.metrics.registry import METRICS, Metric, resampled
from tlpy.records import BINARY, MULTILABEL, REGRESSION

# Saying yes to everything is perfect in one of these, and worthless.
_ONE_SIDED = {"sensitivity": "balanced_accuracy", "specificity": "balanced_accuracy"}
# A constant has no correlation with anything: its guess is worth nothing, not undefined.
_ZERO = ("r",)


def guess(task_type: str, metric: str, true: Array) -> Array:
    """The same answer for every case, the one that suits the metric best.

    Args:
        true: (n,) label units or class indices; (n, columns) of 0, 1 and NaN for a multilabel task.

    Returns:
        As `Predictions.score`: the median (for absolute errors) or the mean, or the share of each class.
    """
    if task_type == REGRESSION:
        return np.full(len(true), np.median(true) if metric == "mae" else np.mean(true))
    if task_type == BINARY:
        return np.full(len(true), float(np.mean(true)))
    if task_type == MULTILABEL:
        return np.tile(np.nanmean(true, axis=0), (len(true), 1))
    classes = int(true.max()) + 1
    return np.tile(np.bincount(true.astype(int), minlength=classes) / len(true), (len(true), 1))


def over_chance(outcome: Outcome, metric: Metric, kind: str, resampling: Resampling) -> Difference:
    """Test score minus that of the guess, above zero where better; unknown where nothing can be guessed."""
    judge = METRICS[_ONE_SIDED.get(metric.name, metric.name)]
    if kind not in judge.formulas:
        return NONE
    points, parts = {}, {}
    turn = -1.0 if judge.lower_is_better else 1.0
    for replicate in outcome.done:
        cases = replicate.cases
        if cases is None or not len(cases):
            continue
        guessed = _guessed(cases, kind, judge.name)
        once = np.ones((1, len(cases)))
        scores = [resampled(judge.name, kind, case.true, case.score, once)[0] for case in (cases, guessed)]
        zero = judge.name in _ZERO
        points[replicate.key] = turn * float(scores[0] - (0.0 if zero else scores[1]))
        if resampling.draws is not None:
            mine = intervals.scores(judge.name, kind, cases, resampling.draws)
            theirs = 0.0 if zero else intervals.scores(judge.name, kind, guessed, resampling.draws)
            parts[replicate.key] = turn * (mine - theirs)
    points = {key: value for key, value in points.items() if np.isfinite(value)}
    return resampling.difference({key: parts[key] for key in points if key in parts}, points, judge)


def _guessed(cases: Predictions, kind: str, metric: str) -> Predictions:
    score = guess(kind, metric, cases.true)
    if cases.score.ndim == 2 and score.shape[1] < cases.score.shape[1]:
        score = np.pad(score, ((0, 0), (0, cases.score.shape[1] - score.shape[1])))
    return Predictions(cases.images, cases.subjects, cases.groups, cases.true, score)
