"""Variants whose scores are made up: what ranking sees of them, without a plan or files."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tlpy.evaluation.outcomes import Outcome, ReplicateResult
from tlpy.evaluation.results import Predictions
from tlpy.metrics.registry import compute, primary
from tlpy.plan.plan_records import Variant
from tlpy.records import Head

HEADS = {
    "binary": Head("sex", "binary", ("F", "M")),
    "multiclass": Head("group", "multiclass", ("AD", "HC", "MCI")),
    "regression": Head("age", "regression"),
}
Part = tuple[np.ndarray, np.ndarray]


def outcome(
    name: str,
    parts: Mapping[tuple[int, int | None], tuple[Part, Part, list[str]]],
    task: str = "binary",
    baseline: bool = False,
    metric: str | None = None,
) -> Outcome:
    """A variant from what it answered.

    Args:
        parts: replicate → true and score on validation, on test, and the test subjects.
    """
    metric = metric or primary(task)
    replicates = []
    for (seed, fold), (val, test, people) in parts.items():
        cases = Predictions(tuple(people), tuple(people), tuple(people), *test)
        scores = (compute(task, *val), compute(task, *test))
        replicates.append(ReplicateResult(seed, fold, (name,), None, *scores, cases))
    record = Variant(name, name, {}, baseline, None, "brains", metric, ("finetune",), ())
    return Outcome(record, metric, (HEADS[task],), replicates, 1.0, 0.0, 10.0)
