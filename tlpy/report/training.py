"""Sections on training: learning curves, cost, what was shared."""

from __future__ import annotations

import math
from typing import Any

from tlpy import words
from tlpy.evaluation.outcomes import Outcome
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.results import Run, StageResult
from tlpy.metrics.registry import METRICS
from tlpy.report.sections import COLOURS, GREY, Section, escape, html_table

CURVES = 12
"""Stages in a plot of learning curves: those of the best variants."""
BARS = 30
"""Variants in the plot of cost."""
_ROLES = {"pretrain": "pretraining", "adapt": "adaptation", "finetune": "fine-tuning"}


def curves(run: Run, rankings: list[Ranking], role: str) -> Section | None:
    """Loss and validation metric per epoch of the distinct stages of one role, best variants first."""
    chosen = distinct_stages(run, rankings, role)
    by_dataset: dict[str, list[tuple[str, StageResult]]] = {}
    for label, stage in chosen:
        by_dataset.setdefault(stage.record.dataset, []).append((label, stage))
    ranked_by = [ranking.metric.name for ranking in rankings]
    data: list[dict[str, list[list[float]]]] = []
    buttons: list[dict[str, str]] = []
    colours: dict[str, str] = {}
    dashes: dict[str, str] = {}
    for dataset, stages in by_dataset.items():
        where = f"{escape(dataset)}: " if len(by_dataset) > 1 else ""
        metric: dict[str, list[list[float]]] = {}
        losses: dict[str, list[list[float]]] = {}
        for number, (label, stage) in enumerate(stages[:CURVES]):
            history, colour = stage.history, COLOURS[number % len(COLOURS)]
            # What variants are ranked by, where that is defined for what the stage learns.
            name = next((one for one in ranked_by if f"val_{one}" in history), stage.record.metric)
            for kind, column, line in (
                *([(metric, f"val_{name}", label)] if name != "loss" else []),
                (losses, "val_loss", f"{label} · validation"),
                (losses, "train_loss", f"{label} · training"),
            ):
                kind[line] = _points(history, column)
                colours[line] = colour
                dashes[line] = "dot" if column == "train_loss" else "solid"
        shown = METRICS[name].in_sentence if name in METRICS else name
        for kind, button in ((metric, f"Validation {shown}"), (losses, "Loss")):
            kept = {line: points for line, points in kind.items() if points}
            if kept:
                data.append(kept)
                buttons.append({"name": where + button, "ylab": button})
    if not data:
        return None
    left = len(chosen) - sum(min(CURVES, len(stages)) for stages in by_dataset.values())
    text = (
        f"Each line is a distinct stage of {_ROLES[role]}, used by the variants whose ranks stand before "
        "it. Look for validation loss that rises while training loss (dotted) falls: overfitting; for "
        "lines still improving at the end: too few epochs; for lines that jump: too high a learning rate."
        + (f" {words.count(left, 'further stage')} of lower-ranked variants not shown." if left else "")
        + (" With several seeds or folds, the first is shown." if _replicated(run) else "")
    )
    config: dict[str, Any] = {
        "xlab": "Epoch",
        "ylab": buttons[0]["ylab"],
        "colors": colours,
        "dash_styles": dashes,
        "smooth_points": None,
        "x_decimals": 0,
        "height": 480,
        "showlegend": True,
        "data_labels": buttons,
    }
    return Section(f"curves_{role}", f"Learning curves: {_ROLES[role]}", text, "linegraph", data, config)


def _replicated(run: Run) -> bool:
    return any(len(variant.replicates) > 1 for variant in run.plan.variants)


def _points(history: dict[str, list[float]], column: str) -> list[list[float]]:
    epochs = history.get("epoch") or list(range(1, len(history.get(column, [])) + 1))
    values = zip(epochs, history.get(column, []), strict=False)
    return [[epoch, float(f"{value:.5g}")] for epoch, value in values if math.isfinite(value)]


def distinct_stages(run: Run, rankings: list[Ranking], role: str) -> list[tuple[str, StageResult]]:
    """Distinct stages of one role that have a history, in the order of the best variant that uses each."""
    users: dict[str, list[tuple[Ranking, Outcome]]] = {}
    for ranking in rankings:
        for outcome in ranking.outcomes:
            for id_ in outcome.replicates[0].stages:
                stage = run.stages[id_]
                if stage.record.role == role and stage.history:
                    users.setdefault(id_, []).append((ranking, outcome))
    several = len(rankings) > 1
    found = [(_label(users[id_], several), run.stages[id_]) for id_ in users]
    seen: dict[str, int] = {}
    unique = []
    for label, stage in found:
        seen[label] = seen.get(label, 0) + 1
        unique.append((label if seen[label] == 1 else f"{label} ({seen[label]})", stage))
    return unique


