"""How intervals and p values were worked out, in words (`tlpy.evaluation.scales`)."""

from __future__ import annotations

import math

from tlpy import words
from tlpy.evaluation.intervals import FEWEST, RESAMPLES
from tlpy.evaluation.ranking import Ranking
from tlpy.records import BINARY, MULTICLASS

_BY_SCALE = {
    "share": "of {} percentiles, moved towards 0.5 as Wilson's interval of a proportion is",
    "error": "of {} Student's t on the logarithm",
    "explained": "of {} Student's t on the logarithm of what is left unexplained",
    "correlation": "of {} Student's t on Fisher's z",
}


def how_intervals_were_made(rankings: list[Ranking]) -> str:
    """A sentence or two, not yet escaped."""
    shown = [ranking for ranking in rankings if any(_has_interval(o.test_interval) for o in ranking.ranked)]
    if not shown:
        return f"With fewer than {FEWEST} independent test subjects there are no intervals and no p values."
    by_class = [ranking.task_type in (BINARY, MULTICLASS) for ranking in shown]
    names: dict[str, list[str]] = {}
    for ranking in shown:
        names.setdefault(ranking.metric.scale, []).append(ranking.metric.in_sentence)
    parts = [
        _BY_SCALE[scale].format(words.joined(list(dict.fromkeys(found)))) for scale, found in names.items()
    ]
    where = "" if all(by_class) else " where one is predicted"
    strata = f" (stratified by class{where})" if any(by_class) else ""
    return (
        f"Intervals (95 %) rest on {RESAMPLES:,} bootstrap resamples of test subjects{strata}: "
        f"{'; '.join(parts)}; of differences between variants Student's t with the standard error of the "
        "paired bootstrap."
    )


def _has_interval(interval: tuple[float, float]) -> bool:
    return all(math.isfinite(end) for end in interval)
