"""Student's t distribution without SciPy, which takes longer to import than ranking takes."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

import numpy as np

NORMAL = NormalDist()
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(100)
_MANY = 1e7  # degrees of freedom from which on it is the normal distribution


def tail(t: float, freedom: float) -> float:
    """The probability of more than `t`, ≥ 0, with `freedom` ≥ 1 degrees of freedom (not only whole ones).

    With t = √ν·tan u the density becomes Γ((ν + 1)/2) / (√π·Γ(ν/2)) · cosᵛ⁻¹ u, summed by Gauss and Legendre.
    """
    if freedom >= _MANY:
        return NORMAL.cdf(-t)
    start = math.atan(t / math.sqrt(freedom))
    end = min(math.pi / 2, start + 12 / math.sqrt(freedom))
    angles = start + (end - start) * (_NODES + 1) / 2
    factor = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi)
    return factor * float(_WEIGHTS @ np.cos(angles) ** (freedom - 1)) * (end - start) / 2


@lru_cache
def exceeded_by(share: float, freedom: float) -> float:
    """The `t` that a `share` ≤ 0.5 exceeds: the inverse of `tail`, by bisection."""
    if freedom >= _MANY:
        return -NORMAL.inv_cdf(share)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        above = tail(math.sqrt(freedom) * math.tan(middle), freedom) > share
        low, high = (middle, high) if above else (low, middle)
    return math.sqrt(freedom) * math.tan(low)
