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
    covered, repeats = 0, 400
    for _ in range(repeats):
        errors = rng.normal(0, 5, 15)
        data = cases(np.zeros(15), errors)
        draws = intervals.draw(intervals.strata_of([(None, data)], "regression"), resamples=300, seed=0)
        values = intervals.scores("mae", "regression", data, draws)
        low, high = intervals.interval(values, draws.units("mae"), "error")
        covered += low <= 5 * np.sqrt(2 / np.pi) <= high
    assert 0.93 <= covered / repeats <= 0.98  # the plain percentile interval: 0.91


def test_holm_corrects_and_leaves_out_what_is_undefined() -> None:
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
    assert np.isfinite(intervals.interval(values, 30, "share")).all()


def test_a_thousand_resamples_of_a_thousand_subjects_are_quick() -> None:
    rng = np.random.default_rng(4)
    data = cases(rng.integers(0, 2, 1000), rng.random(1000))
    draws = intervals.draw(intervals.strata_of([(None, data)], "binary"))
    start = time.perf_counter()
    intervals.scores("auroc", "binary", data, draws)
    assert time.perf_counter() - start < 1.0  # 0.05 s on an idle core; other tests share it


@pytest.mark.parametrize(
    ("metric", "units"),
    [("accuracy", 24.0), ("sensitivity", 5.0), ("specificity", 19.0), ("auroc", 4 / (1 / 5 + 1 / 19))],
)
def test_how_many_units_a_metric_rests_on(metric: str, units: float) -> None:
    """Three patients and eighteen controls, and three with images of both, in whatever folds."""
    names = ["1.0"] * 3 + ["0.0"] * 17 + ["mixed"] * 4
    strata = {f"s{at}": ((str(at % 2),), name) for at, name in enumerate(names)}
    assert intervals.draw(strata, 10).units(metric) == pytest.approx(units)
    assert intervals.draw(dict.fromkeys(strata, "")).units(metric) == 24


def test_seeds_alone_give_their_own_spread_and_one_seed_none() -> None:
    full = [0.7, 0.8, 0.75, 0.9]
    still = [np.full(20_000, score) for score in full]
    values = intervals.over_seeds(still, full)
    assert values.mean() == pytest.approx(np.mean(full), abs=0.002)
    assert values.std() == pytest.approx(np.std(full, ddof=1) / 2, rel=0.02)
    units = np.random.default_rng(7).normal(0.8, 0.1, 500)
    assert (intervals.over_seeds([units], [0.8]) == units).all()


@pytest.mark.parametrize(("seeds", "least"), [(3, 0.87), (5, 0.91), (10, 0.93)])
def test_a_known_spread_of_seeds_is_covered(seeds: int, least: float) -> None:
    """Units vary by 1, seeds by 2: units alone cover the mean over all seeds far too seldom."""
    rng = np.random.default_rng(11)
    both = alone = 0
    spread = 0.0
    repeats = 600
    for _ in range(repeats):
        full = rng.normal() + 2 * rng.normal(size=seeds)
        resampled = full[:, None] + rng.normal(size=500)
        values = intervals.over_seeds(list(resampled), list(full))
        spread += values.var() / repeats
        for found, counted in ((values, "both"), (resampled.mean(axis=0), "alone")):
            low, high = intervals.interval(found, 100)
            if low <= 0 <= high:
                both, alone = both + (counted == "both"), alone + (counted == "alone")
    assert spread == pytest.approx(1 + 4 / seeds, rel=0.06)
    assert least <= both / repeats <= 0.97
    assert both > alone


def test_two_variants_with_the_same_seeds_stay_paired() -> None:
    """What a seed adds to both is gone from their difference."""
    rng = np.random.default_rng(8)
    first = rng.normal(0.8, 0.05, (3, 500))
    luck = np.array([0.1, -0.2, 0.1])
    a = intervals.over_seeds(list(first), [0.8, 0.8, 0.8])
    b = intervals.over_seeds(list(first + luck[:, None]), list(0.8 + luck))
    shared = intervals.over_seeds(list(first + luck[:, None] + 0.03), list(0.83 + luck))
    assert (b - a).std() > 0.05
    assert np.ptp(shared - b) < 1e-12


def test_undefined_resamples_of_one_seed_leave_the_others() -> None:
    values = intervals.over_seeds([np.array([np.nan, 1.0, np.nan]), np.array([2.0, 3.0, np.nan])], [1.5, 1.5])
    assert values[:2] == pytest.approx([2.0, 2.0])
    assert np.isnan(values[2])
