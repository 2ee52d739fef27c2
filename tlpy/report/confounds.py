"""What the label goes with beside what is meant, and how good the winner is in every group of people."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tlpy import words
from tlpy.evaluation.association import AUROC
from tlpy.evaluation.by_confound import GroupScore, group_scores
from tlpy.evaluation.confounds import Confounding, confounding
from tlpy.evaluation.covariates import GRID, MEAN, SPREAD, VOLUME
from tlpy.evaluation.intervals import FEWEST
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.results import Run
from tlpy.metrics.registry import METRICS
from tlpy.plain.registry import PLAIN
from tlpy.report.cited import known_facts
from tlpy.report.plain import called
from tlpy.report.sections import Section, bullets, escape, html_table

# What a network that goes by it has learnt; of others it is the column itself.
_LEARNT = {
    "site": "the scanner",
    VOLUME: "how much of an image is foreground",
    MEAN: "how bright an image is",
    SPREAD: "the contrast of an image",
    GRID: "the protocol",
}
_MORE = 5


def confounds(run: Run, rankings: Sequence[Ranking]) -> Section | None:
    """The section; None where nothing is known beside the labels."""
    found = [one for dataset in run.plan.datasets for one in confounding(run, dataset)]
    groups = [one for ranking in rankings for one in group_scores(run, ranking)]
    if not found and not groups:
        return None
    warned = sorted((one for one in found if one.is_worth_a_warning), key=_prominence)
    told = [f"<strong>{escape(one.dataset)}</strong>: {_sentence(one)}." for one in warned]
    parts = [bullets(told) if told else "<p>Nothing stands out.</p>", _table(found)] if found else []
    if groups:
        parts.append("<h5>The best variant, group by group</h5>" + _groups(groups))
    compared = {one.dataset: sum(other.dataset == one.dataset for other in found) for one in found}
    counted = ", ".join(f"{escape(name)} {number}" for name, number in compared.items())
    text = (
        "What each label goes with: columns of the table (<code>confounds</code>), and what was measured in "
        "the images as stored. Whatever goes with the label in training and test alike can be learnt in its "
        "place, and no test score shows it. A row is a subject; intervals are 95 %, and p is Holm-corrected "
        f"over what was compared in a data set ({counted}). In bold: there for all one can tell, and not "
        "small. Whether it is a shortcut or part of what is studied (a disease that shrinks the brain) only "
        "you can say. The numbers are in <code>ranking/confounds.tsv</code> and "
        "<code>ranking/by_confound.tsv</code>."
    )
    return Section("confounds", "Confounds", text, "html", "".join(parts))


def confound_caveats(run: Run, ranking: Ranking) -> list[str]:
    """For the summary: what the target's label goes with, and what confounds alone reach."""
    return [*_on_labels(run, ranking), *_on_confounds_alone(run, ranking)]


def _on_labels(run: Run, ranking: Ranking) -> list[str]:
    if not ranking.heads:
        return []
    learnt = ranking.heads[0].columns
    found = [
        one for one in confounding(run, ranking.target) if one.label.name in learnt and one.is_worth_a_warning
    ]
    if not found:
        return []
    found.sort(key=_prominence)
    named = [f"<strong>{escape(one.covariate.name)}</strong> ({_value(one)})" for one in found[:_MORE]]
    more = [f"{len(found) - _MORE} more"] if len(found) > _MORE else []
    instead = words.joined(list(dict.fromkeys(_learnt(one) for one in found[:3])), "or")
    return [
        f"The label goes with {words.joined([*named, *more])}: the network may have learnt "
        f"{instead} instead of {escape(ranking.heads[0].label)}. See Confounds."
    ]


