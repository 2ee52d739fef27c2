"""From a network's outputs to predictions and metrics. NumPy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tlpy.data.subjects import SubjectRow, TargetScaling, is_known, truth
from tlpy.metrics.answers import Answers, by_image, by_subject
from tlpy.metrics.registry import compute
from tlpy.objectives.bins import decode
from tlpy.objectives.heads import bins_of
from tlpy.records import BINARY, BY_IMAGE, BY_MEAN, BY_SUBJECT, MULTILABEL, REGRESSION, Head, Judged, Terms


def predictions(
    heads: Sequence[Head],
    outputs: Mapping[str, np.ndarray],
    scaling: Mapping[str, TargetScaling],
    objective: Terms,
) -> dict[str, np.ndarray]:
    """Outputs (n, k) as what metrics take, by label.

    (n,) in the label's units for a regression, (n,) probability of the second class for two classes,
    (n, classes) probabilities for more, (n, columns) probabilities of each for a multilabel task.
    """
    found: dict[str, np.ndarray] = {}
    for head in heads:
        label = head.label
        values = outputs[label].astype(np.float64)
        if head.type == REGRESSION:
            bins = bins_of(objective, label)
            scale = scaling[label]
            found[label] = decode(values, **bins[1]) if bins else values[:, 0] * scale.sd + scale.mean
        elif head.type == BINARY:
            found[label] = _sigmoid(values[:, 0])
        elif head.type == MULTILABEL:
            found[label] = _sigmoid(values)
        else:
            shifted = np.exp(values - values.max(axis=1, keepdims=True))
            found[label] = shifted / shifted.sum(axis=1, keepdims=True)
    return found


def _sigmoid(values: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow for large negative x."""
    small = np.exp(-np.abs(values))
    return np.where(values >= 0, 1 / (1 + small), small / (1 + small))


def scored_rows(head: Head, rows: Sequence[SubjectRow], source: int) -> list[int]:
    """Which of a part's rows a head is scored on in one data set: those that have its label."""
    return [at for at, row in enumerate(rows) if row.source == source and is_known(row, head)]


def answers(
    head: Head,
    rows: Sequence[SubjectRow],
    predicted: Mapping[str, np.ndarray],
    source: int,
    score_by: str,
    combine: str = BY_MEAN,
) -> Answers:
    """What one head is scored by on one data set's rows of a part; the last two are the data set's."""
    chosen = scored_rows(head, rows, source)
    known = [rows[at] for at in chosen]
    true, score = truth(known, head), predicted[head.label][chosen]
    if score_by == BY_IMAGE:
        return by_image(true, score)
    return by_subject(head.type, [row.answers_for for row in known], true, score, combine)


def metrics(
    head: Head,
    rows: Sequence[SubjectRow],
    predicted: Mapping[str, np.ndarray],
    source: int = 0,
    score_by: str = BY_SUBJECT,
    combine: str = BY_MEAN,
) -> dict[str, float]:
    """Every metric of one head on one data set's rows of a part."""
    found = answers(head, rows, predicted, source, score_by, combine)
    return compute(head.type, found.true, found.score)


def all_metrics(
    stage: Judged,
    parts: Mapping[str, Sequence[SubjectRow]],
    predicted: Mapping[str, Mapping[str, np.ndarray]],
) -> dict[str, Any]:
    """The scores of metrics.json: of the primary label, of each label, and on every further data set.

    Returns:
        `metrics` (`train`, `val`, `test` of the primary label; `target`: its test on the first data set that
        no label is learnt from, where there is one), `metrics_by_label`, and `metrics_by_source` for data
        sets that are not the one which a label is judged by. `metrics_by_image` has the parts of `metrics`
        with each image as an answer, where in some part one answer stands for several images.
    """
    by_label: dict[str, Any] = {}
    by_source: dict[str, Any] = {}
    target: dict[str, float] | None = None
    for head in stage.heads:
        own = stage.judged_on(head.label)
        for number, source in enumerate(stage.sources):
            if head.label not in source.labels:
                continue
            wanted = [part for part in predicted if source.labelled or part == "test"]
            found = {
                part: metrics(head, parts[part], predicted[part], number, source.score_by, source.combine)
                for part in wanted
            }
            if number == own:
                by_label[head.label] = {"dataset": source.dataset, "type": head.type, **found}
                continue
            by_source.setdefault(source.dataset, {})[head.label] = found
            if head is stage.heads[0] and not source.labelled and target is None:
                target = found.get("test", {})
    first = by_label[stage.heads[0].label] if stage.heads else {}
    primary: dict[str, Any] = {"train": {}, "val": first.get("val", {}), "test": first.get("test", {})}
    return {
        "metrics": primary if target is None else {**primary, "target": target},
        "metrics_by_label": by_label,
        "metrics_by_source": by_source,
        "metrics_by_image": _by_image(stage, parts, predicted),
    }


def _by_image(
    stage: Judged,
    parts: Mapping[str, Sequence[SubjectRow]],
    predicted: Mapping[str, Mapping[str, np.ndarray]],
) -> dict[str, dict[str, float]]:
    """The metrics of the primary label by image, by part; empty where these are its metrics anyway."""
    if not stage.heads:
        return {}
    head = stage.heads[0]
    own = stage.judged_on(head.label)
    source = stage.sources[own]
    of = {
        part: (answers(head, parts[part], given, own, source.score_by, source.combine), parts[part], given)
        for part, given in predicted.items()
    }
    if not any((found.images > 1).any() for found, _, _ in of.values()):
        return {}
    return {part: metrics(head, rows, given, own, BY_IMAGE) for part, (_, rows, given) in of.items()}
