"""Intervals and p values are those of textbooks where these have one, and agree with each other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tlpy.evaluation.intervals import interval, p_value
from tlpy.evaluation.scales import Scale, difference_of, restored, stretched
from tlpy.evaluation.student import exceeded_by, tail
from tlpy.metrics.registry import METRICS

SCALES: tuple[Scale, ...] = ("error", "explained", "correlation", "difference", "share difference")


@pytest.mark.parametrize(("right", "n"), [(15, 15), (14, 15), (8, 15), (27, 30), (0, 12), (80, 100)])
def test_a_proportion_has_wilsons_interval(right: int, n: int) -> None:
    values = np.random.default_rng(0).binomial(n, right / n, 200_000) / n
    low, high = interval(values, n, "share")
    wilson = stats.binomtest(right, n).proportion_ci(method="wilson")
    # Wilson's is worked out with a normal distribution for what has steps of 1/n.
    assert low == pytest.approx(wilson.low, abs=0.02)
    assert high == pytest.approx(wilson.high, abs=0.02)
    assert high > low


def test_all_right_is_not_certainty() -> None:
    low, high = interval(np.ones(1000), 15, "share")
    assert low == pytest.approx(stats.binomtest(15, 15).proportion_ci(method="wilson").low, abs=0.01)
    assert high == 1.0
    assert p_value(np.ones(1000), 15, "share", null=0.5) < 0.05
    assert p_value(np.ones(1000), 15, "share", null=0.95) > 0.05


def test_two_variants_that_never_differ_are_not_shown_to_be_equal() -> None:
    """Tango (1998), no discordant pair: the score test of a difference d ends where n·d/(1 − d) = z²."""
    low, high = interval(np.zeros(1000), 30, difference_of("share"))
    z2 = stats.norm.ppf(0.975) ** 2
    assert 30 * high / (1 - high) == pytest.approx(z2)
    assert low == -high
    assert p_value(np.zeros(1000), 30, difference_of("share")) == 1.0
    assert p_value(np.zeros(1000), 30, difference_of("error")) == 1.0


def test_a_mean_difference_has_students_interval_and_p() -> None:
    n, rng = 12, np.random.default_rng(5)
    sample = rng.normal(0.4, 1, n)
    values = (rng.multinomial(n, np.full(n, 1 / n), size=200_000) @ sample) / n
    student = stats.ttest_1samp(sample, 0)
    assert interval(values, n) == pytest.approx(tuple(student.confidence_interval(0.95)), abs=0.01)
    assert p_value(values, n) == pytest.approx(student.pvalue, abs=0.005)


def test_a_correlation_has_fishers_interval() -> None:
    n, rng = 200, np.random.default_rng(6)
    r = np.tanh(rng.normal(np.arctanh(0.9), 1 / np.sqrt(n - 3), 100_000))
    found = interval(r, float("inf"), "correlation")
    z = np.arctanh(0.9) + np.array([-1, 1]) * stats.norm.ppf(0.975) / np.sqrt(n - 3)
    assert found == pytest.approx(tuple(np.tanh(z)), abs=0.002)


@pytest.mark.parametrize("scale", SCALES)
def test_stretching_has_an_inverse_and_no_end_is_passed(scale: Scale) -> None:
    values = np.array([0.05, 0.3, 0.7, 0.95])
    assert restored(stretched(values, scale), scale) == pytest.approx(values)
    low, high = interval(np.random.default_rng(7).choice(values, 500), 10, scale)
    assert low < 0.5 < high
    assert scale != "error" or low > 0
    assert scale not in ("explained", "correlation") or high < 1


def test_errors_of_exactly_zero_have_an_interval() -> None:
    values = np.random.default_rng(8).choice([0.0, 0.5, 1.0], 1000)
    low, high = interval(values, 20, "error")
    assert 0 < low < 0.5 < high < np.inf
    assert np.isfinite(interval(np.zeros(1000), 20, "error")).all()


@pytest.mark.parametrize("scale", ["share", *SCALES])
def test_p_agrees_with_the_interval(scale: Scale) -> None:
    rng = np.random.default_rng(9)
    for middle in np.linspace(0.15, 0.85, 40):
        for units in (10.0, 30.0, 100.0):
            values = np.clip(rng.normal(middle, 0.12, 999), 0.01, 0.99)
            low, high = interval(values, units, scale)
            p = p_value(values, units, scale, null=0.5)
            assert 0 < p <= 1
            if scale != "share" or abs(p - 0.05) > 0.004:
                assert (p < 0.05) == (low > 0.5 or high < 0.5)


def test_every_metric_has_a_scale_its_values_are_on() -> None:
    assert {name: metric.scale for name, metric in METRICS.items() if metric.scale != "share"} == {
        "mae": "error",
        "rmse": "error",
        "r2": "explained",
        "r": "correlation",
        "log_loss": "error",
        "loss": "error",
    }


def test_a_share_near_one_lies_in_its_interval() -> None:
    values = 1 - np.random.default_rng(10).choice([0, 0, 0, 0.004, 0.02], 1000)
    low, high = interval(values, 30, "share")
    assert low < np.median(values) <= values.max() <= high
    assert p_value(values, 30, "share", null=0.999) >= 0.05


@pytest.mark.parametrize("freedom", [1, 1.3, 2, 3.7, 14, 99, 5000, 1e6, float("inf")])
def test_students_distribution_is_scipys(freedom: float) -> None:
    for t in (0.0, 0.3, 1.0, 2.2, 5.0, 9.0):
        assert tail(t, freedom) == pytest.approx(stats.t.sf(t, freedom), rel=1e-4, abs=1e-15)
    for share in (0.5, 0.2, 0.025, 0.001):
        assert exceeded_by(share, freedom) == pytest.approx(stats.t.isf(share, freedom), rel=1e-3, abs=1e-3)
