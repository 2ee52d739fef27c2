"""One answer a subject: its images' predictions are averaged and then scored; by image stands beside."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_stages import finish
from sklearn.metrics import log_loss, mean_absolute_error, r2_score, roc_auc_score

from tlpy.evaluation.leaderboard import write_ranking
from tlpy.metrics.answers import by_image, by_subject, whole_groups
from tlpy.metrics.registry import compute
from tlpy.params.schema import Schema
from tlpy.plan.documents import inferred
from tlpy.plan.planner import Planned, Planner
from tlpy.report.write import write_report


def test_two_images_of_each_by_hand() -> None:
    """Each person has a clear and a misleading image: AUROC 1 by subject, 0.75 by image."""
    subjects, true = list("aabbccdd"), [0, 0, 0, 0, 1, 1, 1, 1]
    score = [0.1, 0.7, 0.1, 0.5, 0.9, 0.3, 0.8, 0.4]
    found = by_subject("binary", subjects, true, score)
    assert found.true.tolist() == [0, 0, 1, 1]
    assert found.score.tolist() == pytest.approx([0.4, 0.3, 0.6, 0.6])
    assert found.image.tolist() == [0, 2, 4, 6]
    assert found.images.tolist() == [2, 2, 2, 2]
    assert compute("binary", found.true, found.score)["auroc"] == 1.0
    assert compute("binary", found.true, found.score)["accuracy"] == 1.0
    image = by_image(true, score)
    # Of 16 pairs: 0.9 and 0.8 win all four each; 0.4 and 0.3 win against the two 0.1.
    assert compute("binary", image.true, image.score)["auroc"] == 12 / 16
    assert compute("binary", image.true, image.score)["accuracy"] == 4 / 8


def test_values_that_differ_between_visits_stay_answers_of_their_own() -> None:
    found = by_subject("regression", list("aabbb"), [60, 62, 70, 70, 71], [61, 65, 70, 74, 71])
    assert found.true.tolist() == [60, 62, 70, 71]
    assert found.score.tolist() == [61, 65, 72, 71]
    assert found.images.tolist() == [1, 1, 2, 1]
    assert compute("regression", found.true, found.score)["mae"] == (1 + 3 + 2 + 0) / 4


def test_classes_and_columns() -> None:
    shares = [[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]
    found = by_subject("multiclass", list("aab"), [0, 0, 2], shares)
    assert np.allclose(found.score, [[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    nan = np.nan
    known = [[1, nan], [1, 0], [0, 1], [nan, nan], [1, 1]]
    given = [[0.9, 0.1], [0.5, 0.2], [0.3, 0.6], [0.1, 0.1], [0.7, 0.9]]
    found = by_subject("multilabel", list("aaabc"), known, given)
    # `a` has both values in both columns, `b` none, `c` one: each column is answered by itself.
    assert np.array_equal(found.true, [[1, 0], [0, 1], [nan, nan], [1, 1]], equal_nan=True)
    assert np.allclose(found.score, [[0.7, 0.2], [0.3, 0.6], [0.1, 0.1], [0.7, 0.9]])
    assert len(set(found.image.tolist())) == len(found) == 4
    assert found.images.sum() == 5


@pytest.mark.parametrize("task", ["binary", "regression", "multiclass"])
def test_scores_are_those_of_averaged_predictions(task: str) -> None:
    draw = np.random.default_rng(0)
    subjects = [f"p{n}" for n in draw.integers(0, 60, 200)]
    of = {name: n for n, name in enumerate(dict.fromkeys(subjects))}
    person = np.array([of[name] for name in subjects])
    values = draw.normal(50, 10, len(of)) if task == "regression" else draw.integers(0, 3, len(of))
    values = (values > 1).astype(int) if task == "binary" else values
    true = values[person]
    if task == "multiclass":
        score = draw.dirichlet([1, 1, 1], 200) + np.eye(3)[true]
        score /= score.sum(axis=1, keepdims=True)
    else:
        score = true + draw.normal(0, 3, 200) if task == "regression" else (true + 2 * draw.random(200)) / 3
    found = by_subject(task, subjects, true, score)
    mean = np.stack([score[person == n].mean(axis=0) for n in range(len(of))])
    got = compute(task, found.true, found.score)
    if task == "binary":
        assert got["auroc"] == pytest.approx(roc_auc_score(values, mean))
    elif task == "regression":
        assert got["mae"] == pytest.approx(mean_absolute_error(values, mean))
        assert got["r2"] == pytest.approx(r2_score(values, mean))
    else:
        assert got["log_loss"] == pytest.approx(log_loss(values, mean))
    assert whole_groups(subjects, subjects) == tuple(subjects)


def test_groups_that_share_a_subject_are_one() -> None:
    """An answer is of one group: a person with a row under another family ties the two together."""
    assert whole_groups(list("aabcd"), ["f1", "f2", "f2", "f3", "f1"]) == ("f1", "f1", "f1", "f3", "f1")


@pytest.mark.parametrize("unit", [1e-9, 1e-30, 1.0, 1e12])
def test_r2_and_r_know_no_unit(unit: float) -> None:
    """R² of volumes in m³ was undefined where that in mm³ was not."""
    draw = np.random.default_rng(1)
    true = draw.normal(5, 1, 40)
    score = true + draw.normal(0, 0.5, 40)
    got, expected = (compute("regression", true * factor, score * factor) for factor in (unit, 1.0))
    assert got["r2"] == pytest.approx(r2_score(true, score))
    assert got["r"] == pytest.approx(expected["r"]) == pytest.approx(np.corrcoef(true, score)[0, 1])
    constant = compute("regression", np.full(7, 0.1 * unit), score[:7] * unit)
    assert np.isnan([constant["r2"], constant["r"]]).all()
    shifted = compute("regression", true * unit, np.full(40, 0.1 * unit))
    assert np.isnan(shifted["r"])
    assert shifted["r2"] < 0


# Whole runs: two scans of every second person.


@pytest.fixture
def scans(tmp_path: Path) -> dict[str, Any]:
    lines = ["image,subject,session,run,age,sex,score"]
    for person in range(80):
        for visit in range(1 + person % 2):
            name = f"p{person:03d}_{visit}.npy"
            pixels = np.random.default_rng([person, visit]).normal(size=(6, 6))
            np.save(tmp_path / name, pixels.astype(np.float32))
            sex = "FM"[person // 2 % 2]
            lines.append(
                f"{name},p{person:03d},{visit},r{visit},{30.5 + person + visit},{sex},{person / 7:.3f}"
            )
    (tmp_path / "scans.csv").write_text("\n".join(lines) + "\n")
    data = {"reader": "table", "path": str(tmp_path / "scans.csv"), "label": "sex"}
    data["split"] = {"val": 0.2, "test": 0.4}  # type: ignore[assignment]
    search = {"space": {"lr": [0.01, 0.1]}}
    return {"outdir": "r", "datasets": {"scans": data}, "stages": [{"dataset": "scans"}], "search": search}


def plan(given: dict[str, Any]) -> Planned:
    return Planner(given, Schema.read(), {}).plan()


def rows_of(folder: Path, part: str) -> dict[str, list[dict[str, str]]]:
    """The rows of predictions.csv of a part, by subject."""
    found: dict[str, list[dict[str, str]]] = {}
    with (folder / "predictions.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == part:
                found.setdefault(row["subject"], []).append(row)
    return found


def test_a_run_is_scored_by_subject_and_by_image_beside_it(scans: dict[str, Any], tmp_path: Path) -> None:
    made = plan(scans)
    told = {item.what: (item.value, item.why) for item in inferred(made)}
    value, why = told["datasets.scans scoring"]
    assert value == "one answer a subject"
    assert why.startswith("40 subjects with several images: of those with one value")
    run, rankings = finish(made, tmp_path / "run")
    best = rankings[0].best
    assert best is not None
    result = run.stages[best.done[0].stages[-1]]
    for part in ("val", "test"):
        people = rows_of(result.folder, part)
        true = [rows[0]["true"] == "M" for rows in people.values()]
        mean = [np.mean([float(row["p:M"]) for row in rows]) for rows in people.values()]
        assert result.metrics(part)["auroc"] == pytest.approx(roc_auc_score(true, mean))
        each = [(row["true"] == "M", float(row["p:M"])) for rows in people.values() for row in rows]
        expected = roc_auc_score(*zip(*each, strict=True))
        assert result.metrics(part, by_image=True)["auroc"] == pytest.approx(expected)
        assert expected != pytest.approx(result.metrics(part)["auroc"])
    assert (best.n_test, best.n_groups, best.tested) == (32, 32, "32 subjects")
    low, high = best.test_interval
    assert low < best.mean("test") < high
    write_ranking(rankings, scans, tmp_path / "ranking")
    with (tmp_path / "ranking/leaderboard.tsv").open(newline="") as file:
        first = next(csv.DictReader(file, delimiter="\t"))
    assert float(first["test_by_image"]) == pytest.approx(best.test_by_image, rel=1e-4)
    assert first["n_test"] == "32"
    write_report(run, rankings, tmp_path / "report")
    summary = json.loads((tmp_path / "report/summary_mqc.json").read_text())["data"]
    assert f", 32 subjects<br>{best.test_by_image:.3f} by image" in summary
    methods = json.loads((tmp_path / "report/methods_mqc.json").read_text())["data"]
    assert (
        "one answer was scored for each subject: of the images with one value of the label, the mean of what"
        in methods
    )


@pytest.mark.parametrize(
    ("changes", "tested", "why"),
    [
        ({"score_by": "image"}, "images of 32 subjects", "as said, 40 subjects with several images"),
        ({"within": "subject", "group": "image"}, "images of ", "split within subjects, 40 subjects with"),
        ({"label": "age"}, "images of 32 subjects", "40 subjects with several images: of those with one"),
        ({"label": "score"}, " 32 subjects", "40 subjects with several images: of those with one"),
    ],
)
def test_what_an_answer_is(
    scans: dict[str, Any], tmp_path: Path, changes: dict[str, str], tested: str, why: str
) -> None:
    scans["datasets"]["scans"] |= changes
    made = plan(scans)
    told = {item.what: item.why for item in inferred(made)}
    assert told["datasets.scans scoring"].startswith(why)
    _, rankings = finish(made, tmp_path / "run")
    best = rankings[0].best
    assert best is not None
    assert tested in f" {best.tested}"
    assert np.isfinite(best.test_by_image) == (changes.get("label") == "score")


def test_score_by_is_part_of_a_stage_only_where_it_tells(scans: dict[str, Any], tmp_path: Path) -> None:
    def stages(**changes: str) -> set[str]:
        varied = {**scans, "datasets": {"scans": {**scans["datasets"]["scans"], **changes}}}
        return set(plan(varied).stages)

    assert stages() == stages(score_by="subject")
    assert not stages() & stages(score_by="image")
    file = tmp_path / "scans.csv"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if "_1.npy" not in line))
    assert stages() == stages(score_by="image"), "nobody has several images"
    assert not any(item.what.endswith("scoring") for item in inferred(plan(scans)))
