"""The leaderboard: who, which settings, validation, test with interval, gain, cost, status."""

from __future__ import annotations

import math
from typing import Any

from tlpy import words
from tlpy.evaluation.leaderboard import other_scores, searched
from tlpy.evaluation.outcomes import Outcome
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.results import LABEL
from tlpy.metrics.registry import METRICS
from tlpy.report.plain import plain_in_table, table_rows
from tlpy.report.sections import Section, bullets, escape
from tlpy.report.verdicts import with_interval

TOP = 50
"""Rows for each target; the whole of it is in leaderboard.tsv."""
_ALSO: dict[str, tuple[str, ...]] = {
    "regression": ("r2",),
    "binary": ("balanced_accuracy",),
    "multiclass": ("balanced_accuracy",),
    "multilabel": ("average_precision",),
    "none": (),
}
_FAILURES = 10
_FOLDS = (
    "Means over folds are optimistic for a variant that was chosen by them, since one fold's validation "
    "images are another's test images: the summary tells what choosing inside each fold gives. "
)


def leaderboard(rankings: list[Ranking]) -> Section:
    """The table, one row per variant in order of rank, the failed ones last."""
    outcomes = [outcome for ranking in rankings for outcome in ranking.rows]
    settings = [path for path in searched(outcomes) if not _is_target(path, outcomes)]
    also = list(dict.fromkeys(name for r in rankings for name in _ALSO[r.task_type]))
    troubled = [outcome for outcome in outcomes if outcome.status != "done"]
    rows = {}
    for ranking in rankings:
        for key, outcome in table_rows(ranking, TOP).items():
            row = _row(ranking, outcome, settings, also)
            rows[f"{escape(ranking.target)} {key}" if len(rankings) > 1 else key] = row
    left = sum(max(0, len(ranking.outcomes) - TOP) for ranking in rankings)
    metrics = " or ".join(dict.fromkeys(f"{r.metric.in_sentence} ({r.metric.direction})" for r in rankings))
    text = (
        f"Ordered by {metrics} on validation. Read the test score with its interval: neighbours in rank "
        "are often equal for all one can tell. "
        + (_FOLDS if any(ranking.in_folds for ranking in rankings) else "")
        + plain_in_table(rankings)
        + (f"Another {left} variants are not shown. " if left else "")
        + "The whole table, with more metrics, is <code>ranking/leaderboard.tsv</code>"
        + ("; <code>ranking/best_params.yaml</code> runs the winner again. " if rankings[0].best else ". ")
        + _failures(troubled)
    )
    config = {"col1_header": "Rank", "sort_rows": False, "no_violin": True, "save_file": False}
    headers = _headers(outcomes, settings, also)
    return Section("leaderboard", "Leaderboard", text, "table", rows, config, headers)


def _headers(outcomes: list[Outcome], settings: list[str], also: list[str]) -> dict[str, dict[str, Any]]:
    headers = {}
    metrics = {outcome.metric for outcome in outcomes}
    if len(metrics) > 1:
        headers["metric"] = _text("Metric", "What this target is scored by")
    headers["kind"] = _text("Start", "Pretrained (transfer), from scratch, or plain (no network)")
    for path in settings:
        headers[f"set:{path}"] = _text(_short(path, settings), f"Searched setting: {path}")
    form = METRICS[outcomes[0].metric].format if len(metrics) == 1 else "{:.3f}"
    headers["validation"] = _number("Validation", "What variants are chosen by; mean over replicates", form)
    headers["test"] = {**_number("Test", "Scored once, at the end", form), "scale": "Blues"}
    if metrics == {"auroc"}:
        headers["test"] |= {"min": 0.5, "max": 1.0}
    headers["interval"] = _text("95 % interval", "Of the test score, by bootstrap over subjects")
    if any(math.isfinite(outcome.test_by_image) for outcome in outcomes):
        headers["by_image"] = _number("Test by image", "The test score with every image as an answer", form)
    if any(math.isfinite(outcome.spread("test")) for outcome in outcomes):
        headers["sd"] = _number("sd", "Of the test score over replicates (seeds or folds)", form)
    if any(outcome.gain.known for outcome in outcomes):
        headers["gain"] = _text(
            "Gain", "Over the best variant from scratch, in units of the metric; above zero: better"
        )
        headers["gain_percent"] = _text("Gain, %", "The same in percent of the from-scratch score (Eq. 1)")
    if any(outcome.twin_gain.known for outcome in outcomes):
        headers["twin"] = _text("To twin", "Over training from scratch with its own settings")
    for name in also:
        title = METRICS[name].label.replace("accuracy", "acc.")
        headers[f"also:{name}"] = _number(title, f"On test: {METRICS[name].meaning}", METRICS[name].format)
    for column in other_scores(outcomes):
        label, name = _label_and_metric(column)
        what = f"label {label}" if column.startswith(LABEL) else "data that no label was learnt from"
        title = f"{label}: {METRICS[name].label}"
        headers[f"other:{column}"] = _number(title, f"On the test part of {what}", METRICS[name].format)
    headers["seconds"] = _text("Time", "Of all its stages, shared ones counted in full")
    headers["parameters"] = _text("Trained", "Parameters that its last stage trains")
    if any(outcome.status != "done" for outcome in outcomes):
        headers["status"] = _text("Status", "Failed variants come last; the reasons stand above the table")
    return headers


