"""Every metric against scikit-learn or SciPy, with ties, weights and the cases where it is undefined."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest

from tlpy.errors import InputError
from tlpy.metrics import registry as metrics

sk = pytest.importorskip("sklearn.metrics")


def binary_case(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 2, n)
    true[:2] = [0, 1]
    return true, np.round(np.clip(0.3 * true + rng.random(n) * 0.7, 0, 1), 1)  # rounded: many ties


def multiclass_case(seed: int, n: int = 80, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = np.r_[np.arange(classes), rng.integers(0, classes, n - classes)]
    logits = rng.normal(size=(n, classes)) + np.eye(classes)[true]
    score = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return true, score


def sklearn_binary(true: np.ndarray, score: np.ndarray, w: np.ndarray | None = None) -> dict[str, float]:
    called = score >= 0.5
    return {
        "auroc": sk.roc_auc_score(true, score, sample_weight=w),
        "average_precision": sk.average_precision_score(true, score, sample_weight=w),
        "accuracy": sk.accuracy_score(true, called, sample_weight=w),
        "balanced_accuracy": sk.balanced_accuracy_score(true, called, sample_weight=w),
        "sensitivity": sk.recall_score(true, called, sample_weight=w),
        "specificity": sk.recall_score(true, called, pos_label=0, sample_weight=w),
        "f1": sk.f1_score(true, called, sample_weight=w),
        "log_loss": sk.log_loss(true, score, sample_weight=w, labels=[0, 1]),
    }


@pytest.mark.parametrize("seed", range(5))
def test_binary_equals_sklearn(seed: int) -> None:
    true, score = binary_case(seed)
    found = metrics.compute("binary", true, score)
    assert next(iter(found)) == "auroc"
    assert found == pytest.approx(sklearn_binary(true, score), abs=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_multiclass_equals_sklearn(seed: int) -> None:
    true, score = multiclass_case(seed)
    called = score.argmax(axis=1)
    assert metrics.compute("multiclass", true, score) == pytest.approx(
        {
            "auroc": sk.roc_auc_score(true, score, multi_class="ovr", average="macro"),
            "accuracy": sk.accuracy_score(true, called),
            "balanced_accuracy": sk.balanced_accuracy_score(true, called),
            "f1": sk.f1_score(true, called, average="macro"),
            "log_loss": sk.log_loss(true, score),
        },
        abs=1e-10,
    )


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_regression_equals_sklearn(offset: float) -> None:
    rng = np.random.default_rng(3)
    true = offset + 40 + 12 * rng.normal(size=50)
    score = true + 5 * rng.normal(size=50)
    assert metrics.compute("regression", true, score) == pytest.approx(
        {
            "mae": sk.mean_absolute_error(true, score),
            "rmse": np.sqrt(sk.mean_squared_error(true, score)),
            "r2": sk.r2_score(true, score),
            "r": np.corrcoef(true, score)[0, 1],
        },
        rel=1e-8,
    )


def test_drawing_a_case_k_times_equals_repeating_it() -> None:
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 4, size=(3, 60)).astype(float)
    weights[:, :2] = 1.0
    true, score = binary_case(1)
    value = 30 + 10 * rng.normal(size=60)
    guess = value + rng.normal(size=60)
    classes, probabilities = multiclass_case(2, n=60)
    for task, t, s in (
        ("binary", true, score),
        ("regression", value, guess),
        ("multiclass", classes, probabilities),
    ):
        for name in metrics.names(task):
            found = metrics.resampled(name, task, t, s, weights)
            for row, drawn in zip(found, weights.astype(int), strict=True):
                again = metrics.compute(task, np.repeat(t, drawn), np.repeat(s, drawn, axis=0))[name]
                assert row == pytest.approx(again, rel=1e-9), (task, name)


def test_undefined_is_nan_without_warnings() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one_class = metrics.compute("binary", np.ones(4), np.array([0.2, 0.7, 0.9, 0.4]))
        assert np.isnan([one_class[k] for k in ("auroc", "specificity", "balanced_accuracy")]).all()
        assert one_class["accuracy"] == one_class["sensitivity"] == 0.5
        constant = metrics.compute("regression", np.arange(4.0), np.full(4, 2.0))
        assert np.isnan(constant["r"])
        assert constant["mae"] == 1.0
        assert np.isnan(metrics.compute("regression", np.full(3, 7.0), np.arange(3.0))["r2"])
        assert all(np.isnan(v) for v in metrics.compute("regression", [], []).values())
        diverged = metrics.compute("binary", [0, 1, 1], [0.1, np.nan, 0.4])
        assert all(np.isnan(v) for v in diverged.values())


def test_absent_class_is_left_out_of_the_macro_mean() -> None:
    true, score = multiclass_case(0)
    keep = true != 3
    found = metrics.compute("multiclass", true[keep], score[keep])
    each = [sk.roc_auc_score(true[keep] == k, score[keep, k]) for k in range(3)]
    assert found["auroc"] == pytest.approx(np.mean(each))


def test_auroc_only_needs_the_order() -> None:
    true, score = binary_case(4)
    assert (
        metrics.compute("binary", true, score)["auroc"] == metrics.compute("binary", true, score**3)["auroc"]
    )
    swapped = metrics.compute("binary", 1 - true, 1 - score)["auroc"]
    assert swapped == pytest.approx(metrics.compute("binary", true, score)["auroc"])


def test_better_knows_the_direction_and_never_prefers_nan() -> None:
    mae, auroc, nan = metrics.METRICS["mae"], metrics.METRICS["auroc"], float("nan")
    assert mae.better(3, 4)
    assert not mae.better(4, 3)
    assert auroc.better(0.9, 0.8)
    assert not auroc.better(nan, 0.1)
    assert auroc.better(0.1, nan)
    assert not auroc.better(nan, nan)
    assert auroc.show(nan) == "n/a"
    assert mae.show(4.126) == "4.13"


def test_bad_names_and_shapes() -> None:
    with pytest.raises(InputError, match="did you mean 'auroc'"):
        metrics.check("auroq", "binary", "metric")
    with pytest.raises(InputError, match="no metric 'mae' for binary"):
        metrics.check("mae", "binary")
    with pytest.raises(InputError, match="segmentatio"):
        metrics.primary("segmentatio")
    with pytest.raises(ValueError, match=r"score \(3,\)"):
        metrics.compute("binary", [0, 1, 1], [[0.1, 0.9]] * 3)
    with pytest.raises(ValueError, match="weights"):
        metrics.resampled("mae", "regression", [1.0, 2.0], [1.0, 2.0], np.ones((5, 3)))


def test_import_is_light() -> None:
    code = (
        "import sys, tlpy.metrics.registry; "
        "print([m for m in ('torch', 'sklearn', 'scipy', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
