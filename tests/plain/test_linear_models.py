"""Ridge and logistic regression give what scikit-learn gives for the same strength, wide or tall."""

from __future__ import annotations

import numpy as np
import pytest
from made_cases import cases
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from tlpy.plain.base import Question
from tlpy.plain.features import LinearFeatures
from tlpy.plain.linear_models import Standardised, logistic_path, ridge_path
from tlpy.records import Head

PENALTIES = (1e5, 100.0, 1.0, 0.01)
TALL, WIDE = (60, 7), (20, 300)
AGE = Head("age", "regression")


def drawn(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=shape) @ rng.normal(size=(shape[1], shape[1])) / shape[1] ** 0.5
    return (mixed - mixed.mean(0)) / mixed.std(0)


@pytest.mark.parametrize("shape", [TALL, WIDE])
def test_ridge_is_scikit_learns(shape: tuple[int, int]) -> None:
    features, new = drawn(shape), drawn(shape, 1)
    target = features[:, 0] * 3 + 40 + np.random.default_rng(2).normal(size=shape[0])
    for penalty, model in zip(PENALTIES, ridge_path(features, target, PENALTIES), strict=True):
        theirs = Ridge(alpha=penalty).fit(features, target)
        np.testing.assert_allclose(model(new)[:, 0], theirs.predict(new), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("shape", [TALL, WIDE])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("balanced", [False, True])
def test_logistic_regression_is_scikit_learns_on_the_features_themselves(
    shape: tuple[int, int], classes: int, balanced: bool
) -> None:
    features, new = drawn(shape), drawn(shape, 1)
    rng = np.random.default_rng(3)
    target = np.minimum(
        (features[:, 0] + rng.normal(size=len(features)) > 0.6) * 1.0 + (features[:, 1] > 0.8), classes - 1
    )
    assert len(np.unique(target)) == classes
    paths = logistic_path(features, target, PENALTIES, balanced)
    for penalty, model in zip(PENALTIES, paths, strict=True):
        theirs = LogisticRegression(
            C=1 / penalty, max_iter=10_000, tol=1e-8, class_weight="balanced" if balanced else None
        ).fit(features, target)
        outputs, expected = model(new), theirs.predict_proba(new)
        found = 1 / (1 + np.exp(-outputs[:, 0])) if classes == 2 else np.exp(outputs)
        found = np.stack([1 - found, found], 1) if classes == 2 else found / found.sum(1, keepdims=True)
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_features_are_standardised_by_the_training_part_alone() -> None:
    features = np.random.default_rng(0).normal(5, 3, size=(30, 4))
    features[:, 2] = 7.1  # the same for all: it says nothing, there or elsewhere
    scaling = Standardised.by(features)
    theirs = StandardScaler().fit(features)
    new = features + np.array([0.0, 1.0, 50.0, 0.0])
    expected = theirs.transform(new)
    expected[:, 2] = 0
    np.testing.assert_allclose(scaling(new), expected, atol=1e-9)
    assert scaling.varying == 3


def test_the_strength_is_the_one_best_on_validation_by_the_metric() -> None:
    rng = np.random.default_rng(1)
    weights = rng.normal(size=40)
    parts = {}
    for part, count in (("train", 30), ("val", 200), ("test", 200)):
        features = rng.normal(size=(count, 1, 40))
        age = 50 + features[:, 0] @ weights + rng.normal(scale=6, size=count)
        parts[part] = cases(features, {"age": age})
    question, strengths = Question(AGE, "mae"), (0.001, 0.1, 1.0, 10.0, 1000.0)
    baseline = LinearFeatures(strengths=strengths)
    baseline.fit(question, parts["train"], parts["val"])
    scaler = StandardScaler().fit(baseline.features(parts["train"]))
    train, val, test = (scaler.transform(baseline.features(parts[part])) for part in parts)
    models = {s: Ridge(alpha=s * 40).fit(train, question.truth(parts["train"])) for s in strengths}
    errors = {s: np.abs(m.predict(val) - question.truth(parts["val"])).mean() for s, m in models.items()}
    best = min(errors, key=lambda s: errors[s])
    assert baseline.settled() == {"strength": best, "chosen_on": "validation", "features": 40}
    np.testing.assert_allclose(baseline.predict(parts["test"]), models[best].predict(test), rtol=1e-6)


def test_without_validation_images_or_a_score_there_the_strength_is_1() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(30, 1, 5))
    sex = Head("sex", "binary", ("F", "M"))
    train = cases(features, {"sex": np.where(features[:, 0, 0] > 0, "M", "F")})
    women = cases(features[:4], {"sex": ["F"] * 4})
    nobody = cases(features[:0], {"sex": []})
    for val in (women, nobody):
        baseline = LinearFeatures(strengths=[0.01, 100.0])
        baseline.fit(Question(sex, "auroc"), train, val)
        assert baseline.settled() == {"strength": 1.0, "chosen_on": "default", "features": 5}


def test_of_equally_good_strengths_the_finer_score_tells_and_then_the_strongest() -> None:
    features = np.repeat([[[-1.0]], [[1.0]]], 20, axis=0)
    sex = Head("sex", "binary", ("F", "M"))
    parts = cases(features, {"sex": ["F"] * 20 + ["M"] * 20})
    baseline = LinearFeatures(strengths=[0.01, 1.0, 100.0])
    baseline.fit(Question(sex, "auroc"), parts, parts)
    # Each ranks all cases rightly; the log loss is best with the weakest penalty.
    assert baseline.strength == 0.01
    noise = cases(np.tile(features[:1], (40, 1, 1)), {"sex": ["F"] * 20 + ["M"] * 20})
    baseline.fit(Question(sex, "auroc"), noise, noise)
    assert baseline.strength == 100.0
