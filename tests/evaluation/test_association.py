"""Measures of association: values against scipy and scikit-learn, intervals against a known truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from tlpy.evaluation.association import Association, categories, number_by_class, numbers

RNG = np.random.default_rng(3)


def test_two_numbers_go_by_spearman() -> None:
    first = RNG.normal(size=40)
    second = np.round(first + RNG.normal(size=40), 1)
    found = numbers(first, np.exp(second), 40)
    expected = stats.spearmanr(first, second)
    assert found is not None
    assert (found.value, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.low < found.value < found.high


def test_a_number_by_two_classes_is_the_auroc() -> None:
    classes = (RNG.random(50) < 0.4).astype(int)
    values = np.round(RNG.normal(size=50) + classes, 1)
    found = number_by_class(values, classes, 50)
    test = stats.mannwhitneyu(
        values[classes == 1], values[classes == 0], use_continuity=False, method="asymptotic"
    )
    assert found is not None
    assert found.value == pytest.approx(roc_auc_score(classes, values))
    assert found.p == pytest.approx(test.pvalue)
    assert found.strength == pytest.approx(abs(2 * found.value - 1))


def test_a_number_by_more_classes_is_that_of_kruskal_and_wallis() -> None:
    classes = RNG.integers(0, 3, 60)
    values = np.round(RNG.normal(size=60) + classes, 1)
    found = number_by_class(values, classes, 60)
    test = stats.kruskal(*(values[classes == k] for k in range(3)))
    assert found is not None
    assert found.value == pytest.approx((test.statistic - 3 + 1) / (60 - 3))
    assert found.p == pytest.approx(test.pvalue)


def test_two_categories_go_by_cramer_without_its_bias() -> None:
    first = RNG.integers(0, 3, 60)
    second = np.where(RNG.random(60) < 0.5, first, RNG.integers(0, 3, 60))
    found = categories(first, second, 60)
    table = stats.contingency.crosstab(first, second).count
    plain = stats.contingency.association(table, method="cramer")
    # Bergsma 2013, eq. 2.4 and 2.6
    squared = max(0.0, plain**2 * 2 - 4 / 59)
    assert found is not None
    assert found.value == pytest.approx(np.sqrt(squared / (3 - 4 / 59 - 1)))
    assert found.p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)


def draws(n: int, shift: float) -> dict[str, tuple[Callable[[], Association | None], float]]:
    """A way to draw each measure from `n` rows, and what it truly is."""
    cuts = np.arange(n) % 2

    def pair() -> Association | None:
        first = RNG.normal(size=n)
        return numbers(first, first * shift + RNG.normal(size=n), n)

    def area() -> Association | None:
        return number_by_class(RNG.normal(size=n) + shift * cuts, cuts, n)

    def table() -> Association | None:
        second = np.where(RNG.random(n) < shift / 2, cuts, RNG.integers(0, 2, n))
        return categories(cuts, second, n)

    r = shift / np.sqrt(1 + shift**2)
    return {
        "rho": (pair, 6 / np.pi * np.arcsin(r / 2)),
        "auroc": (area, stats.norm.cdf(shift / np.sqrt(2))),
        "v": (table, shift / 2),
    }


@pytest.mark.parametrize("name", ["rho", "auroc", "v"])
@pytest.mark.parametrize("n", [15, 60])
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_truth_is_in_nineteen_of_twenty_intervals(name: str, n: int, shift: float) -> None:
    draw, truth = draws(n, shift)[name]
    found = [one for one in (draw() for _ in range(400)) if one is not None]
    held = np.mean([one.low - 1e-9 <= truth <= one.high + 1e-9 for one in found])
    assert 0.92 <= held <= 0.995
    if shift == 0:
        assert np.mean([one.is_shown for one in found]) <= 0.08


def test_what_is_certain_in_few_rows_is_not_certain() -> None:
    half = np.repeat([0, 1], 6)
    area = number_by_class(half.astype(float), half, 12)
    v = categories(half, half, 12)
    rho = numbers(np.arange(12.0), np.arange(12.0), 12)
    thirds = number_by_class(np.repeat([0.0, 1, 2], 5), np.repeat([0, 1, 2], 5), 15)
    for found in (area, v, rho, thirds):
        assert found is not None
        assert found.value == pytest.approx(1)
        assert found.low < 0.96
        assert found.high == pytest.approx(1)


def test_relatives_do_not_make_evidence() -> None:
    """Ten families of ten alike: the interval is that of ten people, not of a hundred."""
    first, second = RNG.normal(size=10), RNG.normal(size=10)
    alone = numbers(first, second, 10)
    together = numbers(np.repeat(first, 10), np.repeat(second, 10), 10)
    assert alone is not None
    assert together is not None
    assert (alone.value, alone.low, alone.high, alone.p) == pytest.approx(
        (together.value, together.low, together.high, together.p)
    )
    few = numbers(np.repeat(first[:9], 10), np.repeat(second[:9], 10), 9)
    assert few is not None
    assert np.isnan([few.low, few.high, few.p]).all()


def test_what_does_not_differ_goes_with_nothing() -> None:
    same, varied, codes = np.ones(20), np.arange(20.0), np.arange(20) % 2
    assert numbers(same, varied, 20) is None
    assert number_by_class(same, codes, 20) is None
    assert number_by_class(varied, np.zeros(20, int), 20) is None
    assert categories(np.zeros(20, int), codes, 20) is None
