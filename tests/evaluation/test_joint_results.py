"""Several labels, targets of an adaptation and trainings without labels, ranked and reported."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sample_records
from sklearn.metrics import average_precision_score, roc_auc_score

from tlpy.evaluation.leaderboard import write_ranking
from tlpy.evaluation.ranking import Ranking, rank
from tlpy.evaluation.results import Run, read_run
from tlpy.metrics.registry import compute, primary
from tlpy.plan.plan_records import (
    FORMAT,
    CacheFacts,
    Counts,
    DatasetFacts,
    Plan,
    Replicate,
    Sharing,
    Software,
    Variant,
)
from tlpy.records import Head, Source, Stage, task_type
from tlpy.report.write import write_report

AGE = Head("age", "regression")
SEX = Head("sex", "binary", ("F", "M"))
FINDINGS = Head("a+b", "multilabel", ("a", "b"))


def test_multilabel_metrics_are_means_over_the_columns_that_are_known() -> None:
    draw = np.random.default_rng(0)
    true, score = (draw.random((50, 3)) > 0.6).astype(float), draw.random((50, 3))
    true[draw.random((50, 3)) > 0.8] = np.nan
    true[:, 2] = 1.0  # AUROC is undefined for it
    found = compute("multilabel", true, score)
    known = [np.isfinite(true[:, k]) for k in range(3)]
    areas = [roc_auc_score(true[known[k], k], score[known[k], k]) for k in range(2)]
    precisions = [average_precision_score(true[known[k], k], score[known[k], k]) for k in range(3)]
    assert found["auroc"] == pytest.approx(np.mean(areas))
    assert found["average_precision"] == pytest.approx(np.mean(precisions))
    calls = [((score[known[k], k] >= 0.5) == true[known[k], k]).mean() for k in range(3)]
    assert found["accuracy"] == pytest.approx(np.mean(calls))
    assert primary("multilabel") == next(iter(found)) == "auroc"


def stage(stage_id: str, *heads: Head, **changes: Any) -> Stage:
    labels = tuple(head.label for head in heads[:1])
    given: dict[str, Any] = {
        "id": stage_id,
        "sources": (Source("brains", "cache", "subjects", labels, bool(heads)),),
        "heads": heads,
        "scenario": {"name": "joint", "unlabelled_ratio": 1.0},
        "objective": {"cross_entropy": {}, "dann": {}},
        "metric": primary(task_type(heads)),
    }
    return sample_records.stage(**(given | changes))


def ranked(
    root: Path, records: dict[str, tuple[Stage, dict[str, Any], list[dict]]]
) -> tuple[Run, list[Ranking]]:
    """Lay out a run of one stage a variant: record, what metrics.json holds, rows of predictions.csv."""
    stages = {name: record for name, (record, _, _) in records.items()}
    first = next(iter(stages.values()))
    for name, (_, metrics, rows) in records.items():
        folder = root / "stages" / name
        folder.mkdir(parents=True)
        base = {"status": "done", "seconds": {"total": 1.0}, "parameters": {"trainable": 9}, "n": {"val": 5}}
        (folder / "metrics.json").write_text(json.dumps({**base, **metrics}))
        history = f"epoch,train_loss,val_loss,val_{first.metric},lr\n1,1.0,1.1,0.5,0.1\n2,0.9,1.0,0.6,0.1\n"
        (folder / "history.csv").write_text(history)
        if rows:
            with (folder / "predictions.csv").open("w", newline="") as file:
                columns = list(dict.fromkeys(key for row in rows for key in row))
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(rows)
    variants = tuple(
        Variant(
            id=name, label=name, settings={"lr": name}, baseline=False, scratch=None, target="brains",
            metric=first.metric, chain=("finetune",), replicates=(Replicate(0, None, (name,)),),
        )
        for name in stages
    )  # fmt: skip
    n = Counts(9, 5, 2, 2)
    preprocessing = dict.fromkeys(("orient", "spacing", "size", "slice"), None)
    plan = Plan(
        format=FORMAT, tlpy=Software("0", "0"), components=None, seed=0, params={"outdir": "r"}, metric=None,
        datasets={
            "brains": DatasetFacts(
                reader={"name": "bids"}, path="p", heads=first.heads, n=n, groups=n, cache="cache",
                channels=1, size=(8, 8), left_out=(), official_split=False, filter=None, images=None,
            )
        },
        caches={
            "cache": CacheFacts(
                datasets=("brains",), path="p", reader={"name": "bids"}, columns={},
                preprocessing={**preprocessing, "normalise": "none"}, channels=1, size=(8, 8),
                on_bad_image="error", images=9, shards=1, stored=False,
            )
        },
        stages=stages, variants=variants, packs=(), sharing=Sharing(2, 2, 2, 0, 2, 4, 4, 4), inferred=(),
        normalised=(), warnings=(),
    )  # fmt: skip
    run = read_run(plan, root / "stages")
    return run, rank(run, resamples=50)


def leaderboard(root: Path, rankings: list[Ranking]) -> list[dict[str, str]]:
    write_ranking(rankings, {"outdir": "r", "stages": []}, root / "ranking")
    with (root / "ranking/leaderboard.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def people(part: str, label: str, pairs: list[tuple[Any, Any]], **more: Any) -> list[dict[str, Any]]:
    return [
        {"image": f"{part}{n}", "subject": f"{part}{n}", "group": f"{part}{n}", "split": part, "label": label}
        | {"true": true, "prediction": prediction}
        | {key: value[n] for key, value in more.items()}
        for n, (true, prediction) in enumerate(pairs)
    ]


def test_further_labels_and_the_target_stand_beside_the_primary_one(tmp_path: Path) -> None:
    records = {}
    for number, name in enumerate(("good", "bad")):
        scores = {"mae": 5.0 + number, "rmse": 6.0}
        rows = people("test", "age", [(50, 51 + number), (60, 58), (70, 72)])
        rows += people(
            "test", "sex", [("F", "F"), ("M", "M"), ("F", "M")], **{"p:F": [1, 0, 0], "p:M": [0, 1, 1]}
        )
        metrics = {
            "metrics": {"val": scores, "test": scores, "target": {"mae": 9.0 + number}},
            "metrics_by_label": {"age": {"test": scores}, "sex": {"test": {"auroc": 0.75 - number / 4}}},
        }
        sources = [
            Source("brains", "cache", "s", ("age", "sex"), labelled=True),
            Source("clinic", "cache", "s", ("age",), labelled=False),
            Source("scans", "cache", "s", (), labelled=False),
        ]
        records[name] = (stage(name, AGE, SEX, sources=tuple(sources)), metrics, rows)
    run, rankings = ranked(tmp_path, records)
    cases = run.stages["good"].predictions("test", "sex")
    assert cases is not None
    assert cases.true.tolist() == [0, 1, 0]
    first, second = leaderboard(tmp_path, rankings)
    assert (first["variant"], first["test_sex_auroc"], first["test_target_mae"]) == ("good", "0.75", "9")
    assert (second["test_sex_auroc"], second["test_target_mae"]) == ("0.5", "10")
    write_report(run, rankings, tmp_path / "report")
    shown = json.loads((tmp_path / "report/leaderboard_mqc.json").read_text())
    assert shown["headers"]["other:label:sex_auroc"]["title"] == "sex: AUROC"
    assert shown["headers"]["other:target_mae"]["title"] == "target: Mean absolute error"
    summary = json.loads((tmp_path / "report/summary_mqc.json").read_text())["data"]
    assert "<b>9.00</b><span>Mean absolute error on test of clinic<br>no label of which was learnt" in summary
    assert "On clinic, whose labels chose nothing, test scores go from 9.00 (good) to 10.00 (bad)." in summary
    methods = json.loads((tmp_path / "report/methods_mqc.json").read_text())["data"]
    assert "regression of age and binary classification of sex" in methods
    assert "beside it domain-adversarial loss (DANN)" in methods


def test_a_training_without_labels_is_ranked_by_its_loss(tmp_path: Path) -> None:
    records = {
        name: (stage(name), {"metrics": {"val": {"loss": loss}, "test": {"loss": loss}}}, [])
        for name, loss in (("worse", 0.7), ("better", 0.5))
    }
    run, rankings = ranked(tmp_path, records)
    assert [row["variant"] for row in leaderboard(tmp_path, rankings)] == ["better", "worse"]
    write_report(run, rankings, tmp_path / "report")
    sections = {file.name.removesuffix("_mqc.json") for file in (tmp_path / "report").iterdir()}
    assert {"summary", "leaderboard", "curves_finetune", "methods"} <= sections
    assert "learning without labels" in (tmp_path / "report/summary_mqc.json").read_text()


def test_a_multilabel_task_is_ranked_and_drawn_by_column(tmp_path: Path) -> None:
    half: dict[str, list[float]] = {"p:0": [0.9, 0.2, 0.6, 0.3] * 3, "p:1": [0.1, 0.8, 0.4, 0.7] * 3}
    rows = people("test", "a", [(0, 0), (1, 1), (0, 0), (1, 1)] * 3, **half)
    rows += people("test", "b", ([(1, 0), (0, 1)] * 6)[:11], **half)
    scores = {"auroc": 0.5, "log_loss": 0.7}
    metrics = {"metrics": {"val": scores, "test": scores}}
    run, rankings = ranked(tmp_path, {"one": (stage("one", FINDINGS), metrics, rows)})
    cases = run.stages["one"].predictions("test")
    assert cases is not None
    assert cases.true.shape == cases.score.shape == (12, 2)
    assert np.isnan(cases.true[11, 1])
    assert compute("multilabel", cases.true, cases.score)["auroc"] == 0.5
    assert np.isfinite(rankings[0].outcomes[0].test_interval).all()
    write_report(run, rankings, tmp_path / "report")
    roc = json.loads((tmp_path / "report/roc_mqc.json").read_text())["data"]
    assert any("a (AUROC 1.000)" in series for series in roc)
