"""Predicted against true, ROC curves and confusion matrices of the best variant and its counterpart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tlpy import words
from tlpy.evaluation.curves import confusion, roc
from tlpy.evaluation.outcomes import Outcome
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.results import Predictions
from tlpy.metrics.registry import compute
from tlpy.records import BINARY, MULTILABEL, REGRESSION
from tlpy.report.sections import BLUE, COLOURS, GREY, Section, escape
from tlpy.report.summary import first_cases
from tlpy.report.svg import Cloud, scatter


def _compared(ranking: Ranking) -> list[tuple[str, Outcome, Predictions]]:
    """The best variant and, where it is another, the best from scratch, with their test cases."""
    chosen: list[tuple[str, Outcome | None]] = [("best", ranking.best)]
    if ranking.best is not None and ranking.best.baseline:
        chosen = [("best (from scratch)", ranking.best), ("best transfer", ranking.best_transfer)]
    else:
        chosen.append(("best from scratch", ranking.best_scratch))
    found = [(name, outcome, first_cases(outcome)) for name, outcome in chosen if outcome is not None]
    return [(name, outcome, cases) for name, outcome, cases in found if cases is not None]


def predicted(rankings: list[Ranking]) -> Section | None:
    """Predicted against true value, for regressions."""
    figures = []
    for ranking in rankings:
        if ranking.task_type != REGRESSION:
            continue
        metric, clouds = ranking.metric, []
        for name, outcome, cases in _compared(ranking):
            values = compute("regression", cases.true, cases.score)
            numbers = (
                f"{metric.label} {metric.show(values[metric.name])}, r {values['r']:.2f}, n {len(cases)}"
            )
            points = sorted(zip(cases.true.tolist(), cases.score.tolist(), strict=True))
            clouds.append(Cloud(f"{ranking.target}, {name}", numbers, points, outcome.baseline))
        if clouds:
            label = ranking.heads[0].label
            figures.append(scatter(clouds, f"true {label}", f"predicted {label}"))
    text = (
        "Test subjects (images, where each of them is an answer), one point each: on the dashed line the "
        "prediction is perfect. Look for a slope flatter than the line: a network that is not sure shrinks "
        "towards the mean, so that low values come out too high and high values too low. With several "
        "seeds, the first is shown."
    )
    return Section("predicted", "Predicted against true", text, "html", "".join(figures)) if figures else None


def curves(rankings: list[Ranking]) -> Section | None:
    """ROC curves, for classifications."""
    pairs = [(ranking, _compared(ranking)) for ranking in rankings]
    pairs = [(r, found) for r, found in pairs if found and r.task_type != REGRESSION]
    return _roc_section(pairs) if pairs else None


def _roc_section(pairs: list[tuple[Ranking, list[tuple[str, Outcome, Predictions]]]]) -> Section:
    data, labels = [], []
    colours: dict[str, str] = {"guessing": "#aaaaaa"}
    dashes = {"guessing": "dash"}
    for ranking, found in pairs:
        lines: dict[str, list[list[float]]] = {}
        for (name, _, cases), dash in zip(found, ("solid", "dot"), strict=False):
            for series, colour, true, score in _one_against_rest(ranking, name, cases):
                lines[series] = _staircase(true, score)
                colours[series] = (
                    colour if dash == "solid" else GREY if ranking.task_type == BINARY else colour
                )
                dashes[series] = dash
        lines["guessing"] = [[0.0, 0.0], [1.0, 1.0]]
        data.append(lines)
        labels.append({"name": escape(ranking.target)})
    text = (
        "How many cases are found (up) for how many false alarms (right), at every threshold, on the test "
        "set. The further towards the upper left, the better; the diagonal is guessing. With few subjects "
        "a curve is a coarse staircase: each step is one of them. With several seeds, the first is shown."
    )
    config: dict[str, Any] = {
        "xlab": "False alarms (1 − specificity)",
        "ylab": "Cases found (sensitivity)",
        "xmin": 0,
        "xmax": 1,
        "ymin": 0,
        "ymax": 1.02,
        "height": 520,
        "width": 860,
        "colors": colours,
        "dash_styles": dashes,
        "smooth_points": None,
        "style": "lines",
        "showlegend": True,
    }
    if len(labels) > 1:
        config["data_labels"] = labels
    return Section("roc", "ROC curves", text, "linegraph", data if len(data) > 1 else data[0], config)


def _staircase(true: Any, score: Any) -> list[list[float]]:
    """Points of an ROC curve. MultiQC keys points by x, so those of a vertical step are set a hair apart."""
    false, found = roc(true, score)
    points = enumerate(zip(false, found, strict=True))
    hair = 1e-4 / len(false)
    return [[float(x) * (1 - 1e-4) + hair * at, round(float(y), 5)] for at, (x, y) in points]


def _one_against_rest(ranking: Ranking, name: str, cases: Predictions) -> list[tuple[str, str, Any, Any]]:
    if ranking.task_type == BINARY:
        area = compute("binary", cases.true, cases.score)["auroc"]
        return [(f"{name} (AUROC {area:.3f})", BLUE, cases.true, cases.score)]
    found = []
    several = ranking.task_type == MULTILABEL
    for index, label in enumerate(ranking.heads[0].names):
        known = np.isfinite(cases.true[:, index]) if several else np.ones(len(cases), dtype=bool)
        true = cases.true[known, index] if several else (cases.true == index).astype(float)
        score = cases.score[known, index]
        area = compute("binary", true, score)["auroc"]
        if math.isfinite(area):
            series = f"{name}: {escape(label)} (AUROC {area:.3f})"
            found.append((series, COLOURS[index % len(COLOURS)], true, score))
    return found


def confusions(rankings: list[Ranking]) -> Section | None:
    """Confusion matrices on the test set: counts, shaded by the share of the true class."""
    figures = []
    for ranking in rankings:
        if not (ranking.heads and ranking.heads[0].is_classification):
            continue
        classes = ranking.heads[0].names
        for name, outcome, cases in _compared(ranking):
            table = confusion(cases.true, cases.score, len(classes))
            variant = escape(outcome.label.removeprefix("from scratch: "))
            caption = f"{escape(ranking.target)}, {name}: {variant}. {_rates(classes, table)}"
            figures.append(f"<figure>{_matrix(classes, table)}<figcaption>{caption}</figcaption></figure>")
    text = (
        "Test cases by true class (rows) and predicted class (columns), the class with the highest "
        "probability being called. Shading: share of the true class. The diagonal is correct; look for a "
        "row that is mostly off it, which accuracy alone can hide."
    )
    if not figures:
        return None
    return Section(
        "confusion", "Confusion matrix", text, "html", f'<div class="tlimb-row">{"".join(figures)}</div>'
    )


def _rates(classes: Sequence[str], table: Any) -> str:
    totals = table.sum(axis=1)
    rates = [
        f"{escape(name)} {100 * table[k, k] / totals[k]:.0f}&nbsp;% of {totals[k]}"
        for k, name in enumerate(classes)
        if totals[k]
    ]
    return f"Correct: {', '.join(rates)}."


def _matrix(classes: Sequence[str], table: Any) -> str:
    totals = np.maximum(table.sum(axis=1, keepdims=True), 1)
    head = "".join(f"<th>{escape(name)}</th>" for name in classes)
    rows = ""
    for k, name in enumerate(classes):
        shades = [0.75 * cell / totals[k, 0] for cell in table[k]]
        cells = "".join(
            f'<td style="background:rgba(47,102,144,{shade:.2f})">{cell}</td>'
            for cell, shade in zip(table[k], shades, strict=True)
        )
        rows += f"<tr><th>true {escape(name)}</th>{cells}</tr>"
    total = words.count(int(table.sum()), "case")
    return f'<table class="tlimb-confusion"><tr><th>{total}</th>{head}</tr>{rows}</table>'
