"""The leaderboard: who, which settings, validation, test with interval, gain, cost, status."""

from __future__ import annotations

import math
from typing import Any

from tlpy.evaluation.leaderboard import searched, show_setting
from tlpy.evaluation.metrics import METRICS
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.variants import Outcome
from tlpy.report.sections import Section, bullets, duration, escape, percent, words

TOP = 50
"""Rows for each target; the whole of it is in leaderboard.tsv."""
_ALSO = {"regression": ("r2", "r"), "binary": ("balanced_accuracy",), "multiclass": ("balanced_accuracy",)}
_FAILURES = 10


def leaderboard(rankings: list[Ranking]) -> Section:
    """The table, one row per variant in order of rank, the failed ones last."""
    outcomes = [outcome for ranking in rankings for outcome in ranking.outcomes]
    settings, several = searched(outcomes), len(rankings) > 1
    also = list(dict.fromkeys(name for r in rankings for name in _ALSO[str(r.task["type"])]))
    troubled = [outcome for outcome in outcomes if outcome.status != "done"]
    rows = {}
    for ranking in rankings:
        for place, outcome in enumerate(ranking.outcomes[:TOP]):
            key = f"{outcome.rank}" if outcome.rank else f"failed {place + 1}"
            row = _row(ranking, outcome, settings, also)
            rows[f"{escape(ranking.target)} {key}" if several else key] = row
    left = sum(max(0, len(ranking.outcomes) - TOP) for ranking in rankings)
    metrics = " or ".join(dict.fromkeys(f"{r.metric.in_sentence} ({r.metric.direction})" for r in rankings))
    text = (
        f"Ordered by {metrics} on validation. Read the test score with its interval: neighbours in rank "
        "are often equal for all one can tell. "
        + (f"Another {left} variants are not shown. " if left else "")
        + "The whole table, with more metrics, is <code>ranking/leaderboard.tsv</code>; the winner runs "
        "again with <code>ranking/best_params.yaml</code>. " + _failures(troubled)
    )
    config = {"col1_header": "Rank", "sort_rows": False, "no_violin": True, "save_file": False}
    headers = _headers(outcomes, settings, also, several)
    return Section("leaderboard", "Leaderboard", text, "table", rows, config, headers)


def _headers(
    outcomes: list[Outcome], settings: list[str], also: list[str], several: bool
) -> dict[str, dict[str, Any]]:
    headers = {}
    if several:
        headers["target"] = _text("Target", "Target data set and its metric")
    headers["kind"] = _text("Start", "Pretrained (transfer) or from scratch (the baseline without transfer)")
    for path in settings:
        headers[f"set:{path}"] = _text(_short(path, settings), f"Searched setting: {path}")
    headers["validation"] = _number("Validation", "The variant was chosen by this one; mean over replicates")
    headers["test"] = _number("Test", "Scored once, at the end", scale="Blues")
    if all(outcome.metric == "auroc" for outcome in outcomes):
        headers["test"] |= {"min": 0.5, "max": 1.0}
    headers["interval"] = _text("95 % interval", "Of the test score, by bootstrap over subjects")
    if any(math.isfinite(outcome.spread("test")) for outcome in outcomes):
        headers["sd"] = _number("sd", "Of the test score over replicates (seeds or folds)")
    headers["gain"] = _text("Gain", "Over training from scratch, in percent of its test score")
    for name in also:
        title = METRICS[name].label.replace("accuracy", "acc.")
        headers[f"also:{name}"] = _number(title, f"On test: {METRICS[name].meaning}")
    headers["seconds"] = _text("Time", "Of all its stages, shared ones counted in full")
    headers["parameters"] = _text("Trained", "Parameters that its last stage trains")
    if any(outcome.status != "done" for outcome in outcomes):
        headers["status"] = _text("Status", "Failed variants come last; the reasons stand above the table")
    return headers


def _short(path: str, paths: list[str]) -> str:
    """The last part of a path, where that tells it from the others; else all of it."""
    last = path.rsplit(".", 1)[-1]
    alone = sum(other.rsplit(".", 1)[-1] == last for other in paths) == 1
    return words(last if alone else path)


def _failures(troubled: list[Outcome]) -> str:
    """What failed and why, for the text above the table."""
    if not troubled:
        return ""
    shown = [f"{escape(o.label)}: {escape(o.reason)}" for o in troubled[:_FAILURES]]
    if len(troubled) > _FAILURES:
        shown.append(f"and {len(troubled) - _FAILURES} more, in leaderboard.tsv")
    return f"Failed in whole or in part:{bullets(shown)}"


def _text(title: str, description: str) -> dict[str, Any]:
    return {"title": escape(title), "description": escape(description), "scale": False, "format": "{}"}


def _number(title: str, description: str, scale: str | bool = False) -> dict[str, Any]:
    return {**_text(title, description), "scale": scale, "format": "{:,.3f}"}


def _row(ranking: Ranking, outcome: Outcome, settings: list[str], also: list[str]) -> dict[str, Any]:
    low, high = outcome.test_interval
    show = ranking.metric.show
    values: dict[str, Any] = {
        "target": f"{escape(ranking.target)} ({ranking.metric.label})",
        "kind": "scratch" if outcome.baseline else "transfer",
        "validation": outcome.mean("val"),
        "test": outcome.mean("test"),
        "interval": f"{show(low)} to {show(high)}" if math.isfinite(low) else "",
        "sd": outcome.spread("test"),
        "gain": percent(outcome.gain) if math.isfinite(outcome.gain) else "",
        "seconds": duration(outcome.seconds),
        "parameters": _millions(outcome.trainable),
        "status": outcome.status,
    }
    values |= {f"set:{path}": escape(show_setting(outcome.settings.get(path)) or "–") for path in settings}
    values |= {f"also:{name}": outcome.mean("test", name) for name in also}
    return {k: value for k, value in values.items() if not isinstance(value, float) or math.isfinite(value)}


def _millions(number: float) -> str:
    if not math.isfinite(number):
        return ""
    return f"{number / 1e6:.1f} M" if number >= 1e6 else f"{number:,.0f}"
