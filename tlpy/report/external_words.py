"""What is said of scores on external test sets, in the summary and in their own section; HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tlpy import words
from tlpy.evaluation.external import BEST, PLAIN, SCRATCH, TRANSFER, ExternalScore
from tlpy.evaluation.intervals import FEWEST
from tlpy.evaluation.outcomes import Outcome
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.results import Run
from tlpy.metrics.registry import Metric
from tlpy.report.sections import escape, paragraph
from tlpy.report.verdicts import with_interval as difference_with_interval

_ROLES = {
    BEST: "winner",
    TRANSFER: "best transfer",
    SCRATCH: "best from scratch",
    PLAIN: "best plain baseline",
}


def role_in_words(score: ExternalScore) -> str:
    """`winner`, `best from scratch`; of a winner that is from scratch, both."""
    role = _ROLES.get(score.role, score.role)
    return f"{role}, from scratch" if score.role == BEST and score.outcome.baseline else role


def with_interval(metric: Metric, outcome: Outcome) -> str:
    """`0.812 (0.701 to 0.902)`, or the value alone."""
    low, high = outcome.test_interval
    value = metric.show(outcome.mean("test"))
    return f"{value} ({metric.show(low)} to {metric.show(high)})" if math.isfinite(low) else value


def difference_in_words(score: ExternalScore) -> str:
    """The gain over training from scratch, with its interval; empty where nothing is compared."""
    return difference_with_interval(score.outcome.gain, score.metric)


def outside_in_short(ranking: Ranking, scores: Sequence[ExternalScore]) -> str:
    """A sentence for each external set of a target; empty where there is none."""
    mine = [one for one in scores if one.target == ranking.target]
    sets = list(dict.fromkeys(one.dataset for one in mine))
    return "".join(_sentence(name, [one for one in mine if one.dataset == name]) for name in sets)


def _sentence(name: str, scores: Sequence[ExternalScore]) -> str:
    best = scores[0]
    if not best.done:
        return paragraph(
            f"On the external data set <strong>{escape(name)}</strong> the winner could not be scored: "
            f"{escape(best.reason)}."
        )
    metric, own = best.metric, best.own
    people = words.count(best.outcome.n_test, "subject")
    text = (
        f"On the external data set <strong>{escape(name)}</strong> ({people}), which took no part in "
        f"anything, the winner scores {escape(metric.in_sentence)} "
        f"<strong>{_interval(metric, best.outcome)}</strong>; on its own test part it scores "
        f"{metric.show(own.mean('test'))}."
    )
    plain = next((one for one in scores if one.role == PLAIN and one.done), None)
    if plain is not None:
        text += f" The best plain baseline scores {_interval(metric, plain.outcome)} there."
    compared = next((one for one in scores if not one.outcome.baseline and difference_in_words(one)), None)
    if compared is not None:
        whose = "The winner's" if compared is best else "The best transfer's"
        text += (
            f" {whose} gain over the best training from scratch is there "
            f"{difference_in_words(compared)}{_verdict(compared)}."
        )
    return paragraph(text)


def _interval(metric: Metric, outcome: Outcome) -> str:
    low, high = outcome.test_interval
    value = metric.show(outcome.mean("test"))
    if not math.isfinite(low):
        return f"{value} (no interval)"
    return f"{value} (95 % interval {metric.show(low)} to {metric.show(high)})"


def _verdict(score: ExternalScore) -> str:
    found = score.outcome.gain
    if not math.isfinite(found.low):
        return ", which shows nothing"
    if not found.shown:
        return ": it <strong>does not show that transfer helped</strong>"
    return ": transfer <strong>helped</strong>" if found.shown > 0 else ": transfer <strong>did harm</strong>"


def external_method(run: Run) -> str:
    """A sentence for the methods text, with a space before it; empty without external sets."""
    names = list(dict.fromkeys(one.name.partition("#")[0] for one in run.plan.external))
    if not names:
        return ""
    sets = "data set" if len(names) == 1 else "data sets"
    listed = escape(words.joined([f"'{name}'" for name in names]))
    return (
        f" The external {sets} {listed} took no part in training, validation or choice, and nobody who is in "
        "another data set was left in; the variant that validation chose, the best training from scratch "
        "and the best plain baseline were scored on all of its images once, after the search had ended."
    )


def cautions(scores: Sequence[ExternalScore]) -> list[str]:
    """What to be careful about, set by set."""
    found: dict[str, None] = {}
    for one in scores:
        name = escape(one.dataset)
        if one.differences:
            lines = escape("; ".join(one.differences))
            found[
                f"The images of '{name}' were prepared in another way than those that the networks of "
                f"'{escape(one.target)}' were trained on: {lines}. A lower score may be owed to that."
            ] = None
        if one.done and one.outcome.n_groups < FEWEST:
            found[
                f"'{name}' has {one.outcome.n_groups} subjects or groups that are independent: below "
                f"{FEWEST} no interval means anything, and none is given."
            ] = None
        if one.reason:
            found[f"The {role_in_words(one)} on '{name}': {escape(one.reason)}."] = None
    return list(found)
