"""How strongly two columns go together, numbers or categories, with an interval.

Numbers count by their ranks, so that neither a skewed scale nor a few odd values make an association.

| columns | measure | interval |
|---|---|---|
| two numbers | Spearman's rank correlation | Fisher's z with the error of Bonett & Wright, Psychometrika 65 (2000) 23-28 |
| a number, two classes | AUROC: chance that one of the second class is above one of the first | Newcombe, Statistics in Medicine 25 (2006) 559-573, method 5 |
| a number, more classes | epsilon squared: share of the ranks' variance between classes, without what chance gives (Kelley 1935; (H - k + 1) / (n - k) of Kruskal & Wallis' H) | noncentral F, Steiger, Psychological Methods 9 (2004) 164-182 |
| two categories | Cramer's V without its bias, Bergsma, Journal of the Korean Statistical Society 42 (2013) 323-328 | noncentral chi squared, Smithson (2003), Confidence Intervals, ch. 4 |

People of one family say less than strangers: where rows outnumber independent units, interval and p are those
of as many rows as there are units, which is right if relatives are alike and too wide if they are not.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtr, chdtrc, chndtr, ncfdtr, ndtr, ndtri, stdtr

from tlpy.evaluation.intervals import FEWEST, LEVEL

Numbers = NDArray[np.float64]
Codes = NDArray[np.intp]
NAN = float("nan")
Interval = tuple[float, float]


@dataclass(frozen=True)
class Association:
    """How strongly two columns go together.

    Attributes:
        measure: what `value` is.
        value: it; low, high: its 95 % interval, NaN below ten units.
        none: its value where nothing goes together.
        p: two-sided, that nothing does; NaN below ten units.
        n: rows in which both columns say something.
        units: of these, how many are independent.
    """

    measure: str
    value: float
    low: float
    high: float
    none: float
    p: float
    n: int
    units: int

    @property
    def strength(self) -> float:
        """On one scale for all measures: 0, nothing, to 1, one tells the other; as a correlation."""
        return _strength(self.measure, self.value, self.none)

    @property
    def is_shown(self) -> bool:
        """Whether the interval leaves out what no association gives."""
        return bool(np.isfinite(self.low) and not self.low <= self.none <= self.high)


SPEARMAN, AUROC, EPSILON, CRAMER = "Spearman's ρ", "AUROC", "ε²", "Cramér's V"


def _strength(measure: str, value: float, none: float) -> float:
    if measure == AUROC:
        return float(abs(2 * value - 1))
    return float(np.sqrt(max(value, 0.0))) if measure == EPSILON else abs(value - none)


def numbers(first: Numbers, second: Numbers, units: int) -> Association | None:
    """Spearman's correlation of two numbers (n,); None where one of them is constant."""
    n = len(first)
    if n < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    rho = float(np.clip(np.corrcoef(_ranks(first), _ranks(second))[0, 1], -1, 1))
    low = high = p = NAN
    if units >= FEWEST:
        # A correlation of exactly one would have an interval of no width.
        inside = float(np.clip(rho, -1 + 1 / (2 * units), 1 - 1 / (2 * units)))
        reach = _z() * float(np.sqrt((1 + inside**2 / 2) / (units - 3)))
        low = min(rho, float(np.tanh(np.arctanh(inside) - reach)))
        high = max(rho, float(np.tanh(np.arctanh(inside) + reach)))
        ratio = abs(rho) * np.sqrt((units - 2) / max(1 - rho**2, 1e-300))
        p = float(2 * stdtr(units - 2, -ratio))
    return Association(SPEARMAN, rho, low, high, 0.0, p, n, units)


def number_by_class(values: Numbers, classes: Codes, units: int) -> Association | None:
    """AUROC or epsilon squared of a number (n,) by class (n,); None where one of them is constant."""
    kinds, codes = np.unique(classes, return_inverse=True)
    if len(kinds) < 2 or np.ptp(values) == 0:
        return None
    return _auroc(values, codes, units) if len(kinds) == 2 else _epsilon(values, codes, units)


def _auroc(values: Numbers, codes: Codes, units: int) -> Association:
    n, second = len(values), int((codes == 1).sum())
    first = n - second
    ranks = _ranks(values)
    area = float((ranks[codes == 1].sum() - second * (second + 1) / 2) / (first * second))
    low = high = p = NAN
    if units >= FEWEST:
        share = units / n
        m, k = first * share, second * share
        low, high = _newcombe(area, m, k)
        _, ties = np.unique(values, return_counts=True)
        tied = float((ties**3 - ties).sum()) / (n * (n - 1))
        variance = (m + k) / n * (n + 1 - tied) / (12 * m * k)
        p = float(2 * ndtr(-abs(area - 0.5) / np.sqrt(variance)))
    return Association(AUROC, area, low, high, 0.5, p, n, units)


