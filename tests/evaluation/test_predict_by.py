"""One answer a study: rules against plain group-bys, a whole run's scores, and what makes no sense."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_up_stages import finish
from sklearn.metrics import accuracy_score, balanced_accuracy_score, roc_auc_score

from tlpy.errors import InputError
from tlpy.metrics.answers import by_subject
from tlpy.params.schema import Schema
from tlpy.plan.documents import inferred
from tlpy.plan.planner import Planned, Planner
from tlpy.report.write import write_report


@pytest.mark.parametrize("rule", ["mean", "max", "any", "vote"])
def test_rules_of_a_binary_label_are_those_of_pandas(rule: str) -> None:
    draw = np.random.default_rng(2)
    table = pd.DataFrame({"study": draw.integers(0, 40, 150), "p": draw.random(150).round(3)})
    table["true"] = table.study % 2
    table["called"] = (table.p >= 0.5).astype(float)
    grouped = table.groupby("study", sort=False)
    expected = {
        "mean": grouped.p.mean(),
        "max": grouped.p.max(),
        "any": grouped.called.max(),
        "vote": grouped.called.mean(),
    }[rule]
    found = by_subject("binary", table.study.tolist(), table.true, table.p, rule)
    np.testing.assert_allclose(found.score, expected.to_numpy())
    assert found.true.tolist() == grouped.true.first().tolist()
    columns = by_subject("multilabel", table.study.tolist(), table[["true"]], table[["p"]], rule)
    np.testing.assert_allclose(columns.score[:, 0], expected.to_numpy())


def test_rules_of_several_classes_and_of_numbers() -> None:
    shares = [[0.6, 0.3, 0.1], [0.1, 0.5, 0.4], [0.2, 0.5, 0.3]]
    voted = by_subject("multiclass", list("aaa"), [1, 1, 1], shares, "vote")
    np.testing.assert_allclose(voted.score, [[1 / 3, 2 / 3, 0]])
    largest = by_subject("multiclass", list("aab"), [1, 1, 0], shares, "max")
    np.testing.assert_allclose(largest.score[0], np.array([0.6, 0.5, 0.4]) / 1.5)
    assert by_subject("regression", list("aab"), [1, 1, 2], [3, -1, 2], "max").score.tolist() == [3, 2]
    # One image of a study votes as it would be called, too.
    assert by_subject("binary", ["a", "b"], [0, 1], [0.2, 0.7], "vote").score.tolist() == [0, 1]


@pytest.fixture
def studies(tmp_path: Path) -> dict[str, Any]:
    """Two studies of one to three images for each of 60 patients; studies are numbered anew for each."""
    lines = ["image,subject,study,finding,severity"]
    for patient in range(60):
        for study in range(2):
            for image in range(1 + (patient + study) % 3):
                name = f"p{patient:02d}_{study}_{image}.npy"
                np.save(tmp_path / name, np.random.default_rng([patient, study, image]).normal(size=(6, 6)))
                finding = "ill" if (patient + study) % 2 else "well"
                lines.append(f"{name},p{patient:02d},study{study},{finding},{patient / 7:.3f}")
    (tmp_path / "studies.csv").write_text("\n".join(lines) + "\n")
    data = {"reader": "table", "path": str(tmp_path / "studies.csv"), "label": "finding"}
    data |= {"split": {"val": 0.2, "test": 0.4}, "predict_by": "study"}  # type: ignore[dict-item]
    search = {"space": {"lr": [0.01, 0.1]}}
    return {"outdir": "r", "datasets": {"scans": data}, "stages": [{"dataset": "scans"}], "search": search}


def plan(given: dict[str, Any]) -> Planned:
    return Planner(given, Schema.read(), {}).plan()


@pytest.mark.parametrize("rule", ["mean", "vote"])
def test_a_run_is_scored_by_study(studies: dict[str, Any], tmp_path: Path, rule: str) -> None:
    studies["datasets"]["scans"]["predict_by"] = {"column": "study", "rule": rule}
    made = plan(studies)
    value = {item.what: item.value for item in inferred(made)}["datasets.scans scoring"]
    assert value == "one answer for each 'study' of a subject"
    run, rankings = finish(made, tmp_path / "run")
    best = rankings[0].best
    assert best is not None
    result = run.stages[best.done[0].stages[-1]]
    with (result.folder / "predictions.csv").open(newline="") as file:
        table = pd.DataFrame(list(csv.DictReader(file))).astype({"p:ill": float})
    table["ill"] = table.true == "ill"
    table["called"] = (table["p:ill"] >= 0.5).astype(float)
    for part in ("val", "test"):
        grouped = table[table.split == part].groupby(["subject", "answer"])
        score = grouped["p:ill" if rule == "mean" else "called"].mean()
        metrics = result.metrics(part)
        assert metrics["auroc"] == pytest.approx(roc_auc_score(grouped.ill.first(), score))
        assert metrics["accuracy"] == pytest.approx(accuracy_score(grouped.ill.first(), score >= 0.5))
        expected = balanced_accuracy_score(grouped.ill.first(), score >= 0.5)
        assert metrics["balanced_accuracy"] == pytest.approx(expected)
    # Of 24 patients in the test part, two answers each; a patient stays one unit of the intervals.
    assert (best.n_test, best.n_groups, best.tested) == (48, 24, "48 answers of 24 subjects")
    ranked = result.predictions("test")
    assert ranked is not None
    assert len(ranked) == 48
    low, high = best.test_interval
    assert low < best.mean("test") < high
    write_report(run, rankings, tmp_path / "report")
    assert "each of its 'study'" in (tmp_path / "report/methods_mqc.json").read_text()


def test_what_is_said_is_part_of_a_stage(studies: dict[str, Any]) -> None:
    def stages(**said: Any) -> set[str]:
        scans = {k: v for k, v in studies["datasets"]["scans"].items() if k != "predict_by"}
        return set(plan({**studies, "datasets": {"scans": {**scans, **said}}}).stages)

    assert stages(predict_by="subject") == stages(), "one answer a subject goes without saying"
    others = [stages(), stages(predict_by="study"), stages(predict_by={"column": "study", "rule": "any"})]
    assert len(set.union(*others)) == sum(map(len, others))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"predict_by": "stduy"}, "no column 'stduy' for the answer (did you mean 'study'?)"),
        ({"score_by": "image"}, "predict_by: does not go with score_by"),
        (
            {"label": "severity", "predict_by": {"column": "study", "rule": "vote"}},
            "'vote' makes no answer of a regression label ('severity') (expected mean or max)",
        ),
    ],
)
def test_what_makes_no_sense_is_told(studies: dict[str, Any], changes: dict[str, Any], told: str) -> None:
    studies["datasets"]["scans"] |= changes
    with pytest.raises(InputError) as caught:
        plan(studies)
    assert told in str(caught.value)


def test_an_image_without_a_study_is_told_with_its_row(studies: dict[str, Any]) -> None:
    table = Path(studies["datasets"]["scans"]["path"])
    lines = table.read_text().splitlines()
    lines[2] = lines[2].replace("study1", "")
    table.write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"studies.csv:3: nothing in column 'study'"):
        plan(studies)
