"""The plain baselines in words: whether the network earned its keep, and how they were fitted. HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tlpy import words
from tlpy.evaluation.outcomes import Outcome
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.results import Run
from tlpy.plain.registry import PLAIN, title
from tlpy.report.cited import known_facts
from tlpy.report.sections import escape
from tlpy.report.verdicts import interval_of


def on_plain(ranking: Ranking) -> str | None:
    """Whether the winner beats the plain baseline that is best on validation; None where there is none."""
    headline, metric = ranking.headline, ranking.metric
    best, plain = headline.best, headline.plain
    if best is None or not ranking.plain:
        return None
    if plain is None:
        reasons = words.joined(list(dict.fromkeys(escape(outcome.reason) for outcome in ranking.plain)))
        return f"No plain baseline finished ({reasons}), so whether the network earned its keep is not known."
    several = len(set(plain.picks.values())) > 1
    name = "chosen inside each fold" if several else escape(called(plain))
    against = f"the best plain baseline ({name}; {metric.label} {metric.show(plain.mean('test'))} on test)"
    found = headline.over_plain
    if not found.known:
        return f"How the network compares with {against} is not known: no test score is defined for both."
    said = f"{interval_of(found, metric)}, on the same test cases"
    if not math.isfinite(found.low):
        few = words.count(best.n_groups, "independent subject or group", "independent subjects or groups")
        return f"On {few} the network <strong>is not shown better than</strong> {against}: {said}."
    if found.shown > 0:
        return f"The network <strong>beats</strong> {against}: {said}."
    if found.shown < 0:
        return f"The network <strong>is worse than</strong> {against}: {said}. Here it is not worth its cost."
    said += ", and the interval holds zero"
    return f"The network <strong>is not shown better than</strong> {against}: {said}."


def called(outcome: Outcome) -> str:
    """What a baseline is called within a sentence."""
    return outcome.label.removeprefix("plain: ")


def table_rows(ranking: Ranking, top: int) -> dict[str, Outcome]:
    """The rows of the leaderboard by their key: ranks, plain baselines, failures; `top` beside the plain."""
    rows: dict[str, Outcome] = {}
    shown = ranking.outcomes[:top]
    for outcome in shown:
        if outcome.rank:
            rows[f"{outcome.rank}"] = outcome
    for place, outcome in enumerate(ranking.plain, 1):
        rows[f"plain {place}"] = outcome
    for place, outcome in enumerate(shown, 1):
        if not outcome.rank:
            rows[f"failed {place}"] = outcome
    return rows


def plain_in_table(rankings: Sequence[Ranking]) -> str:
    """What is said above a leaderboard that holds plain baselines."""
    if not any(ranking.plain for ranking in rankings):
        return ""
    return (
        "Plain baselines (no network, the same splits) have no rank: by validation, they stand after the "
        "variants. "
    )


def plain_methods(run: Run) -> str:
    """How the plain baselines were fitted; empty where there were none."""
    done = [
        one
        for one in run.plan.plain
        if any(fit in run.plain and run.plain[fit].done for r in one.replicates for fit in r.stages)
    ]
    heads = {one.id: run.plan.plain_fits[one.replicates[0].stages[0]].heads[0] for one in done}
    names = list(dict.fromkeys(escape(title(one.component, heads[one.id])) for one in done))
    if not names:
        return ""
    text = (
        f"As plain baselines, without a network, {words.joined(names)} were fitted to the same training parts"
    )
    if any(_is_penalised(one.component["name"]) for one in done):
        text += (
            ", on features standardised by the training part, with the strength of the penalty chosen on the "
            "same validation parts (scikit-learn)"
        )
    return f"{text}, and scored on the same test parts."


def _is_penalised(name: str) -> bool:
    """Whether a baseline has a strength that is chosen."""
    facts = known_facts(PLAIN, name)
    return bool(facts and facts.penalised)