def _newcombe(area: float, first: float, second: float) -> Interval:
    """The areas at the edge of what is likely, if their own spread is taken: defined at 0 and 1 too."""
    balance = (first + second) / 2 - 1

    def spread(true: float) -> float:
        shape = 1 + balance * ((1 - true) / (2 - true) + true / (1 + true))
        return float(_z() * np.sqrt(max(true * (1 - true) * shape, 0.0) / (first * second)))

    # At the very ends there is no spread, and nothing would be ruled out.
    low = _root(lambda true: true + spread(true) - area, 0.0, min(area, 1 - 1e-9))
    high = _root(lambda true: true - spread(true) - area, max(area, 1e-9), 1.0)
    return min(low, area), max(high, area)


def _epsilon(values: Numbers, codes: Codes, units: int) -> Association | None:
    n, k = len(values), int(codes.max()) + 1
    if n <= k:
        return None
    ranks = _ranks(values)
    counts = np.bincount(codes)
    means = np.bincount(codes, ranks) / counts
    between = float((counts * (means - ranks.mean()) ** 2).sum())
    total = float(((ranks - ranks.mean()) ** 2).sum())
    eta = min(between / total, 1.0)
    value = max(0.0, (eta * (n - 1) - (k - 1)) / (n - k))
    low = high = p = NAN
    if units >= max(FEWEST, k + 1):
        inside = min(eta, 1 - 1 / units)  # as for a correlation of one
        ratio = inside / (k - 1) / ((1 - inside) / (units - k))
        edges = _noncentral(lambda power: float(ncfdtr(k - 1, units - k, power, ratio)), units)
        low, high = (min(power / (power + units), 1.0) for power in edges)
        low, high = min(low, value), max(high, value)
        p = float(chdtrc(k - 1, eta * (units - 1)))
    return Association(EPSILON, value, low, high, 0.0, p, n, units)


def categories(first: Codes, second: Codes, units: int) -> Association | None:
    """Cramér's V of two categories (n,); None where one of them is constant."""
    rows, row = np.unique(first, return_inverse=True)
    columns, column = np.unique(second, return_inverse=True)
    n, r, c = len(first), len(rows), len(columns)
    if r < 2 or c < 2:
        return None
    table = np.bincount(row * c + column, minlength=r * c).reshape(r, c).astype(float)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi = float(((table - expected) ** 2 / expected).sum()) / n
    freedom = (r - 1) * (c - 1)
    # As many rows as there are units, of the same shares.
    size = min(n, units)
    most = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    value = _v(phi - freedom / (n - 1), most)
    low = high = p = NAN
    if units >= FEWEST:
        statistic = phi * size
        edges = _noncentral(
            lambda power: float(chndtr(statistic, freedom, power)), size, float(chdtr(freedom, statistic))
        )
        low, high = (_v(power / size, most) for power in edges)
        low, high = min(low, value), max(high, value)
        p = float(chdtrc(freedom, statistic))
    return Association(CRAMER, value, low, high, 0.0, p, n, units)


def _v(phi: float, most: float) -> float:
    return float(min(np.sqrt(max(phi, 0.0) / max(most, 1e-12)), 1.0))


def _noncentral(below: Callable[[float], float], size: int, central: float | None = None) -> Interval:
    """The noncentralities under which what was found is just still likely, from below and above.

    Args:
        below: noncentrality → chance of what was found or less; it falls.
        size: the search starts here.
        central: the chance at a noncentrality of zero, where `below` is not defined there.
    """
    tail = (1 - LEVEL) / 2
    start = below(0.0) if central is None else central

    def edge(chance: float) -> float:
        if not start > chance:
            return 0.0
        top = float(size)
        while below(top) > chance and top < 1e7:
            top *= 2
        return _root(lambda power: chance - below(power), 1e-12, top)

    return edge(1 - tail), edge(tail)


def _root(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function crosses zero between `low` and `high`; an end where it does not."""
    if not rising(low) < 0:
        return low
    if not rising(high) > 0:
        return high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2


def _z() -> float:
    return float(ndtri((1 + LEVEL) / 2))


def _ranks(values: Numbers) -> Numbers:
    """Ranks from 1, the mean rank for equal values."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: Numbers = ends - (counts - 1) / 2
    return means[place]


def codes_of(texts: Sequence[str]) -> Codes:
    """Categories (n,) as numbers, in alphabetical order."""
    return np.unique(np.array(texts, dtype=object).astype(str), return_inverse=True)[1].astype(np.intp)
