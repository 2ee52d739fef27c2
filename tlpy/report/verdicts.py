"""The verdicts of the summary in words: is the winner better than guessing, and did transfer help? HTML."""

from __future__ import annotations

import math

from tlpy import words
from tlpy.evaluation.difference import Difference
from tlpy.evaluation.intervals import FEWEST
from tlpy.evaluation.ranking import Ranking
from tlpy.metrics.registry import Metric
from tlpy.report.sections import escape


def on_chance(ranking: Ranking) -> str | None:
    """Said first where the winner is not shown better than guessing; None where it is, or can't be told."""
    found, best = ranking.headline.over_chance, ranking.headline.best
    if best is None or not found.known or found.shown > 0:
        return None
    metric = ranking.metric
    guessing = "guessing the middle of the test labels" if metric.in_label_units else "guessing"
    score = f"{metric.label} {metric.show(best.mean('test'))}"
    if not math.isfinite(found.low):
        few = words.count(best.n_groups, "independent subject or group", "independent subjects or groups")
        return (
            f"<strong>Not shown better than {guessing}</strong>: {score} on {few}, too few to tell "
            f"(fewer than {FEWEST})."
        )
    verdict = f"Worse than {guessing}" if found.shown < 0 else f"Not shown better than {guessing}"
    return f"<strong>{verdict}</strong>: {score}; against guessing {interval_of(found, metric)}."


def on_transfer(ranking: Ranking) -> str | None:
    """Whether transfer helped, against the best from-scratch variant; None where nothing was transferred."""
    headline, metric = ranking.headline, ranking.metric
    if headline.transfer is None:
        return None
    if headline.scratch is None:
        asked = any(outcome.record.scratch for outcome in ranking.outcomes)
        why = "every one of them failed" if asked else "none was asked for"
        return (
            f"The gain of transfer is not known: there is no from-scratch baseline to compare with ({why})."
        )
    found = headline.gain
    if not found.known:
        return "The gain over scratch has no value: no test score is defined for both."
    said = f"{interval_of(found, metric)} over the best training from scratch"
    if math.isfinite(headline.gain_percent):
        said += f" ({words.percent(headline.gain_percent)})"
    if not math.isfinite(found.low):
        few = words.count(
            headline.transfer.n_groups, "independent subject or group", "independent subjects or groups"
        )
        return f"Transfer: {said}. On {few} that <strong>does not show that transfer helped</strong>."
    if found.shown > 0:
        return f"<strong>Transfer helped</strong>: {said}."
    if found.shown < 0:
        return f"<strong>Transfer did harm</strong>: {said}."
    return (
        f"This test set <strong>does not show that transfer helped</strong>: {said}, and the interval holds "
        "zero."
    )


def on_twin(ranking: Ranking) -> str | None:
    """The gain over the twin with equal settings, beside the headline; None where that says nothing new."""
    transfer, scratch = ranking.best_transfer, ranking.best_scratch
    if transfer is None or not transfer.twin_gain.known:
        return None
    if scratch is not None and transfer.record.scratch == scratch.id:
        return None
    return (
        "Over training from scratch with its own settings and as many epochs as its last stage, the best "
        f"transfer gains {interval_of(transfer.twin_gain, ranking.metric)}: part of that may be the "
        "settings, or the longer training."
    )


def on_folds(ranking: Ranking) -> str | None:
    """What choosing over folds would have promised; None without folds."""
    best, headline = ranking.best, ranking.headline.best
    if not ranking.in_folds or best is None or headline is None:
        return None
    shown, picks = ranking.metric.show, set(headline.picks.values())
    chosen = "the same one in every fold" if len(picks) == 1 else f"{len(picks)} different ones"
    return (
        f"The test score is that of whichever variant was best on validation inside each fold ({chosen}). "
        f"The winner's own mean over folds, {shown(best.mean('test'))}, is optimistic: its validation "
        "images are other folds' test images."
    )


def on_a_scratch_winner(ranking: Ranking) -> str | None:
    """That training from scratch came out first, where there was transfer to choose."""
    best, transfer = ranking.best, ranking.best_transfer
    if best is None or not best.baseline or all(outcome.baseline for outcome in ranking.outcomes):
        return None
    beside = f" The best transfer is rank {transfer.rank}: {escape(transfer.label)}." if transfer else ""
    first = "Training from scratch came out first"
    return f"{first}: on validation, <strong>transfer did not help</strong>.{beside}"


def with_interval(found: Difference, metric: Metric) -> str:
    """`+0.031 (−0.010 to +0.072)`; empty where it is not known."""
    if not found.known:
        return ""
    ends = f" ({metric.signed(found.low)} to {metric.signed(found.high)})" if math.isfinite(found.low) else ""
    return metric.signed(found.value) + ends


def interval_of(found: Difference, metric: Metric) -> str:
    """`+0.031 AUROC (95 % interval −0.010 to +0.072)`."""
    unit = metric.in_sentence
    value = f"{metric.signed(found.value)} {escape(unit)}"
    if metric.lower_is_better:
        value = f"{escape(unit)} {metric.show(abs(found.value))} {'lower' if found.value >= 0 else 'higher'}"
    if not math.isfinite(found.low):
        return value
    ends = [metric.signed(end) for end in (found.low, found.high)]
    if metric.lower_is_better:
        return f"{value} (95 % interval of what is saved {ends[0]} to {ends[1]})"
    return f"{value} (95 % interval {ends[0]} to {ends[1]})"
