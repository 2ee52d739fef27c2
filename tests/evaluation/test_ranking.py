"""The ranking on a made-up TLIMB run: chosen on validation, gain by Eq. 1, failures listed, never fatal."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from fake_run import FakeRun

from tlpy.evaluation.gain import transferability
from tlpy.evaluation.intervals import holm
from tlpy.evaluation.leaderboard import best_params, write_ranking
from tlpy.evaluation.ranking import Ranking, rank
from tlpy.evaluation.results import Run, read_run
from tlpy.plan.plan_records import Plan
from tlpy.report.summary import caveats
from tlpy.report.write import write_report
from tlpy.words import setting


def read(root: Path) -> Run:
    plan = Plan.from_json(json.loads((root / "plan.json").read_text()))
    return read_run(plan, root / "stages", root / "prepared")


def make(root: Path, **settings: Any) -> Run:
    return read(FakeRun(root, **settings).write())


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.fixture(scope="module")
def ranking(tmp_path_factory: pytest.TempPathFactory) -> Ranking:
    run = make(tmp_path_factory.mktemp("run"), sizes={"phantoms": (280, 60, 60), "brains": (160, 60, 60)})
    (found,) = rank(run)
    return found


def test_order_is_by_validation_and_failed_come_last(ranking: Ranking) -> None:
    assert len(ranking.outcomes) == 18
    scores = [outcome.mean("val") for outcome in ranking.ranked]
    assert scores == sorted(scores, reverse=True)
    assert [outcome.rank for outcome in ranking.ranked] == list(range(1, 18))
    last = ranking.outcomes[-1]
    assert (last.status, last.rank) == ("failed", None)
    assert last.reason.startswith("finetune: the loss became infinite")
    assert ranking.best_scratch is not None
    assert ranking.best_scratch.baseline
    assert ranking.best_transfer is not None
    assert not ranking.best_transfer.baseline


def test_gain_is_told_against_the_best_from_scratch_and_against_the_twin(ranking: Ranking) -> None:
    by_id = {outcome.id: outcome for outcome in ranking.outcomes}
    scratch = [outcome for outcome in ranking.ranked if outcome.baseline]
    best = max(scratch, key=lambda outcome: outcome.mean("val"))
    assert ranking.best_scratch is best
    corrected = holm([outcome.gain.p for outcome in ranking.ranked if not outcome.baseline])
    for outcome in ranking.ranked:
        if outcome.baseline:
            assert not outcome.gain.known
            assert not outcome.twin_gain.known
            continue
        test = outcome.mean("test")
        twin = by_id[outcome.record.scratch].mean("test")
        pairs = ((outcome.gain, outcome.gain_percent, best.mean("test")),
                 (outcome.twin_gain, outcome.twin_gain_percent, twin))  # fmt: skip
        for found, share, reference in pairs:
            assert found.value == pytest.approx(test - reference)
            assert found.low <= found.value <= found.high
            assert share == pytest.approx(100 * (test - reference) / reference)
        assert outcome.p_gain == corrected.pop(0)
    headline = ranking.headline
    assert headline.best is ranking.best
    assert headline.gain.value == pytest.approx(
        ranking.best_transfer.mean("test") - ranking.best_scratch.mean("test")
    )


def test_intervals_hold_the_score_and_differences_are_to_the_winner(ranking: Ranking) -> None:
    best = ranking.best
    assert best is not None
    for outcome in ranking.ranked:
        low, high = outcome.test_interval
        assert low <= outcome.mean("test") <= high
        if outcome is not best:
            assert outcome.to_best.value == pytest.approx(outcome.mean("test") - best.mean("test"))
            assert 0 < outcome.p_to_best <= 1
    assert np.isnan(best.p_to_best)


@pytest.mark.parametrize(
    ("values", "scratch", "lower", "expected"),
    [
        (0.946, 0.880, False, 7.5),  # ImageNet→ISIC of the paper: 7.51 from unrounded AUCs
        (0.838, 0.880, False, -4.77),
        (4.0, 5.0, True, 20.0),
        (6.0, 5.0, True, -20.0),
        (0.1, -0.2, False, 150.0),
        (0.3, 0.0, False, float("nan")),
    ],
)
def test_transferability(values: float, scratch: float, lower: bool, expected: float) -> None:
    assert float(transferability(values, scratch, lower)) == pytest.approx(expected, abs=0.01, nan_ok=True)


def test_replicates_are_averaged_and_a_lost_one_is_flagged(tmp_path: Path) -> None:
    run = make(tmp_path, seeds=3)
    (found,) = rank(run)
    assert len(found.outcomes) == 18
    partial = [outcome for outcome in found.outcomes if outcome.status == "partial"]
    assert [len(outcome.done) for outcome in partial] == [2]
    assert partial[0].reason.startswith("1 of 3 replicates failed (seed 0: finetune: the loss")
    assert partial[0].rank is not None
    for outcome in found.ranked:
        values = [replicate.test["auroc"] for replicate in outcome.done]
        assert outcome.mean("test") == pytest.approx(np.mean(values))
        assert outcome.spread("test") == pytest.approx(np.std(values, ddof=1))
        assert outcome.n_test == 7


def test_folds_count_each_subject_in_its_fold(tmp_path: Path) -> None:
    (found,) = rank(make(tmp_path, folds=5))
    best = found.best
    assert best is not None
    assert best.n_test == 35
    low, high = best.test_interval
    assert low <= best.mean("test") <= high


def test_lower_is_better_for_errors(tmp_path: Path) -> None:
    (found,) = rank(make(tmp_path, task="regression"))
    scores = [outcome.mean("val") for outcome in found.ranked]
    assert scores == sorted(scores)
    better = [o for o in found.ranked if not o.baseline and o.gain.value > 0]
    assert better
    assert found.best_scratch is not None
    assert all(o.mean("test") < found.best_scratch.mean("test") for o in better)
    assert all(o.gain_percent > 0 for o in better)


def test_each_target_has_its_own_ranks(tmp_path: Path) -> None:
    sizes = {"phantoms": (280, 60, 60), "brains": (34, 7, 7), "clinic": (80, 20, 20)}
    run = make(tmp_path, targets=("brains", "clinic"), sizes=sizes, task="multiclass")
    found = rank(run)
    assert [(r.target, len(r.ranked)) for r in found] == [("brains", 17), ("clinic", 17)]
    params = {"stages": [{"dataset": "phantoms"}, {"dataset": "brains"}], "outdir": "out", "datasets": {}}
    write_ranking(found, params, tmp_path / "ranking")
    rows = table(tmp_path / "ranking" / "leaderboard.tsv")
    assert [row["rank"] for row in rows if row["target"] == "clinic"][:2] == ["1", "2"]
    assert (tmp_path / "ranking" / "best_params_clinic.yaml").exists()


def test_written_files(tmp_path: Path) -> None:
    run = make(tmp_path)
    found = rank(run)
    write_ranking(found, run.plan.params, tmp_path / "ranking")
    rows = table(tmp_path / "ranking" / "leaderboard.tsv")
    assert list(rows[0])[:6] == ["rank", "variant", "label", "target", "kind", "architecture"]
    assert rows[-1]["rank"] == ""
    assert rows[-1]["status"] == "failed"
    assert {row["finetune.objective.elastic_penalty"] for row in rows} == {"", "0", "0.01"}
    assert len(table(tmp_path / "ranking" / "replicates.tsv")) == 18
    params = yaml.safe_load((tmp_path / "ranking" / "best_params.yaml").read_text())
    assert "search" not in params
    assert params["outdir"] == f"results/tlimb/best_{found[0].best.id}"
    assert {"architecture": params["architecture"], "lr": params["lr"]} == {
        "architecture": rows[0]["architecture"],
        "lr": float(rows[0]["lr"]),
    }
    (summary,) = json.loads((tmp_path / "ranking" / "best_variants.json").read_text())
    assert summary["best"]["variant"] == rows[0]["variant"]
    assert summary["selected_on"] == "validation"
    again = tmp_path / "again"
    write_ranking(rank(read(tmp_path)), run.plan.params, again)
    for file in sorted(again.iterdir()):
        assert file.read_bytes() == (tmp_path / "ranking" / file.name).read_bytes()


def test_a_winner_from_scratch_keeps_only_its_stage(ranking: Ranking) -> None:
    params = {
        "datasets": {},
        "stages": [{"dataset": "phantoms"}, {"dataset": "brains", "transfer": "head", "epochs": 5}],
        "search": {"space": {"lr": [0.1]}},
    }
    scratch = ranking.best_scratch
    assert scratch is not None
    found = best_params(params, scratch)
    assert found["stages"] == [{"dataset": "brains", "epochs": 5, "name": "finetune"}]
    assert found["lr"] == scratch.settings["lr"]
    assert found["outdir"] == f"results/best_{scratch.id}"
    assert "search" in params


def test_nothing_crashes_when_everything_failed(tmp_path: Path) -> None:
    run = make(tmp_path, everything_fails=True)
    found = rank(run)
    assert found[0].best is None
    assert all(outcome.reason.startswith(("pretrain", "finetune")) for outcome in found[0].outcomes)
    write_ranking(found, run.plan.params, tmp_path / "ranking")
    assert not (tmp_path / "ranking" / "best_params.yaml").exists()
    assert len(table(tmp_path / "ranking" / "leaderboard.tsv")) == 18


def test_missing_and_broken_files_fail_only_their_variant(tmp_path: Path) -> None:
    run = make(tmp_path, failed=False)
    lost, broken, blind = [variant.replicates[0].stages[-1] for variant in run.plan.variants[:3]]
    (tmp_path / "stages" / lost / "metrics.json").unlink()
    (tmp_path / "stages" / broken / "metrics.json").write_text("{")
    (tmp_path / "stages" / blind / "predictions.csv").write_text("nonsense")
    (found,) = rank(read(tmp_path))
    reasons = {outcome.id: outcome.reason for outcome in found.outcomes}
    ids = [variant.id for variant in run.plan.variants[:3]]
    assert "left no metrics.json" in reasons[ids[0]]
    assert "can't be read" in reasons[ids[1]]
    without_cases = next(outcome for outcome in found.outcomes if outcome.id == ids[2])
    assert without_cases.rank is not None
    assert np.isnan(without_cases.test_interval).all()
    assert len(found.ranked) == 16


def test_ties_on_validation_are_told_and_broken_by_the_finer_score(tmp_path: Path) -> None:
    (found,) = rank(make(tmp_path))
    top = [o for o in found.ranked if o.mean("val") == found.ranked[0].mean("val")]
    assert found.tied == len(top) > 1
    losses = [outcome.mean("val", "log_loss") for outcome in top]
    assert losses == sorted(losses)


def test_settings_read_like_people_write_them() -> None:
    assert setting(0.0001) == "0.0001"
    assert setting(None) == ""
    assert setting({"name": "freeze", "up_to": "layer3"}) == "freeze(up_to=layer3)"
    assert setting([1, True]) == "[1, true]"


@pytest.mark.parametrize(("test", "given"), [(9, False), (10, True)])
def test_too_few_people_get_no_interval_and_no_p(tmp_path: Path, test: int, given: bool) -> None:
    """Two equal classifiers are called different far too often below ten independent people."""
    run = make(tmp_path / "run", sizes={"phantoms": (280, 60, 60), "brains": (160, 60, test)})
    (found,) = rank(run)
    best, *others = found.ranked
    assert best.n_groups == test
    assert np.isfinite(best.mean("test"))
    shown = [*best.test_interval, others[0].p_to_best, others[0].to_best.low]
    assert np.isfinite(shown).all() == given
    transfer = found.best_transfer
    assert transfer is not None
    assert np.isfinite(transfer.gain.value)
    assert np.isfinite([transfer.gain.low, transfer.gain.high]).all() == given
    write_report(run, [found], tmp_path / "report")
    summary = json.loads((tmp_path / "report/summary_mqc.json").read_text())["data"]
    assert ("no interval and no p value means anything: none is given" in summary) != given
    assert ("does not show that transfer helped" in summary) or given or found.best is not transfer


def test_one_call_for_all_is_said_of_every_training(tmp_path: Path) -> None:
    """Of three seeds two call everybody F: the first alone does not tell."""
    run = make(tmp_path, seeds=3, failed=False)
    (found,) = rank(run)
    best = found.best
    assert best is not None

    def said(*shifts: float) -> list[str]:
        for replicate, shift in zip(best.replicates, shifts, strict=True):
            cases = replicate.cases
            assert cases is not None
            score = np.linspace(0, 1, len(cases)) * 0.4 + shift
            object.__setattr__(replicate, "cases", replace(cases, score=score))
        return [text for text in caveats(run, found) if "every test case" in text]

    assert said(0.3, 0.3, 0.3) == []
    (text,) = said(0.3, 0.0, 0.0)
    assert "<strong>every test case is called 'F'</strong> in 2 of 3 trainings" in text
    (text,) = said(0.0, 0.0, 0.0)
    assert "<strong>every test case is called 'F'</strong>: the ranking" in text
    (text,) = said(0.0, 0.6, 0.0)
    assert "<strong>every test case is called 'F' or 'M'</strong>: the ranking" in text