def _label(users: list[tuple[Ranking, Outcome]], several: bool) -> str:
    """The ranks that use a stage, and the settings that all of these share."""
    ranks = [f"{r.target} {o.rank}" if several else str(o.rank) for r, o in users if o.rank is not None]
    first = users[0][1]
    shared = {
        path: value
        for path, value in first.settings.items()
        if all(outcome.settings.get(path) == value for _, outcome in users)
    }
    said = ", ".join(
        words.setting(value) if isinstance(value, str) else f"{words.path(path)} {words.setting(value)}"
        for path, value in shared.items()
        if value is not None and value != first.record.target
    )
    if all(outcome.baseline for _, outcome in users):
        said += ", from scratch"
    head = "/".join(ranks[:4]) + ("/…" if len(ranks) > 4 else "") if ranks else "failed"
    return escape(f"{head}: {said}" if said else f"{head}: {first.label}")


def cost(run: Run, rankings: list[Ranking]) -> Section | None:
    """Seconds of the stages of each variant, those it shares with others apart."""
    users: dict[str, set[str]] = {}
    for ranking in rankings:
        for outcome in ranking.outcomes:
            for replicate in outcome.replicates:
                for id_ in replicate.stages:
                    users.setdefault(id_, set()).add(outcome.id)
    bars: dict[str, dict[str, float]] = {}
    for ranking in rankings:
        for outcome in ranking.outcomes[:BARS]:
            prefix = f"{ranking.target} " if len(rankings) > 1 else ""
            rank = str(outcome.rank) if outcome.rank else "failed"
            bar: dict[str, float] = {}
            for id_ in dict.fromkeys(id_ for replicate in outcome.replicates for id_ in replicate.stages):
                stage = run.stages[id_]
                if math.isfinite(stage.seconds):
                    key = "shared" if len(users[id_]) > 1 else "own"
                    bar[key] = round(bar.get(key, 0.0) + stage.seconds, 1)
            if bar:
                bars[escape(f"{prefix}{rank}: {outcome.label}")] = bar
    if not bars:
        return None
    total = sum(stage.seconds for stage in run.stages.values() if math.isfinite(stage.seconds))
    stored = sum(stage.record.stored for stage in run.stages.values())
    text = (
        "Time of training, validation and test of each variant's stages, by rank. Blue: stages that only "
        "this variant needs. Grey: stages shared with other variants, counted in full for each, so that "
        f"bars add up to more than was spent: all distinct stages together took {words.duration(total)}"
        + (f", {words.count(stored, 'stage')} of them in earlier runs." if stored else ".")
    )
    config = {
        "ylab": "Seconds",
        "ysuffix": " s",
        "cpswitch": False,
        "sort_samples": False,
        "height": max(300, 26 * len(bars) + 140),
        "hide_zero_cats": True,
    }
    categories = {
        "own": {"name": "own stages", "color": COLOURS[0]},
        "shared": {"name": "shared", "color": GREY},
    }
    return Section("cost", "Cost", text, "bargraph", bars, config, categories)


def sharing(run: Run) -> Section:
    """What sharing and the store saved, as a small table."""
    facts = run.plan.sharing
    rows = [
        ("Variants, baselines included", f"{facts.variants:,}"),
        ("Stages if each variant trained all of its own", f"{facts.stage_runs:,}"),
        ("Distinct stages, after sharing equal beginnings", f"{facts.distinct:,}"),
        ("… of which finished in an earlier run (store)", f"{facts.stored:,}"),
        ("… trained in this run", f"{facts.to_train:,}"),
        ("Epochs without sharing", f"{facts.epochs_unshared:,}"),
        ("Epochs trained in this run", f"{facts.epochs_to_train:,}"),
    ]
    if facts.epochs_unshared:
        saved = 100 * (1 - facts.epochs_to_train / facts.epochs_unshared)
        rows.append(("Epochs saved", f"<strong>{words.percent(saved).lstrip('+')}</strong>"))
    text = (
        "Two variants that begin alike share the stages of that beginning: these are trained once. "
        "Finished stages found in the store are not trained again."
    )
    return Section("sharing", "Shared and saved", text, "html", html_table(("", "Count"), rows, (1,)))
