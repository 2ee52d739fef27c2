"""What transfer gains: over the best training from scratch, and over the twin with equal settings.

The best from-scratch variant is chosen on validation, as the winner is, from the same search; among its
candidates are those that train for as many epochs as a whole chain. A gain over the twin alone may be a gain
of its settings, which need not suit a start from nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tlpy.evaluation import intervals
from tlpy.evaluation.outcomes import NAN, Outcome
from tlpy.evaluation.resampling import Resampling
from tlpy.metrics.registry import Metric


def add_gains(ranked: Sequence[Outcome], metric: Metric, resampling: Resampling) -> None:
    """Fill in the gains of every variant with transfer; p values corrected for how many there are."""
    best = next((outcome for outcome in ranked if outcome.baseline), None)
    by_id = {outcome.id: outcome for outcome in ranked}
    gained = []
    for outcome in ranked:
        if outcome.baseline:
            continue
        twin = by_id.get(outcome.record.scratch or "")
        if twin is not None:
            outcome.twin_gain = resampling.between(outcome, twin, metric)
            outcome.twin_gain_percent = percent(outcome, twin, metric)
        if best is not None:
            outcome.gain = resampling.between(outcome, best, metric)
            outcome.gain_percent = percent(outcome, best, metric)
            gained.append(outcome)
    corrected = intervals.holm([outcome.gain.p for outcome in gained])
    for outcome, p in zip(gained, corrected, strict=True):
        outcome.p_gain = p


def percent(outcome: Outcome, scratch: Outcome, metric: Metric) -> float:
    """Eq. 1 from the scores averaged over replicates; NaN where a percentage of the score means nothing.

    That is where the metric's zero is that of chance, and the from-scratch score is not shown to differ.
    """
    low, high = scratch.test_interval
    if metric.zero_is_chance and not (low > 0 or high < 0):
        return NAN
    scores = outcome.mean("test"), scratch.mean("test")
    return float(transferability(*scores, metric.lower_is_better))


def transferability(value: Any, scratch: Any, lower_is_better: bool) -> Any:
    """Percent gained over no transfer: 100 · (M − M_scratch) / |M_scratch|, positive when transfer helps.

    Eq. 1 of "Cats, not CAT scans" (for the AUC, which is positive), with the sign turned for errors. NaN
    where the from-scratch score is zero.
    """
    value, scratch = np.asarray(value, dtype=float), np.asarray(scratch, dtype=float)
    sign = -1.0 if lower_is_better else 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(scratch == 0, NAN, sign * 100.0 * (value - scratch) / np.abs(scratch))
