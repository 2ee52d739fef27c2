"""The scale of a score: from resampled values to an interval and a p value.

The plain percentile interval covers too little with few subjects (0.84 to 0.92 instead of 0.95 at 15), and
has no width where no mistake was seen. What covers as it says depends on which values a score can have;
chosen by simulation (`benchmarks/intervals.py`), each is what textbooks take for the simplest of its sort:

* A **share** (0 to 1: AUROC, accuracy): percentiles, after each resampled value was moved towards a half as
  if z² units more had been tested, at random: `v + s·(½ − v) + s·ε/(2z)`, s = z²/(n + z²), ε normal. For a
  proportion these are the limits of Wilson (1927); where all is right, n/(n + z²) to 1.
* An **error** (0 and above), what is left **unexplained** (1 − R²) and a **correlation**: Student's t with
  the standard error of the bootstrap, on a scale without ends (the logarithm; Fisher's z).
* A **difference** of two variants: Student's t with the standard error of the paired bootstrap. Where two
  shares differ in no resample, ±z²/(n + z²), as Tango (1998) for proportions without a discordant pair.

A bootstrap standard error is √((n − 1)/n) of what it should be, for which Student's is corrected (Hesterberg,
What Teachers Should Know about the Bootstrap, 2015).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np

from tlpy.evaluation.student import NORMAL, exceeded_by, tail
from tlpy.metrics import registry
from tlpy.metrics.formulas import Array

Scale = registry.Scale | Literal["difference", "share difference"]

Z = NORMAL.inv_cdf(0.975)
_CENTRAL = (0.25, 0.75)  # what a share's interval always holds: near 1, all may be moved further than this
_NEAR = 0.01  # of their mean: an error of exactly 0 has no logarithm


def difference_of(scale: registry.Scale) -> Scale:
    """The scale of the difference of two scores."""
    return "share difference" if scale == "share" else "difference"


def limits(values: Array, units: float, scale: Scale, level: float) -> tuple[float, float]:
    """The interval; arguments as of `tlpy.evaluation.intervals.interval`, all values defined."""
    if scale == "share":
        shrunken = _shrunken(values, units)
        low = np.quantile(shrunken, (1 - level) / 2, method="lower")
        high = np.quantile(shrunken, (1 + level) / 2, method="higher")
        below, above = np.quantile(values, _CENTRAL)
        return float(min(low, below)), float(max(high, above))
    centre, error = _student(stretched(values, scale), units)
    reach = error * exceeded_by((1 - level) / 2, units - 1)
    if error == 0 and scale == "share difference":
        reach = _weight(units)
    ends = restored(np.array([centre - reach, centre + reach]), scale)
    return float(ends.min()), float(ends.max())


def p_value(values: Array, units: float, scale: Scale, null: float) -> float:
    """Two-sided p that the score is `null`: below 0.05 where the 95 % interval leaves it out."""
    if scale == "share":
        shrunken = _shrunken(values, units)
        beyond = min(int((shrunken <= null).sum()), int((shrunken >= null).sum()))
        below, above = np.quantile(values, _CENTRAL)
        return min(1.0, max(2.0 * (beyond + 1) / (len(values) + 1), 0.5 * float(below <= null <= above)))
    centre, error = _student(stretched(values, scale), units)
    away = abs(float(stretched(np.array([null]), scale)[0]) - centre)
    if error == 0:
        return 1.0 if away == 0 or (scale == "share difference" and away < _weight(units)) else 0.0
    return 2.0 * tail(away / error, units - 1)


def stretched(values: Array, scale: Scale) -> Array:
    """Values on a scale without ends."""
    if scale in ("error", "explained"):
        room = values if scale == "error" else 1.0 - values
        return np.log(np.maximum(room, max(_NEAR * float(room.mean()), np.finfo(float).tiny)))
    if scale == "correlation":
        return np.arctanh(np.clip(values, -1 + 1e-6, 1 - 1e-6))
    return values


def restored(values: Array, scale: Scale) -> Array:
    """The inverse of `stretched`."""
    if scale in ("error", "explained"):
        return np.exp(values) if scale == "error" else 1.0 - np.exp(values)
    return np.tanh(values) if scale == "correlation" else values


def _weight(units: float) -> float:
    """The share of the z² units that nobody tested among all."""
    return Z**2 / (units + Z**2)


def _shrunken(values: Array, units: float) -> Array:
    weight = _weight(units)
    chance = _normal(len(values))
    return np.clip(values + weight * (0.5 - values) + weight * chance / (2 * Z), 0.0, 1.0)


@lru_cache
def _normal(size: int) -> Array:
    """Evenly spaced quantiles in random order: a normal distribution without luck in its tails."""
    quantiles = [NORMAL.inv_cdf((at + 0.5) / size) for at in range(size)]
    return np.random.default_rng(size).permutation(quantiles)


def _student(values: Array, units: float) -> tuple[float, float]:
    """Centre and standard error."""
    narrow = 1.0 if math.isinf(units) else units / (units - 1)
    spread = float(np.ptp(values))
    # Sums of equal numbers need not be equal to the last digit.
    error = float(values.std()) * math.sqrt(narrow) if spread > 1e-12 * float(np.abs(values).max()) else 0.0
    return float(values.mean()), error
