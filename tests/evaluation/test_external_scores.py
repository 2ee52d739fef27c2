"""External test sets after the ranking: what is scored there, its interval, its place in table and report."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_external import add_external
from fake_run import FakeRun
from sklearn.metrics import roc_auc_score

from tlpy.evaluation.external import choose, external_scores, write_external
from tlpy.evaluation.ranking import rank
from tlpy.report.write import write_report

LARGE = {"phantoms": (280, 60, 60), "brains": (160, 60, 60), "clinic": (90, 30, 30)}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def predictions(root: Path, stage: str) -> tuple[np.ndarray, np.ndarray]:
    with (root / "external/far" / stage / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([row["true"] == "M" for row in rows]), np.array([float(row["p:M"]) for row in rows])


def text_of(file: Path) -> str:
    content = json.loads(file.read_text())
    return str(content["description"]) + str(content["data"])


def test_the_winner_and_the_best_from_scratch_are_chosen_as_in_the_ranking(tmp_path: Path) -> None:
    run = add_external(FakeRun(tmp_path, seeds=2, sizes=LARGE))
    (ranking,) = rank(run)
    assert ranking.best is not None
    assert ranking.best_scratch is not None
    chosen = choose(run.plan, rank(run, resamples=1))
    assert [(one.role, one.variant) for one in chosen.variants] == [
        ("best", ranking.best.id),
        ("scratch", ranking.best_scratch.id),
    ]
    ends = [one.stages[-1] for outcome in (ranking.best, ranking.best_scratch) for one in outcome.done]
    (request,) = chosen.requests
    assert [stage.id for stage in request.stages] == ends
    assert type(chosen).from_json(json.loads(json.dumps(chosen.to_json()))) == chosen


def test_scores_are_means_over_seeds_with_an_interval_over_people(tmp_path: Path) -> None:
    """Against scikit-learn and a bootstrap written out here."""
    run = add_external(FakeRun(tmp_path, seeds=2, sizes=LARGE), people=80, worse=0.6)
    best, scratch = external_scores(run, rank(run), tmp_path / "external", resamples=4000)
    cases = {
        one.role: [predictions(tmp_path, replicate.stages[-1]) for replicate in one.own.done]
        for one in (best, scratch)
    }
    for one in (best, scratch):
        aucs = [roc_auc_score(true, score) for true, score in cases[one.role]]
        assert one.value == pytest.approx(np.mean(aucs))
        assert one.outcome.spread() == pytest.approx(np.std(aucs, ddof=1))
    assert best.outcome.gain.value == pytest.approx(best.value - scratch.value)
    rng = np.random.default_rng(1)
    true = cases["best"][0][0]
    drawn = {"best": [], "scratch": []}
    for _ in range(1500):
        at = np.concatenate(
            [rng.choice(np.flatnonzero(true == value), (true == value).sum()) for value in (False, True)]
        )
        for role, parts in cases.items():
            drawn[role].append(np.mean([roc_auc_score(t[at], score[at]) for t, score in parts]))
    differences = np.subtract(drawn["best"], drawn["scratch"])
    # The seeds, drawn beside the people, only widen what is written out here for people alone.
    gain = best.outcome.gain
    for (low, high), values in (
        (best.outcome.test_interval, drawn["best"]),
        ((gain.low, gain.high), differences),
    ):
        people = np.quantile(values, [0.025, 0.975])
        assert low < people[0] + 0.015
        assert high > people[1] - 0.015


def test_each_fold_is_scored_on_everybody(tmp_path: Path) -> None:
    run = add_external(FakeRun(tmp_path, folds=3, sizes=LARGE), people=40)
    best, _ = external_scores(run, rank(run), tmp_path / "external")
    assert (best.outcome.n_test, best.images, len(best.outcome.done)) == (40, 40, 3)
    low, high = best.outcome.test_interval
    assert low < best.value < high


def test_the_table_has_a_row_for_each_with_the_own_test_beside(tmp_path: Path) -> None:
    run = add_external(FakeRun(tmp_path, sizes=LARGE), differences=("size: expected 8, found 9",))
    (ranking,) = rankings = rank(run)
    write_external(external_scores(run, rankings, tmp_path / "external"), tmp_path / "external.tsv")
    best, scratch = table(tmp_path / "external.tsv")
    assert (best["role"], best["target"], best["dataset"]) == ("best", "brains", "far")
    assert float(best["own_test"]) == pytest.approx(ranking.best.mean("test"), rel=1e-5)  # type: ignore[union-attr]
    assert float(best["gain"]) == pytest.approx(float(best["value"]) - float(scratch["value"]), abs=2e-6)
    assert scratch["gain"] == ""
    assert float(best["value"]) == float(best["auroc"])
    assert best["preparation"] == "size: expected 8, found 9"
    assert (best["n"], best["replicates"], best["reason"]) == ("60", "1/1", "")


def test_nothing_of_it_decides_the_ranking(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, sizes=LARGE)
    run = add_external(fake)
    before = [outcome.id for outcome in rank(run)[0].outcomes]
    for file in tmp_path.glob("external/far/*/predictions.csv"):
        file.unlink()
    assert [outcome.id for outcome in rank(run)[0].outcomes] == before


def test_a_winner_from_scratch_has_the_best_transfer_beside_it(tmp_path: Path) -> None:
    fake = FakeRun(tmp_path, sizes=LARGE)
    run = add_external(fake)
    (ranking,) = rank(run)
    for outcome in ranking.outcomes:
        for replicate in outcome.replicates:
            if not outcome.baseline:
                file = tmp_path / "stages" / replicate.stages[-1] / "metrics.json"
                content = json.loads(file.read_text())
                if content["status"] == "done":
                    content["metrics"]["val"]["auroc"] /= 10
                    file.write_text(json.dumps(content))
    from tlpy.evaluation.results import read_run

    turned = read_run(run.plan, tmp_path / "stages")
    chosen = choose(turned.plan, rank(turned))
    assert [one.role for one in chosen.variants] == ["best", "transfer"]


def test_too_few_people_have_no_interval(tmp_path: Path) -> None:
    run = add_external(FakeRun(tmp_path, sizes=LARGE), people=8)
    rankings = rank(run)
    best, _ = scores = external_scores(run, rankings, tmp_path / "external")
    assert np.isnan(best.outcome.test_interval).all()
    assert np.isnan(best.outcome.p_gain)
    write_report(run, rankings, tmp_path / "report", scores)
    assert "below 10 no interval means anything" in text_of(tmp_path / "report/external_mqc.json")


def test_what_could_not_be_scored_is_told(tmp_path: Path) -> None:
    run = add_external(FakeRun(tmp_path, sizes=LARGE))
    rankings = rank(run)
    stage = rankings[0].best.replicates[0].stages[-1]  # type: ignore[union-attr]
    (tmp_path / "external/far" / stage / "metrics.json").write_text(
        '{"status": "failed", "reason": "no room"}'
    )
    scores = external_scores(run, rankings, tmp_path / "external")
    assert scores[0].reason.endswith("no room")
    assert np.isfinite(scores[1].value)
    write_external(scores, tmp_path / "external.tsv")
    assert table(tmp_path / "external.tsv")[0]["value"] == ""
    write_report(run, rankings, tmp_path / "report", scores)
    assert "could not be scored" in text_of(tmp_path / "report/summary_mqc.json")
    assert "no room" in text_of(tmp_path / "report/external_mqc.json")
    assert external_scores(run, rankings, None) == []


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_report_tells_it_in_place(tmp_path: Path, task: str) -> None:
    run = add_external(
        FakeRun(tmp_path, task=task, seeds=2, targets=("brains", "clinic"), sizes=LARGE),
        differences=("size: expected 8, found 9",),
    )
    rankings = rank(run)
    scores = external_scores(run, rankings, tmp_path / "external")
    assert [(one.target, one.role) for one in scores] == [
        (target, role) for target in ("brains", "clinic") for role in ("best", "scratch")
    ]
    write_report(run, rankings, tmp_path / "report", scores)
    section = text_of(tmp_path / "report/external_mqc.json")
    for words in ("own test part", "best from scratch", "<h5>clinic</h5>", "size: expected 8, found 9"):
        assert words in section
    summary = text_of(tmp_path / "report/summary_mqc.json")
    assert "On the external data set <strong>far</strong> (60 subjects), which took no part" in summary
    assert "The external data set 'far' took no part" in text_of(
        tmp_path / "report/methods_mqc.json"
    ).replace("&#x27;", "'")
    assert "external" in text_of(tmp_path / "report/datasets_mqc.json")


def test_an_interval_that_holds_zero_is_no_help(tmp_path: Path) -> None:
    run = add_external(FakeRun(tmp_path, sizes=LARGE), worse=0.95, people=30)
    rankings = rank(run)
    scores: list[Any] = external_scores(run, rankings, tmp_path / "external")
    gain = scores[0].outcome.gain
    assert gain.low <= 0 <= gain.high
    write_report(run, rankings, tmp_path / "report", scores)
    assert "does not show that transfer helped</strong>" in text_of(tmp_path / "report/summary_mqc.json")
