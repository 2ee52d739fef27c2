"""Labels against what is known beside them: what a row is, what counts as evidence, what is warned of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tlpy.evaluation.confounds import associate
from tlpy.evaluation.covariates import Column, Covariates
from tlpy.records import Head

RNG = np.random.default_rng(1)
DX, SITE, AGE = (
    Head("dx", "binary", ("hc", "pat")),
    Head("site", "binary", ("A", "B")),
    Head("age", "regression"),
)


def column(head: Head, texts: object) -> Column:
    return Column(head.label, tuple(map(str, np.asarray(texts))), head)


def table(people: list[str], units: list[str], labels: Column, *confounds: Column) -> Covariates:
    images = tuple(f"i{at}" for at in range(len(people)))
    return Covariates(images, tuple(people), tuple(units), (labels,), confounds, ())


def test_a_row_is_a_subject_whatever_the_number_of_images() -> None:
    ages, dx = RNG.uniform(20, 80, 30), RNG.choice(["hc", "pat"], 30)
    many = RNG.integers(1, 6, 30)
    who = np.repeat(np.arange(30), many)
    shift = np.concatenate([np.arange(k) - (k - 1) / 2 for k in many])  # visits about each one's mean age
    people = [f"p{at}" for at in who]
    found = associate(
        table(people, people, column(DX, dx[who])), column(DX, dx[who]), column(AGE, ages[who] + shift)
    )
    assert found is not None
    assert (found.n, found.units) == (30, 30)
    test = stats.mannwhitneyu(ages[dx == "pat"], ages[dx == "hc"])
    assert found.value == pytest.approx(test.statistic / ((dx == "pat").sum() * (dx == "hc").sum()))


def test_families_are_the_evidence() -> None:
    sites, dx = RNG.choice(["A", "B"], 60), RNG.choice(["hc", "pat"], 60)
    people = [f"p{at}" for at in range(60)]
    alone = associate(table(people, people, column(DX, dx)), column(DX, dx), column(SITE, sites))
    families = [f"f{at // 4}" for at in range(60)]
    found = associate(table(people, families, column(DX, dx)), column(DX, dx), column(SITE, sites))
    assert alone is not None
    assert found is not None
    assert (found.n, found.units, found.value) == (60, 15, alone.value)
    assert found.high > alone.high
    few = [f"f{at // 10}" for at in range(60)]
    found = associate(table(people, few, column(DX, dx)), column(DX, dx), column(SITE, sites))
    assert found is not None
    assert np.isnan([found.low, found.high, found.p]).all()


def test_somebody_of_both_classes_has_a_row_for_each() -> None:
    """Runs of one person: brighter where the label is `pat`."""
    units = [f"r{at // 2}" for at in range(24)]
    dx = ["hc", "pat"] * 12
    bright = np.arange(24) % 2 + RNG.normal(0, 0.1, 24)
    found = associate(table(["me"] * 24, units, column(DX, dx)), column(DX, dx), column(AGE, bright))
    assert found is not None
    assert (found.n, found.units, found.value) == (24, 12, 1.0)


def test_what_is_missing_is_left_out() -> None:
    ages, dx = list(map(str, range(20))), ["hc", "pat"] * 10
    people = [f"p{at}" for at in range(20)]
    ages[3] = dx[7] = ""
    found = associate(table(people, people, column(DX, dx)), column(DX, dx), column(AGE, ages))
    assert found is not None
    assert found.n == 18


def test_scanners_of_one_or_two_people_are_taken_together() -> None:
    sites = ["A"] * 30 + ["B"] * 30 + [f"s{at}" for at in range(20)]
    dx = list(RNG.choice(["hc", "pat"], 60)) + ["pat"] * 10 + ["hc"] * 10
    people = [f"p{at}" for at in range(80)]
    head = Head("site", "multiclass", tuple(sorted(set(sites))))
    found = associate(table(people, people, column(DX, dx)), column(DX, dx), column(head, sites))
    pooled = associate(
        table(people, people, column(DX, dx)), column(DX, dx),
        column(Head("site", "multiclass", ("A", "B", "rest")), [s if s in "AB" else "rest" for s in sites]),
    )  # fmt: skip
    assert found == pooled