def _label_and_metric(column: str) -> tuple[str, str]:
    """`label:sex_auroc` and `target_balanced_accuracy` in parts: the longest metric at its end counts."""
    name = max((name for name in METRICS if column.endswith(f"_{name}")), key=len)
    return column.removeprefix(LABEL).removesuffix(f"_{name}"), name


def _is_target(path: str, outcomes: list[Outcome]) -> bool:
    """Whether a setting only names the target, which the rows are sorted by anyway."""
    return all(outcome.settings.get(path) == outcome.record.target for outcome in outcomes)


def _short(path: str, paths: list[str]) -> str:
    """The last part of a path, where that tells it from the others; else all of it."""
    last = path.rsplit(".", 1)[-1]
    alone = sum(other.rsplit(".", 1)[-1] == last for other in paths) == 1
    return words.path(last if alone else path)


def _failures(troubled: list[Outcome]) -> str:
    """What failed and why, for the text above the table."""
    if not troubled:
        return ""
    by_reason: dict[str, list[str]] = {}
    for outcome in troubled:
        by_reason.setdefault(outcome.reason, []).append(outcome.label)
    shown = []
    for reason, labels in list(by_reason.items())[:_FAILURES]:
        more = f" and {len(labels) - 3} more" if len(labels) > 3 else ""
        shown.append(f"{escape(reason)} ({escape('; '.join(labels[:3]))}{more})")
    if len(by_reason) > _FAILURES:
        shown.append(f"{len(by_reason) - _FAILURES} more reasons, in leaderboard.tsv")
    return f"Failed in whole or in part:{bullets(shown)}"


def _text(title: str, description: str) -> dict[str, Any]:
    return {"title": escape(title), "description": escape(description), "scale": False, "format": "{}"}


def _number(title: str, description: str, form: str) -> dict[str, Any]:
    return {**_text(title, description), "format": form}


def _row(ranking: Ranking, outcome: Outcome, settings: list[str], also: list[str]) -> dict[str, Any]:
    low, high = outcome.test_interval
    show = ranking.metric.show
    values: dict[str, Any] = {
        "metric": ranking.metric.label,
        "kind": escape(outcome.label) if outcome.plain else outcome.kind,
        "validation": outcome.mean("val"),
        "test": outcome.mean("test"),
        "interval": f"{show(low)} to {show(high)}" if math.isfinite(low) else "",
        "by_image": outcome.test_by_image,
        "sd": outcome.spread("test"),
        "gain": with_interval(outcome.gain, ranking.metric),
        "gain_percent": words.percent(outcome.gain_percent) if math.isfinite(outcome.gain_percent) else "",
        "twin": with_interval(outcome.twin_gain, ranking.metric),
        "seconds": words.duration(outcome.seconds),
        "parameters": _millions(outcome.trainable),
        "status": outcome.status,
    }
    values |= {f"set:{path}": escape(words.setting(outcome.settings.get(path)) or "–") for path in settings}
    values |= {f"also:{name}": outcome.mean("test", name) for name in also}
    values |= {f"other:{name}": outcome.other(name) for name in other_scores([outcome])}
    return {k: value for k, value in values.items() if not isinstance(value, float) or math.isfinite(value)}


def _millions(number: float) -> str:
    if not math.isfinite(number):
        return ""
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number:,.0f}"
