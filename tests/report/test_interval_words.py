"""The methods text says of intervals what was done."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tlpy.evaluation.ranking import Ranking
from tlpy.metrics.registry import METRICS
from tlpy.report.interval_words import how_intervals_were_made


@dataclass
class Scored:
    test_interval: tuple[float, float] = (0.6, 0.9)
    rank: int | None = 1
    heads: tuple[Any, ...] = field(default_factory=tuple)


class Ranked(Ranking):
    """A ranking with a given task."""

    task = "binary"

    @property
    def task_type(self) -> str:
        return self.task


def ranking(metric: str, task: str = "binary", outcome: Scored | None = None) -> Ranking:
    made = Ranked("brains", METRICS[metric], (), [outcome or Scored()])  # type: ignore[list-item]
    made.__class__ = type("Ranked", (Ranked,), {"task": task})
    return made


@pytest.mark.parametrize(
    ("metric", "task", "said"),
    [
        ("auroc", "binary", "of AUROC percentiles, moved towards 0.5 as Wilson's"),
        ("mae", "regression", "of mean absolute error Student's t on the logarithm;"),
        ("r2", "regression", "of R² Student's t on the logarithm of what is left unexplained"),
        ("r", "regression", "of Pearson's r Student's t on Fisher's z"),
    ],
)
def test_each_scale_is_named_and_strata_only_where_drawn(metric: str, task: str, said: str) -> None:
    text = how_intervals_were_made([ranking(metric, task)])
    assert said in text
    assert ("stratified by class" in text) == (task == "binary")


def test_several_labels_at_once_are_not_stratified() -> None:
    assert "stratified" not in how_intervals_were_made([ranking("auroc", "multilabel")])


def test_two_targets_of_different_kinds() -> None:
    text = how_intervals_were_made([ranking("auroc"), ranking("mae", "regression")])
    assert "stratified by class where one is predicted" in text
    assert "a proportion is; of mean absolute error Student's t" in text


def test_without_intervals_the_text_claims_none() -> None:
    without = replace(Scored(), test_interval=(float("nan"), float("nan")))
    assert "no intervals" in how_intervals_were_made([ranking("auroc", outcome=without)])