def _on_confounds_alone(run: Run, ranking: Ranking) -> list[str]:
    """Where the winner is not shown better than they are; the best plain baseline is spoken of elsewhere."""
    best, metric, chosen = ranking.headline.best, ranking.metric, ranking.headline.plain
    components = {one.id: one.component["name"] for one in run.plan.plain}
    # Over folds the best baseline may be put together from several.
    picks = set(chosen.picks.values()) or {chosen.id} if chosen else set()
    elsewhere = picks if len(picks) == 1 else set()
    said = []
    for outcome in ranking.plain:
        facts = known_facts(PLAIN, components.get(outcome.id, ""))
        if best is None or outcome.id in elsewhere or not (facts and facts.covariates and outcome.done):
            continue
        found = ranking.resampling.between(best, outcome, metric)
        if not found.known or found.shown > 0:
            continue
        fit = run.plan.plain_fits[outcome.done[0].stages[0]]
        names = words.joined([escape(column.label) for column in fit.confounds])
        said.append(
            f"Without any image, {names} alone reach {metric.label} {metric.show(outcome.mean('test'))} on "
            f"test ({escape(called(outcome))}): the network <strong>is not shown better</strong>."
        )
    return said


def _prominence(one: Confounding) -> tuple[bool, float]:
    """What somebody wrote down of people comes before what was measured, the strongest first."""
    return one.measured, -one.found.strength


def _sentence(one: Confounding) -> str:
    label = escape(one.label.name)
    return (
        f"{label} goes with {escape(one.covariate.name)} ({_value(one)}): a network may learn {_learnt(one)} "
        f"instead of {label}"
    )


def _learnt(one: Confounding) -> str:
    return escape(_LEARNT.get(one.covariate.name, one.covariate.name))


def _value(one: Confounding) -> str:
    found = one.found
    return f"{_measure(one)} {found.value:.2f}, {_number(found.low)} to {_number(found.high)}"


def _measure(one: Confounding) -> str:
    """The measure; of two classes with the one that has more of it."""
    if one.found.measure != AUROC:
        return escape(one.found.measure)
    classes = (one.covariate if one.label.is_number else one.label).head.names
    return f"{AUROC} of {escape(classes[1])} above {escape(classes[0])}" if len(classes) == 2 else AUROC


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "−") if math.isfinite(value) else "n/a"


def _table(found: Sequence[Confounding]) -> str:
    rows = []
    for one in found:
        a = one.found
        name = escape(one.covariate.name)
        interval = (
            f"{_number(a.low)} to {_number(a.high)}" if math.isfinite(a.low) else f"below {FEWEST} units"
        )
        people = f"{a.n:,}" + (f" ({a.units:,} units)" if a.units < a.n else "")
        rows.append(
            [
                escape(one.dataset),
                escape(one.label.name),
                f"<strong>{name}</strong>" if one.is_worth_a_warning else name,
                _measure(one),
                _number(a.value),
                interval,
                f"{a.none:g}",
                _p(one.p),
                people,
            ]
        )
    header = ("Data set", "Label", "Goes with", "Measure", "Value", "95 % interval", "If nothing", "p (Holm)")
    return html_table((*header, "Subjects"), rows, (4, 6, 7, 8))


def _p(value: float) -> str:
    if not math.isfinite(value):
        return "n/a"
    return "&lt; 0.001" if value < 0.001 else f"{value:.3f}"


def _groups(groups: Sequence[GroupScore]) -> str:
    rows = []
    for one in groups:
        show = METRICS[one.metric].show
        low, high = one.interval
        why = "one class only" if one.units >= FEWEST else f"below {FEWEST}"
        rows.append(
            [
                escape(one.target),
                escape(one.confound),
                escape(one.category),
                escape(METRICS[one.metric].label),
                show(one.score) if math.isfinite(one.score) else "n/a",
                f"{show(low)} to {show(high)}"
                if math.isfinite(low)
                else "none"
                if math.isfinite(one.score)
                else why,
                f"{one.subjects:,}",
            ]
        )
    header = ("Target", "Confound", "Group", "Metric", "On test", "95 % interval", "Subjects tested")
    return html_table(header, rows, (4, 6))
