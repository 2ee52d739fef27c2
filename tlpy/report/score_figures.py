"""Test scores and gains with intervals, and the effect of each searched setting."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from tlpy import words
from tlpy.evaluation.leaderboard import searched
from tlpy.evaluation.outcomes import Outcome
from tlpy.evaluation.ranking import Ranking
from tlpy.metrics.registry import Metric
from tlpy.report.sections import Section, escape
from tlpy.report.svg import Mark, Panel, forest, strips
from tlpy.report.verdicts import with_interval

SHOWN = 20
"""Rows of a figure."""


def scores(rankings: list[Ranking]) -> Section | None:
    """Test scores with intervals, best-ranked first."""
    figures = []
    for ranking in rankings:
        shown = [o for o in ranking.ranked if math.isfinite(o.mean("test"))][:SHOWN]
        if not shown:
            continue
        show = ranking.metric.show
        shown += [o for o in ranking.plain if math.isfinite(o.mean("test"))]
        marks = [
            Mark(
                _name(o),
                o.mean("test"),
                *o.test_interval,
                _with(show(o.mean("test")), o, show),
                muted=o.baseline,
                apart=o.plain,
            )
            for o in shown
        ]
        axis = f"{ranking.metric.label} on test ({ranking.metric.direction})"
        guess = 0.5 if ranking.metric.name == "auroc" else None
        figure = forest(marks, axis, guess, ("Rank and variant", "Score (95 % interval)"))
        figures.append(_titled(rankings, ranking) + figure)
    text = (
        "Each point is a variant's score on the test set, each line its 95 % interval (bootstrap over "
        "subjects), in order of rank. Look at how far the intervals overlap before calling one variant "
        "better than another. Grey: trained from scratch. The dashed line is guessing."
        + (" Orange, below: plain baselines, by validation." if any(r.plain for r in rankings) else "")
    )
    return Section("scores", "Test scores", text, "html", "".join(figures)) if figures else None


def gain(rankings: list[Ranking]) -> Section | None:
    """Gain over scratch with intervals."""
    figures = []
    for ranking in rankings:
        shown = [o for o in ranking.ranked if o.gain.known][:SHOWN]
        if shown:
            marks = [
                Mark(_name(o), o.gain.value, o.gain.low, o.gain.high, _with_percent(o, ranking.metric))
                for o in shown
            ]
            axis = f"Gain in {ranking.metric.label} on test (above zero: better than from scratch)"
            figure = forest(marks, axis, 0.0, ("Rank and variant", "Gain (95 % interval)"))
            figures.append(_titled(rankings, ranking) + figure)
    text = (
        "What transfer adds, in units of the metric: score − score of the best variant from scratch, chosen "
        "on validation as the winner is, on the same test cases (the sign is turned for errors: right is "
        "always better). Among those from scratch are trainings as long as a whole chain. A line that "
        "crosses zero shows no gain; one wholly below zero is harm. In brackets: 100 · (score − score from "
        "scratch) / score from scratch. The gain over the twin with equal settings is in the leaderboard."
    )
    return Section("gain", "Gain over scratch", text, "html", "".join(figures)) if figures else None


def _with_percent(outcome: Outcome, metric: Metric) -> str:
    share = outcome.gain_percent
    percent = f" [{words.percent(share)}]" if math.isfinite(share) else ""
    return with_interval(outcome.gain, metric) + percent


def _with(value: str, outcome: Outcome, show: Callable[[float], str]) -> str:
    low, high = outcome.test_interval
    return f"{value} ({show(low)} to {show(high)})" if math.isfinite(low) else value


def _name(outcome: Outcome) -> str:
    if outcome.plain:
        return outcome.label
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
                value = words.setting(outcome.settings[path])
                groups.setdefault(value, []).append((outcome.mean("val"), outcome.mean("test")))
            if 1 < len(groups) <= 12:
                panels.append(Panel(words.path(path), list(groups.items())))
        if panels:
            axis = f"{ranking.metric.label} ({ranking.metric.direction})"
            figures += [_titled(rankings, ranking), strips(panels, axis, ranking.metric.show)]
    transfers = any(ranking.best_transfer for ranking in rankings)
    text = (
        f"Every dot is a variant{' with transfer' if transfers else ''}; for each value of a setting, the "
        "bar is the mean over all variants that use it, whatever their other settings. A setting matters "
        "where its bars differ by more than the dots scatter. Grey: validation. Orange: test."
    )
    return Section("effects", "Effect of each setting", text, "html", "".join(figures)) if figures else None


def _sortable(value: Any) -> tuple[int, list[tuple[int, float, str]]]:
    """Numbers first, by size; texts by their letters and, within them, numbers: resnet18 before resnet101."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return 0, [(0, float(value), "")]
    pieces = re.split(r"(\d+)", words.setting(value))
    return 1, [(0, float(piece), "") if piece.isdigit() else (1, 0.0, piece) for piece in pieces]
