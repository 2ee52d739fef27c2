"""The bootstrap: groups stay whole, strata keep their size, draws repeat, and it covers what it says."""

from __future__ import annotations

import time

import numpy as np
import pytest

from tlpy.evaluation import intervals
from tlpy.evaluation.results import Predictions
from tlpy.metrics.registry import compute


def cases(true: np.ndarray, score: np.ndarray, groups: list[str] | None = None) -> Predictions:
    images = tuple(f"i{at}" for at in range(len(true)))
    return Predictions(images, images, tuple(groups) if groups else images, np.asarray(true, float), score)


def test_draws_repeat_whatever_the_order() -> None:
    strata = {f"s{i}": i % 2 for i in range(20)}
    first = intervals.draw(strata, resamples=50, seed=3)
    again = intervals.draw(dict(reversed(strata.items())), resamples=50, seed=3)
    assert first.column == again.column
    assert (first.counts == again.counts).all()
    assert (first.counts != intervals.draw(strata, resamples=50, seed=4).counts).any()


def test_each_stratum_keeps_its_size() -> None:
    strata = {f"s{i}": "M" if i < 5 else "F" for i in range(30)}
    draws = intervals.draw(strata, resamples=200)
    men = [draws.column[name] for name, stratum in strata.items() if stratum == "M"]
    assert (draws.counts[:, men].sum(axis=1) == 5).all()
    assert (draws.counts.sum(axis=1) == 30).all()


def test_strata_know_class_fold_and_mixed_groups() -> None:
    a = cases(np.array([0, 1, 1]), np.zeros(3), ["x", "y", "x"])
    b = cases(np.array([0]), np.zeros(1), ["z"])
    strata = intervals.strata_of([(0, a), (1, b), (1, a)], "binary")
    assert strata["x"] == (("0", "1"), "mixed")
    assert strata["y"] == (("0", "1"), "1.0")
    assert strata["z"] == (("1",), "0.0")
    assert len(set(intervals.strata_of([(0, a)], "binary", stratified=False).values())) == 1
    assert len(set(intervals.strata_of([(0, a)], "regression").values())) == 1


def test_resampling_equals_the_slow_way() -> None:
    rng = np.random.default_rng(0)
    true, score = rng.integers(0, 2, 40), rng.random(40)
    groups = [f"g{i // 2}" for i in range(40)]
    data = cases(true, score, groups)
    draws = intervals.draw(intervals.strata_of([(None, data)], "binary"), resamples=30, seed=1)
    fast = intervals.scores("auroc", "binary", data, draws)
    for row, counts in zip(fast, draws.counts, strict=True):
        times = [counts[draws.column[group]] for group in groups]
        slow = compute("binary", np.repeat(true, times), np.repeat(score, times))["auroc"]
        assert row == pytest.approx(slow, nan_ok=True)


def test_images_of_one_subject_do_not_narrow_the_interval() -> None:
    rng = np.random.default_rng(1)
    true, score = rng.normal(50, 10, 30), rng.normal(50, 10, 30)
    alone = cases(true, score, [f"s{i}" for i in range(30)])
    fourfold = cases(np.tile(true, 4), np.tile(score, 4), [f"s{i}" for i in range(30)] * 4)
    widths = []
    for data in (alone, fourfold):
        draws = intervals.draw(intervals.strata_of([(None, data)], "regression"), seed=0)
        low, high = intervals.interval(intervals.scores("mae", "regression", data, draws))
        widths.append(high - low)
    assert widths[0] == pytest.approx(widths[1])


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    covered, repeats = 0, 200
    for _ in range(repeats):
        errors = rng.normal(0, 5, 80)
        data = cases(np.zeros(80), errors)
        draws = intervals.draw(intervals.strata_of([(None, data)], "regression"), resamples=300, seed=0)
        low, high = intervals.interval(intervals.scores("mae", "regression", data, draws))
        covered += low <= 5 * np.sqrt(2 / np.pi) <= high
    assert 0.88 <= covered / repeats <= 0.99


def test_p_value_and_holm() -> None:
    rng = np.random.default_rng(3)
    assert intervals.p_value(rng.normal(5, 1, 999)) == pytest.approx(0.002)
    assert intervals.p_value(rng.normal(0, 1, 999)) > 0.5
    assert intervals.p_value(np.zeros(999)) == 1.0
    assert np.isnan(intervals.p_value(np.full(10, np.nan)))
    adjusted = intervals.holm([0.04, 0.01, float("nan"), 0.03])
    assert adjusted[:2] == pytest.approx([0.06, 0.03])
    assert np.isnan(adjusted[2])
    assert adjusted[3] == pytest.approx(0.06)


def test_interval_is_withheld_when_most_resamples_are_undefined() -> None:
    values = np.full(100, np.nan)
    values[:20] = 0.5
    assert np.isnan(intervals.interval(values)).all()
    values[:60] = 0.5
    assert intervals.interval(values) == (0.5, 0.5)


def test_a_thousand_resamples_of_a_thousand_subjects_are_quick() -> None:
    rng = np.random.default_rng(4)
    data = cases(rng.integers(0, 2, 1000), rng.random(1000))
    draws = intervals.draw(intervals.strata_of([(None, data)], "binary"))
    start = time.perf_counter()
    intervals.scores("auroc", "binary", data, draws)
    assert time.perf_counter() - start < 1.0  # 0.05 s on an idle core; other tests share it
