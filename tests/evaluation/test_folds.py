"""Choosing over folds: on noise the headline is chance, whoever would have won by the mean over all folds."""

from __future__ import annotations

import numpy as np
from made_up import outcome

from tlpy.evaluation.ranking import Ranking, rank_target
from tlpy.report.verdicts import on_folds

FOLDS, PEOPLE, VARIANTS = 5, 60, 12


def of_noise(seed: int, signal: float = 0.0) -> Ranking:
    """Variants that answer by noise of their own, each fold's validation part being the next's test part."""
    rng = np.random.default_rng(seed)
    true = np.arange(PEOPLE) % 2
    fold_of = np.repeat(np.arange(FOLDS), PEOPLE // FOLDS)
    made = []
    for number in range(VARIANTS):
        score = 1 / (1 + np.exp(-(rng.normal(size=PEOPLE) + signal * number * (2 * true - 1))))
        parts = {}
        for fold in range(FOLDS):
            test, val = fold_of == fold, fold_of == (fold + 1) % FOLDS
            people = [f"sub-{i:02d}" for i in np.flatnonzero(test)]
            parts[0, fold] = (
                (true[val].astype(float), score[val]),
                (true[test].astype(float), score[test]),
                people,
            )
        made.append(outcome(f"{number:02d}", parts, baseline=number % 4 == 0))
    return rank_target("brains", made, 0, 200, stratified=True)


def test_on_noise_the_headline_is_chance() -> None:
    """The winner's own mean is far above it: 0.59 of an AUROC that is 0.5."""
    found = [of_noise(seed) for seed in range(60)]
    own = np.mean([ranking.best.mean("test") for ranking in found])
    headline = [ranking.headline.best.mean("test") for ranking in found]
    assert own > 0.56
    assert abs(np.mean(headline) - 0.5) < 3 * np.std(headline) / np.sqrt(len(found))
    excluding = [ranking.headline.over_chance.shown != 0 for ranking in found]
    excluding_own = [not low <= 0.5 <= high for low, high in (r.best.test_interval for r in found)]
    assert np.mean(excluding) <= 0.15 < np.mean(excluding_own) + 0.1
    gains = [ranking.headline.gain.value for ranking in found]
    assert abs(np.mean(gains)) < 3 * np.std(gains) / np.sqrt(len(found))


def test_each_fold_has_its_own_choice() -> None:
    ranking = of_noise(3)
    headline = ranking.headline.best
    assert headline is not None
    assert sorted(headline.picks) == list(range(FOLDS))
    by_id = {o.id: o for o in ranking.outcomes}
    for fold, pick in headline.picks.items():
        vals = {o.id: r.val["auroc"] for o in ranking.outcomes for r in o.done if r.fold == fold}
        assert vals[pick] == max(vals.values())
        (replicate,) = [r for r in by_id[pick].done if r.fold == fold]
        assert replicate in headline.replicates
    assert headline.n_test == PEOPLE
    assert "optimistic" in str(on_folds(ranking))


def test_a_variant_that_is_better_everywhere_is_the_headline() -> None:
    ranking = of_noise(1, signal=0.5)
    headline = ranking.headline.best
    assert headline is not None
    assert headline.mean("test") > 0.95
    assert ranking.headline.over_chance.shown == 1


def test_a_fold_of_one_class_has_no_part_in_the_mean() -> None:
    """Its score is not defined, though resamples of all folds are."""
    rng = np.random.default_rng(0)
    parts = {}
    for fold in range(3):
        true = np.zeros(12) if fold == 0 else np.arange(12) % 2.0
        score = 1 / (1 + np.exp(-(rng.normal(size=12) + 2 * true)))
        people = [f"sub-{fold}-{i}" for i in range(12)]
        whole = (np.arange(12) % 2.0, rng.random(12))
        parts[0, fold] = (whole, (true, score), people)
    ranking = rank_target("brains", [outcome("a", parts)], 0, 200, stratified=True)
    best = ranking.headline.best
    assert best is not None
    assert len(best.values("test")) == 2
    assert best.test_interval[0] < best.mean("test") < best.test_interval[1]
