"""The baseline that sees no image: what it makes of a table, against scikit-learn and a known truth."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from made_cases import Images
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from tlpy.data.cache import PreparedImages
from tlpy.data.subjects import SubjectRow
from tlpy.metrics.registry import compute
from tlpy.plain.base import Cases, Question
from tlpy.plain.covariates import LinearCovariates
from tlpy.plain.fits import CovariateTable, PlainFit
from tlpy.records import Head

AGE, SITE = Head("age", "regression"), Head("site", "multiclass", ("A", "B", "C"))
DIAGNOSIS, SCORE = Head("dx", "binary", ("control", "patient")), Head("score", "regression")
RNG = np.random.default_rng(5)


def made(label: Head, values: Any, ages: Any, sites: Any) -> Cases:
    """Cases with a table of two confounds, of images that hold nothing."""
    texts = [{"age": str(age), "site": str(site)} for age, site in zip(ages, sites, strict=True)]
    rows = [
        SubjectRow(str(at), f"s{at}", f"s{at}", "", "train", {label.label: str(value)})
        for at, value in enumerate(values)
    ]
    images = cast(PreparedImages, Images(np.zeros((len(rows), 1, 2, 2))))
    return Cases([images], rows, [{str(at): row for at, row in enumerate(texts)}], (AGE, SITE))


def people(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ages, sites, and a score that goes with both."""
    ages, sites = RNG.uniform(20, 80, n).round(1), RNG.choice(["A", "B", "C"], n)
    return ages, sites, 0.1 * ages + 2.0 * (sites == "B") + RNG.normal(0, 1, n)


def columns(ages: np.ndarray, sites: np.ndarray) -> np.ndarray:
    return np.column_stack([ages, *(sites == site for site in "ABC")]).astype(float)


def test_numbers_go_as_they_are_and_categories_one_by_one() -> None:
    ages, sites, score = people(60)
    cases = made(SCORE, score, ages, sites)
    baseline = LinearCovariates()
    baseline.fit(Question(SCORE, "mae"), cases, replace(cases, rows=()))
    np.testing.assert_allclose(baseline.features(cases), columns(ages, sites))
    scaled = StandardScaler().fit_transform(columns(ages, sites))
    expected = Ridge(alpha=4.0).fit(scaled, score).predict(scaled)
    np.testing.assert_allclose(baseline.predict(cases), expected, atol=1e-8)


def test_classes_are_those_of_a_logistic_regression() -> None:
    ages, sites, score = people(80)
    truth = np.where(score > np.median(score), "patient", "control")
    cases = made(DIAGNOSIS, truth, ages, sites)
    baseline = LinearCovariates()
    baseline.fit(Question(DIAGNOSIS, "auroc"), cases, replace(cases, rows=()))
    scaled = StandardScaler().fit_transform(columns(ages, sites))
    expected = LogisticRegression(C=1 / 4, tol=1e-8, max_iter=1000).fit(scaled, truth).predict_proba(scaled)
    np.testing.assert_allclose(baseline.predict(cases), expected[:, 1], atol=1e-4)


def test_what_is_missing_is_imputed_by_the_training_part() -> None:
    train = made(SCORE, [1, 2, 3, 4], [20, 40, "", 60], ["A", "B", "", "B"])
    baseline = LinearCovariates()
    baseline.fit(Question(SCORE, "mae"), train, replace(train, rows=()))
    expected = [[20, 0, 1, 0, 0], [40, 0, 0, 1, 0], [40, 1, 0, 0, 1], [60, 0, 0, 1, 0]]
    np.testing.assert_allclose(baseline.features(train), expected)
    other = made(SCORE, [1, 2], ["", 50], ["Z", ""])
    np.testing.assert_allclose(baseline.features(other), [[40, 1, 0, 0, 0], [50, 0, 0, 0, 1]])
    nothing = replace(other, covariates=())
    np.testing.assert_allclose(baseline.features(nothing), [[40, 1, 0, 0, 1]] * 2)


def test_a_label_that_is_a_scanners_is_told_without_an_image() -> None:
    """The label follows the site in eight of ten: the AUROC of knowing the site alone."""
    n = 2000
    sites = RNG.choice(["A", "B"], n)
    truth = np.where((sites == "B") ^ (RNG.random(n) < 0.2), "patient", "control")
    cases = made(DIAGNOSIS, truth, RNG.uniform(20, 80, n).round(1), sites)
    train, val, test = (
        replace(cases, rows=cases.rows[part]) for part in (slice(0, 400), slice(400, 600), slice(600, n))
    )
    baseline, question = LinearCovariates(), Question(DIAGNOSIS, "auroc")
    baseline.fit(question, train, val)
    found = compute("binary", question.truth(test), baseline.predict(test))["auroc"]
    assert found == pytest.approx(0.8, abs=0.03)


def test_a_column_that_is_a_category_anywhere_is_one() -> None:
    numbers = CovariateTable("one", "a", (Head("site", "regression"), AGE))
    texts = CovariateTable("other", "b", (SITE,))
    fit = PlainFit("id", {"name": "covariates"}, (), (SCORE,), "mae", 0, (numbers, texts))
    assert fit.confounds == (SITE, AGE)
    assert PlainFit.from_json(fit.to_json()) == fit
