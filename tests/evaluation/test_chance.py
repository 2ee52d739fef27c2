"""Whether the winner beats guessing, and how a gain is told: helped, harmed, or not shown."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import outcome
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.metrics import balanced_accuracy_score, log_loss, mean_absolute_error, root_mean_squared_error

from tlpy.evaluation.chance import guess
from tlpy.evaluation.ranking import Ranking, rank_target
from tlpy.metrics.registry import resampled
from tlpy.report.verdicts import on_chance, on_transfer

RNG = np.random.default_rng(0)
BINARY = (RNG.random(80) < 0.7).astype(float)
CLASSES = RNG.integers(0, 3, 80).astype(float)
AGES = RNG.uniform(20, 80, 81)


def guessed(task: str, metric: str, true: np.ndarray) -> float:
    return float(resampled(metric, task, true, guess(task, metric, true))[0])


def test_the_guess_is_scikit_learns_dummy() -> None:
    ones = np.zeros((81, 1))
    median = DummyRegressor(strategy="median").fit(ones, AGES).predict(ones)
    mean = DummyRegressor().fit(ones, AGES).predict(ones)
    prior = DummyClassifier(strategy="prior").fit(ones[:80], BINARY).predict_proba(ones[:80])
    shares = DummyClassifier(strategy="prior").fit(ones[:80], CLASSES).predict_proba(ones[:80])
    assert guessed("regression", "mae", AGES) == pytest.approx(mean_absolute_error(AGES, median))
    assert guessed("regression", "rmse", AGES) == pytest.approx(root_mean_squared_error(AGES, mean))
    assert guessed("regression", "r2", AGES) == pytest.approx(0.0, abs=1e-9)
    assert guessed("binary", "auroc", BINARY) == 0.5
    assert guessed("binary", "log_loss", BINARY) == pytest.approx(log_loss(BINARY, prior))
    assert guessed("binary", "average_precision", BINARY) == pytest.approx(BINARY.mean())
    assert guessed("binary", "accuracy", BINARY) == pytest.approx(BINARY.mean())
    assert guessed("multiclass", "log_loss", CLASSES) == pytest.approx(log_loss(CLASSES, shares))
    assert guessed("multiclass", "auroc", CLASSES) == 0.5
    called = np.zeros(80)
    assert guessed("binary", "balanced_accuracy", BINARY) == balanced_accuracy_score(BINARY, called)


def ranked(strengths: dict[str, float], n: int = 80, seeds: int = 1, task: str = "binary") -> Ranking:
    """Variants whose answers go with the truth as strongly as told; names with `scratch` are baselines."""
    made = []
    rng = np.random.default_rng(7)
    true = {part: (rng.permutation(n) % 2).astype(float) for part in ("val", "test")}
    if task == "regression":
        true = {part: rng.uniform(20, 80, n) for part in ("val", "test")}
    for name, strength in strengths.items():
        parts = {}
        for seed in range(seeds):
            score = {}
            for part, values in true.items():
                noise = rng.normal(size=n)
                if task == "regression":
                    score[part] = 50 + strength * (values - 50) + 6 * noise
                else:
                    score[part] = 1 / (1 + np.exp(-(strength * (2 * values - 1) + noise)))
            people = [f"sub-{i}" for i in range(n)]
            parts[seed, None] = ((true["val"], score["val"]), (true["test"], score["test"]), people)
        made.append(outcome(name, parts, task, baseline="scratch" in name))
    return rank_target("brains", made, 0, 500, stratified=True)


def test_a_winner_of_noise_is_said_not_to_beat_guessing() -> None:
    text = on_chance(ranked({"a": 0.0, "scratch": 0.0}))
    assert text is not None
    assert text.startswith("<strong>Not shown better than guessing</strong>: AUROC 0.")
    assert on_chance(ranked({"a": 1.0, "scratch": 0.0})) is None
    few = on_chance(ranked({"a": 2.0, "scratch": 0.0}, n=8))
    assert few is not None
    assert "8 independent subjects or groups, too few to tell" in few
    age = on_chance(ranked({"a": 0.0, "scratch": 0.0}, task="regression"))
    assert age is not None
    assert "guessing the middle of the test labels" in age
    assert on_chance(ranked({"a": 0.9, "scratch": 0.0}, task="regression")) is None


def test_a_gain_is_told_as_help_harm_or_not_shown() -> None:
    helped = str(on_transfer(ranked({"a": 2.0, "scratch": 0.0})))
    assert helped.startswith("<strong>Transfer helped</strong>: +0.")
    assert "AUROC (95 % interval +0." in helped
    assert "over the best training from scratch (+" in helped
    harm = str(on_transfer(ranked({"a": 0.0, "scratch": 2.0})))
    assert harm.startswith("<strong>Transfer did harm</strong>: −0.")
    equal = str(on_transfer(ranked({"a": 0.3, "scratch": 0.3})))
    assert "does not show that transfer helped" in equal
    assert "does not show that transfer helped" in str(on_transfer(ranked({"a": 2, "scratch": 0}, n=8)))
    years = str(on_transfer(ranked({"a": 1.0, "scratch": 0.0}, task="regression")))
    assert "mean absolute error" in years
    assert "lower (95 % interval of what is saved +" in years
    assert on_transfer(ranked({"scratch": 1.0})) is None


def test_the_twin_does_not_stand_in_for_the_best_from_scratch() -> None:
    """A better training from scratch, with other settings, is what a gain is told against."""
    ranking = ranked({"transfer": 1.0, "scratch weak": 0.1, "scratch strong": 1.0})
    assert ranking.best_scratch is not None
    assert ranking.best_scratch.id == "scratch strong"
    assert ranking.headline.gain.value == pytest.approx(
        ranking.best_transfer.mean("test") - ranking.best_scratch.mean("test")
    )


def test_percent_of_an_r2_near_zero_is_not_given() -> None:
    ranking = ranked({"a": 0.9, "scratch": 0.0}, task="regression")
    assert np.isfinite(ranking.headline.gain_percent)
    of_r2 = rank_target(
        "brains",
        [outcome(o.id, {(r.seed, r.fold): (_part(r), _part(r), list(r.cases.subjects)) for r in o.done},
                 "regression", o.baseline, "r") for o in ranking.outcomes],
        0, 500, stratified=True,
    )  # fmt: skip
    assert np.isnan(of_r2.headline.gain_percent)
    assert of_r2.headline.gain.shown == 1


def _part(replicate) -> tuple[np.ndarray, np.ndarray]:
    return replicate.cases.true, replicate.cases.score


def test_seeds_widen_the_interval() -> None:
    """Trainings that differ more than the test cases can tell make the interval as wide as they are."""
    narrow = ranked({"a": 1.0, "scratch": 0.0}, n=400)
    rng = np.random.default_rng(1)
    true = (rng.permutation(400) % 2).astype(float)
    parts = {}
    for seed, strength in enumerate((0.2, 1.0, 2.5)):
        score = 1 / (1 + np.exp(-(strength * (2 * true - 1) + rng.normal(size=400))))
        parts[seed, None] = ((true, score), (true, score), [f"sub-{i}" for i in range(400)])
    wide = rank_target("brains", [outcome("a", parts)], 0, 500, stratified=True)
    width = [high - low for low, high in (narrow.best.test_interval, wide.best.test_interval)]
    assert width[1] > 2 * width[0]
