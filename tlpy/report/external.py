"""External test sets: what was chosen, on data that took no part."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tlpy.evaluation.external import ExternalScore
from tlpy.evaluation.ranking import Ranking
from tlpy.metrics.registry import METRICS
from tlpy.records import task_type
from tlpy.report.external_words import cautions, difference_in_words, role_in_words, with_interval
from tlpy.report.sections import Section, bullets, escape, html_table
from tlpy.report.svg import Mark, forest

# Beside the metric of the ranking.
_ALSO = {"regression": "r2", "binary": "balanced_accuracy", "multiclass": "balanced_accuracy"}


def external(rankings: Sequence[Ranking], scores: Sequence[ExternalScore]) -> Section | None:
    """A figure and a table for each target; None where the run has no external data sets."""
    if not scores:
        return None
    parts = []
    for ranking in rankings:
        mine = [one for one in scores if one.target == ranking.target]
        if mine:
            title = f"<h5>{escape(ranking.target)}</h5>" if len(rankings) > 1 else ""
            parts.append(title + _figure(mine) + _table(mine))
    told = cautions(scores)
    text = (
        "Data sets that took no part: nothing was trained, validated, searched or chosen on them, and nobody "
        "in them is in any other data set of the run. The variant that validation chose, and beside it the "
        "best training from scratch and the best plain baseline, were scored on them once, each with its own "
        "interval (bootstrap "
        "over the subjects of the external set). A score well below that on the target's own test part says "
        "that other people, scanners or sites are harder for this network. Every number is in "
        "<code>ranking/external.tsv</code>."
    )
    return Section(
        "external", "External test sets", text, "html", "".join(parts) + (bullets(told) if told else "")
    )


def _figure(scores: Sequence[ExternalScore]) -> str:
    """Each variant's score on its own test part and on each external set."""
    metric = scores[0].metric
    marks: list[Mark] = []
    for role in dict.fromkeys(one.role for one in scores):
        same = [one for one in scores if one.role == role]
        first = same[0]
        rows = [("own test part", first.own)] + [(one.dataset, one.outcome) for one in same if one.done]
        marks += [
            Mark(
                f"{role_in_words(first)}: {where}",
                outcome.mean("test"),
                *outcome.test_interval,
                with_interval(metric, outcome),
                outcome.baseline,
            )
            for where, outcome in rows
            if math.isfinite(outcome.mean("test"))
        ]
    if not marks:
        return ""
    guess = 0.5 if metric.name == "auroc" else None
    axis = f"{metric.label} ({metric.direction})"
    return forest(marks, axis, guess, ("Chosen as, scored on", "Score (95 % interval)"))


def _table(scores: Sequence[ExternalScore]) -> str:
    metric = scores[0].metric
    also = _ALSO.get(task_type(scores[0].outcome.heads))
    header = ["External set", "Chosen as", "Variant", "Score there", "Own test part", "Over scratch there"]
    header += [METRICS[also].label] if also else []
    header += ["Subjects"]
    rows = []
    for one in scores:
        images = f" ({one.images:,} images)" if one.images != one.outcome.n_test else ""
        rows.append(
            [
                f"<strong>{escape(one.dataset)}</strong>",
                escape(role_in_words(one)),
                escape(one.outcome.label),
                with_interval(metric, one.outcome) if one.done else "could not be scored",
                with_interval(metric, one.own),
                difference_in_words(one) or "–",
                *([METRICS[also].show(one.outcome.mean("test", also))] if also else []),
                f"{one.outcome.n_test:,}{images}",
            ]
        )
    return html_table(header, rows, (3, 4, 5))
