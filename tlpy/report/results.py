"""Sections on the outcome: leaderboard, scores and gains with intervals, effects of settings, predictions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tlpy.evaluation.curves import confusion, roc
from tlpy.evaluation.leaderboard import searched, show_setting
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.results import Predictions
from tlpy.evaluation.variants import Outcome
from tlpy.report.sections import BLUE, GREY, Section, count, duration, escape, percent, words
from tlpy.report.summary import first_cases
from tlpy.report.svg import Mark, Panel, forest, strips

TOP = 50
"""Rows of the leaderboard in the report; the whole of it is in leaderboard.tsv."""
SHOWN = 20
"""Rows of a figure of intervals."""
_ALSO = {"regression": ("r2", "r"), "binary": ("balanced_accuracy",), "multiclass": ("balanced_accuracy",)}


def leaderboard(rankings: list[Ranking]) -> Section:
    """The table: who, which settings, validation, test with interval, gain, cost, status."""
    from tlpy.evaluation.metrics import METRICS

    outcomes = [outcome for ranking in rankings for outcome in ranking.outcomes]
    settings = searched(outcomes)
    several = len(rankings) > 1
    also = [name for ranking in rankings for name in _ALSO[str(ranking.task["type"])]]
    also = list(dict.fromkeys(also))
    headers: dict[str, dict[str, Any]] = {}
    if several:
        headers["target"] = _text("Target", "Target data set and its metric")
    headers["kind"] = _text("Start", "Pretrained (transfer) or from scratch (the baseline without transfer)")
    for name in settings:
        headers[f"set:{name}"] = _text(words(name), f"Searched setting: {name}")
    metric = rankings[0].metric
    name = "score" if several else metric.label
    headers["val"] = _number(
        f"{name}: validation", "The variant was chosen by this one; mean over replicates"
    )
    headers["test"] = _number(f"{name}: test", f"Scored once, at the end; {metric.direction}", scale="Blues")
    headers["interval"] = _text("95 % interval", "Of the test score, by bootstrap over subjects")
    if any(math.isfinite(outcome.spread("test")) for outcome in outcomes):
        headers["sd"] = _number("sd", "Of the test score over replicates (seeds or folds)")
    headers["gain"] = _text("Gain", "Over training from scratch, in percent of its test score")
    for extra in also:
        headers[f"also:{extra}"] = _number(METRICS[extra].label, f"On test: {METRICS[extra].meaning}")
    headers["seconds"] = _text("Time", "Of all its stages, shared ones counted in full")
    headers["parameters"] = _text("Trained", "Parameters that its last stage trains")
    if any(outcome.status != "done" for outcome in outcomes):
        headers["status"] = _text("Status", "Failed variants are listed last, with the reason")
    rows = {}
    for ranking in rankings:
        for place, outcome in enumerate(ranking.outcomes[:TOP]):
            key = f"{outcome.rank}" if outcome.rank else f"failed {place + 1}"
            rows[f"{escape(ranking.target)} {key}" if several else key] = _row(
                ranking, outcome, settings, also
            )
    left = sum(max(0, len(ranking.outcomes) - TOP) for ranking in rankings)
    text = (
        f"Ordered by {'the' if several else metric.label} validation score ({metric.direction}). "
        "Read the test score with its interval: neighbours in rank are often equal for all one can tell. "
        + (f"Another {left} variants are not shown. " if left else "")
        + "The whole table, with more metrics, is <code>ranking/leaderboard.tsv</code>; the winner runs "
        "again with <code>ranking/best_params.yaml</code>."
    )
    config = {"col1_header": "Rank", "sort_rows": False, "no_violin": True, "save_file": False}
    return Section("leaderboard", "Leaderboard", text, "table", rows, config, headers)


def _text(title: str, description: str) -> dict[str, Any]:
    return {"title": escape(title), "description": escape(description), "scale": False, "format": "{}"}


def _number(title: str, description: str, scale: str | bool = False) -> dict[str, Any]:
    return {**_text(title, description), "scale": scale, "format": "{:,.3f}"}


def _row(ranking: Ranking, outcome: Outcome, settings: list[str], also: list[str]) -> dict[str, Any]:
    low, high = outcome.test_interval
    show = ranking.metric.show
    values: dict[str, Any] = {
        "target": f"{escape(ranking.target)} ({ranking.metric.label})",
        "kind": "from scratch" if outcome.baseline else "transfer",
        "val": outcome.mean("val"),
        "test": outcome.mean("test"),
        "interval": f"{show(low)} to {show(high)}" if math.isfinite(low) else "",
        "sd": outcome.spread("test"),
        "gain": percent(outcome.gain) if math.isfinite(outcome.gain) else "",
        "seconds": duration(outcome.seconds),
        "parameters": _millions(outcome.trainable),
        "status": outcome.status
        if outcome.status == "done"
        else f"{outcome.status}: {escape(outcome.reason)}",
    }
    values |= {f"set:{path}": escape(show_setting(outcome.settings.get(path)) or "–") for path in settings}
    values |= {f"also:{name}": outcome.mean("test", name) for name in also}
    return {
        key: value for key, value in values.items() if not isinstance(value, float) or math.isfinite(value)
    }


def _millions(number: float) -> str:
    if not math.isfinite(number):
        return ""
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number:,.0f}"


def scores(rankings: list[Ranking]) -> Section | None:
    """Test scores with intervals, best-ranked first."""
    figures = []
    for ranking in rankings:
        shown = [o for o in ranking.ranked if math.isfinite(o.mean("test"))][:SHOWN]
        if not shown:
            continue
        show = ranking.metric.show
        marks = [
            Mark(_name(o), o.mean("test"), *o.test_interval, _with(show(o.mean("test")), o, show), o.baseline)
            for o in shown
        ]
        axis = f"{ranking.metric.label} on test ({ranking.metric.direction})"
        guess = 0.5 if ranking.metric.name == "auroc" else None
        figures.append(
            _titled(rankings, ranking) + forest(marks, axis, guess, ("Rank and variant", "95 % interval"))
        )
    text = (
        "Each point is a variant's score on the test set, each line its 95 % interval (bootstrap over "
        "subjects), in order of rank. Look at how far the intervals overlap before calling one variant "
        "better than another. Grey: trained from scratch. The dashed line is guessing."
    )
    return Section("scores", "Test scores", text, "html", "".join(figures)) if figures else None


def gain(rankings: list[Ranking]) -> Section | None:
    """Gain over scratch with intervals."""
    figures = []
    for ranking in rankings:
        shown = [o for o in ranking.ranked if math.isfinite(o.gain)][:SHOWN]
        if shown:
            marks = [
                Mark(_name(o), o.gain, *o.gain_interval, _with(percent(o.gain), o, percent, True))
                for o in shown
            ]
            axis = f"Gain over scratch, % of its {ranking.metric.label} on test"
            figure = forest(marks, axis, 0.0, ("Rank and variant", "95 % interval"))
            figures.append(_titled(rankings, ranking) + figure)
    text = (
        "What transfer adds: 100 · (score − score from scratch) / score from scratch, on the same test "
        "subjects, each variant against training from scratch with its own settings (the sign is turned "
        "for errors, so that right is always better). A line that crosses zero shows no gain. Percentages "
        "get large where the from-scratch score is near zero."
    )
    return Section("gain", "Gain over scratch", text, "html", "".join(figures)) if figures else None


def _with(value: str, outcome: Outcome, show: Any, of_gain: bool = False) -> str:
    low, high = outcome.gain_interval if of_gain else outcome.test_interval
    return f"{value} ({show(low)} to {show(high)})" if math.isfinite(low) else value


def _name(outcome: Outcome) -> str:
    scratch = outcome.baseline and "scratch" not in outcome.label
    return f"{outcome.rank}  {outcome.label}{' (from scratch)' if scratch else ''}"


def _titled(rankings: list[Ranking], ranking: Ranking) -> str:
    return f"<h5>{escape(ranking.target)}</h5>" if len(rankings) > 1 else ""


def effects(rankings: list[Ranking]) -> Section | None:
    """Scores by the values of each searched setting."""
    figures = []
    for ranking in rankings:
        pool = [outcome for outcome in ranking.ranked if not outcome.baseline] or ranking.ranked
        panels = []
        for path in searched(pool):
            groups: dict[str, list[tuple[float, float]]] = {}
            used = [outcome for outcome in pool if outcome.settings.get(path) is not None]
            for outcome in sorted(used, key=lambda o: _sortable(o.settings[path])):
                value = show_setting(outcome.settings[path])
                groups.setdefault(value, []).append((outcome.mean("val"), outcome.mean("test")))
            if 1 < len(groups) <= 12:
                panels.append(Panel(words(path), list(groups.items())))
        if panels:
            axis = f"{ranking.metric.label} ({ranking.metric.direction})"
            figures += [_titled(rankings, ranking), strips(panels, axis, ranking.metric.show)]
    text = (
        "Every dot is a variant with transfer; for each value of a setting, the bar is the mean over all "
        "variants that use it, whatever their other settings. A setting matters where its bars differ by "
        "more than the dots scatter. Grey: validation. Orange: test."
    )
    return Section("effects", "Effect of each setting", text, "html", "".join(figures)) if figures else None


def _sortable(value: Any) -> tuple[int, float, str]:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return (0, float(value), "") if number else (1, 0.0, show_setting(value))


def _compared(ranking: Ranking) -> list[tuple[str, Outcome, Predictions]]:
    """The best variant and, where it is another, the best from scratch, with their test cases."""
    chosen: list[tuple[str, Outcome | None]] = [("best", ranking.best)]
    if ranking.best is not None and ranking.best.baseline:
        chosen = [("best (from scratch)", ranking.best), ("best transfer", ranking.best_transfer)]
    else:
        chosen.append(("best from scratch", ranking.best_scratch))
    found = [(name, outcome, first_cases(outcome)) for name, outcome in chosen if outcome is not None]
    return [(name, outcome, cases) for name, outcome, cases in found if cases is not None]


def predictions(rankings: list[Ranking]) -> Section | None:
    """Predicted against true for a regression, ROC curves for a classification."""
    pairs = [(ranking, _compared(ranking)) for ranking in rankings]
    numbers = [(r, found) for r, found in pairs if found and r.task["type"] == "regression"]
    classes = [(r, found) for r, found in pairs if found and r.task["type"] != "regression"]
    if classes:
        return _roc_section(classes)
    return _scatter_section(numbers) if numbers else None


def _scatter_section(pairs: list[tuple[Ranking, list[tuple[str, Outcome, Predictions]]]]) -> Section:
    data, labels, lines = [], [], []
    for ranking, found in pairs:
        points: dict[str, list[dict[str, Any]]] = {}
        for (name, outcome, cases), colour in zip(found, (BLUE, GREY), strict=False):
            error = ranking.metric.show(outcome.mean("test"))
            series = f"{name} ({ranking.metric.label} {error})"
            rows = sorted(zip(cases.images, cases.true, cases.score, strict=True))[:2000]
            points[escape(series)] = [
                {"x": round(float(x), 3), "y": round(float(y), 3), "color": colour, "name": escape(series)}
                for _, x, y in rows
            ]
        low = min(float(min(cases.true.min(), cases.score.min())) for _, _, cases in found)
        high = max(float(max(cases.true.max(), cases.score.max())) for _, _, cases in found)
        label = escape(ranking.task["labels"][0])
        data.append(points)
        labels.append({"name": escape(ranking.target), "xlab": f"true {label}", "ylab": f"predicted {label}"})
        lines.append(
            [{"name": "perfect", "pairs": [[low, low], [high, high]], "dash": "dash", "color": "#999999"}]
        )
    text = (
        "Test subjects, one point each: on the dashed line the prediction is perfect. Look for a slope "
        "flatter than the line (the network shrinks towards the mean: the young are predicted too old, "
        "the old too young)."
    )
    config: dict[str, Any] = {
        "xlab": labels[0]["xlab"],
        "ylab": labels[0]["ylab"],
        "height": 520,
        "square": True,
        "marker_size": 7,
        "showlegend": True,
    }
    if len(labels) > 1:
        config["data_labels"] = labels
    return Section("predictions", "Predicted against true", text, "scatter", data, config)


def _roc_section(pairs: list[tuple[Ranking, list[tuple[str, Outcome, Predictions]]]]) -> Section:
    data, labels = [], []
    colours: dict[str, str] = {"guessing": "#aaaaaa"}
    dashes = {"guessing": "dash"}
    for ranking, found in pairs:
        lines: dict[str, list[list[float]]] = {}
        for (name, _, cases), dash in zip(found, ("solid", "dot"), strict=False):
            for series, colour, true, score in _one_against_rest(ranking, name, cases):
                fall_out, recall = roc(true, score)
                lines[series] = [
                    [round(float(x), 4), round(float(y), 4)] for x, y in zip(fall_out, recall, strict=True)
                ]
                colours[series] = (
                    colour if dash == "solid" else GREY if ranking.task["type"] == "binary" else colour
                )
                dashes[series] = dash
        lines["guessing"] = [[0.0, 0.0], [1.0, 1.0]]
        data.append(lines)
        labels.append({"name": escape(ranking.target)})
    text = (
        "How many cases are found (up) for how many false alarms (right), at every threshold, on the test "
        "set. The further towards the upper left, the better; the diagonal is guessing. With few subjects "
        "a curve is a coarse staircase: each step is one subject."
    )
    config: dict[str, Any] = {
        "xlab": "False alarms (1 − specificity)",
        "ylab": "Cases found (sensitivity)",
        "xmin": 0,
        "xmax": 1,
        "ymin": 0,
        "ymax": 1.02,
        "square": True,
        "height": 520,
        "colors": colours,
        "dash_styles": dashes,
        "smooth_points": None,
        "style": "lines",
        "showlegend": True,
    }
    if len(labels) > 1:
        config["data_labels"] = labels
    return Section("predictions", "ROC curves", text, "linegraph", data if len(data) > 1 else data[0], config)


def _one_against_rest(ranking: Ranking, name: str, cases: Predictions) -> list[tuple[str, str, Any, Any]]:
    from tlpy.evaluation.metrics import compute
    from tlpy.report.sections import COLOURS

    classes = [str(item) for item in ranking.task["classes"]]
    if ranking.task["type"] == "binary":
        area = compute("binary", cases.true, cases.score)["auroc"]
        return [(f"{name} (AUROC {area:.3f})", BLUE, cases.true, cases.score)]
    found = []
    for index, label in enumerate(classes):
        true, score = (cases.true == index).astype(float), cases.score[:, index]
        area = compute("binary", true, score)["auroc"]
        if math.isfinite(area):
            series = f"{name}: {escape(label)} (AUROC {area:.3f})"
            found.append((series, COLOURS[index % len(COLOURS)], true, score))
    return found


def confusions(rankings: list[Ranking]) -> Section | None:
    """Confusion matrices on the test set: counts, shaded by the share of the true class."""
    figures = []
    for ranking in rankings:
        if ranking.task["type"] == "regression":
            continue
        classes = [str(item) for item in ranking.task["classes"]]
        for name, outcome, cases in _compared(ranking):
            table = confusion(cases.true, cases.score, len(classes))
            caption = f"{escape(ranking.target)}, {name}: {escape(outcome.label)}. {_rates(classes, table)}"
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


def _rates(classes: list[str], table: Any) -> str:
    totals = table.sum(axis=1)
    rates = [
        f"{escape(name)} {100 * table[k, k] / totals[k]:.0f} % of {totals[k]}"
        for k, name in enumerate(classes)
        if totals[k]
    ]
    return f"Correct: {', '.join(rates)}."


def _matrix(classes: list[str], table: Any) -> str:
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
    total = count(int(table.sum()), "case")
    return f'<table class="tlimb-confusion"><tr><th>{total}</th>{head}</tr>{rows}</table>'
