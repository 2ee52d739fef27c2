"""The report: every section that has something to show, as custom content for MultiQC."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlpy.evaluation.external import ExternalScore
from tlpy.evaluation.ranking import Ranking
from tlpy.evaluation.results import Run
from tlpy.report import (
    confounds,
    data,
    external,
    leaderboard_table,
    methods,
    predictions,
    rates,
    score_figures,
    starts,
    summary,
    training,
)


def write_report(
    run: Run,
    rankings: list[Ranking],
    out: Path,
    outside: Sequence[ExternalScore] = (),
    named: Run | None = None,
    pictures: bool = True,
) -> None:
    """Write `<section>_mqc.json` files into `out`.

    Args:
        run, rankings, outside: what is reported.
        out: the folder to write into.
        named: the run whose prepared images the report may name; None: `run`.
        pictures: whether it shows prepared images.

    A section without anything to show (no history, no predictions, no pictures) is left out; the summary, the
    leaderboard, the data sets and the methods are always there.
    """
    out.mkdir(parents=True, exist_ok=True)
    named = named or run
    sections = [
        summary.summary(run, rankings, outside),
        leaderboard_table.leaderboard(rankings),
        external.external(rankings, outside),
        score_figures.scores(rankings),
        score_figures.gain(rankings),
        score_figures.effects(rankings),
        predictions.predicted(rankings),
        predictions.curves(rankings),
        predictions.confusions(rankings),
        *(training.curves(run, rankings, role) for role in ("finetune", "adapt", "pretrain")),
        rates.rates(run, rankings),
        training.cost(run, rankings),
        training.sharing(run),
        data.datasets(run),
        confounds.confounds(run, rankings),
        data.pictures(named) if pictures else None,
        data.quality(named),
        starts.starts(run),
        data.left_out(named),
        methods.inferred(run),
        methods.methods(run, rankings),
    ]
    for section in sections:
        if section is not None:
            section.write(out)
