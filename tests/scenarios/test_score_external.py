"""Scoring finished stages on images that took no part: as the test at the end of their training."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys
from toys import Train, read

from tlpy.checksums import DamagedError
from tlpy.metrics.registry import compute
from tlpy.records import ExternalRequest, Head, ScoredStage, Stage
from tlpy.scenarios.external import score_external

AGE, SEX = Head("age", "regression"), Head("sex", "binary", ("F", "M"))
TWO_HEADS: dict[str, Any] = {
    "heads": (SEX, AGE),
    "scenario": {"name": "joint", "mixing": "concatenate", "unlabelled_ratio": 0.0},
    "objective": {
        "multitask": {
            "weight": 1.0,
            "weights": {"age": 1.0, "sex": 1.0},
            "terms": {
                "age": {"mse": {"weight": 1.0}},
                "sex": {"cross_entropy": {"weight": 1.0, "label_smoothing": 0.0, "class_weights": None}},
            },
        }
    },
    "metric": "auroc",
}
VIT = {"name": "vit", "patch": 4, "width": 24, "depth": 1, "heads": 2, "dropout": 0.1}
STAGES: dict[str, dict[str, Any]] = {
    "regression": {},
    "classes": {"label": "sex"},
    "two heads": TWO_HEADS,
    "smaller images": {
        "training__datamodule": {"name": "crop_center", "size": [6, 6]},
        "input__size": [6, 6],
    },
    "half precision": {"training__precision": "bf16-mixed", "architecture": VIT},
    "a network without batch statistics": {"architecture": VIT},
    "odd batches": {"training__batch_size": 3, "training__accumulate": 2},
    "changes of low rank": {"label": "sex", "transfer": {"name": "lora", "rank": 2}},
    "rates that were learnt": {"label": "sex", "transfer": {"name": "metalr"}},
}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def only_tested(data: Path, folder: Path) -> Path:
    """The table of the test part alone, as of an external data set."""
    folder.mkdir()
    lines = (data / "subjects/subjects.tsv").read_text().splitlines()
    kept = [lines[0], *(line for line in lines if line.split("\t")[4] == "test")]
    (folder / "outside.tsv").write_text("\n".join(kept) + "\n")
    return folder


def request(*stages: Stage, labels: tuple[str, ...] | None = None) -> ExternalRequest:
    scored = (ScoredStage(s.id, labels or tuple(head.label for head in s.heads)) for s in stages)
    return ExternalRequest("far", "cache", "outside", tuple(scored))


def score(data: Path, folder: Path, *stages: Stage, **options: Any) -> dict[str, str]:
    labels = options.pop("labels", None)
    return score_external(
        request(*stages, labels=labels),
        caches=data / "caches",
        subjects=only_tested(data, folder / "tables"),
        stages=folder / "out",
        out=folder / "external",
        accelerator="cpu",
        **options,
    )


@pytest.mark.parametrize("name", STAGES)
def test_the_same_images_give_the_same_numbers_bit_for_bit(
    train: Train, toy_data: Path, tmp_path: Path, name: str
) -> None:
    stage = toys.stage("s1", **STAGES[name])
    assert train(stage) == {"s1": "done"}
    assert score(toy_data, tmp_path, stage) == {"s1": "done"}
    folder = tmp_path / "external/far/s1"
    own = [row for row in table(tmp_path / "out/s1/predictions.csv") if row["split"] == "test"]
    assert table(folder / "predictions.csv") == own
    metrics, trained = read(folder), read(tmp_path / "out/s1")
    assert metrics["metrics"]["test"] == trained["metrics"]["test"]
    assert metrics["n"] == {"test": len({row["image"] for row in own})}
    assert metrics["differences"] == []


def test_an_adapted_network_answers_with_the_statistics_that_it_hands_on(
    train: Train, toy_data: Path, tmp_path: Path
) -> None:
    """Of a target whose images alone were learnt from: as at the end of the training."""
    sources = (
        toys.Source("toys", "cache", "subjects", ("age",), labelled=True),
        toys.Source("others", "cache", "subjects", ("age",), labelled=False),
    )
    scenario = {"name": "joint", "mixing": "concatenate", "unlabelled_ratio": 1.0}
    terms = {"mse": {"weight": 1.0}, "coral": {"weight": 1.0}}
    stage = toys.stage("s1", sources=sources, scenario=scenario, objective=terms, training__adabn=True)
    train(stage)
    score(toy_data, tmp_path, stage)
    rows = table(tmp_path / "out/s1/predictions.csv")
    adapted = {row["image"]: row["prediction"] for row in rows if row["split"] == "test:others"}
    own = {row["image"]: row["prediction"] for row in rows if row["split"] == "test"}
    found = {row["image"]: row["prediction"] for row in table(tmp_path / "external/far/s1/predictions.csv")}
    assert found == adapted
    assert found != own


def test_a_label_that_the_data_set_lacks_is_not_scored(train: Train, toy_data: Path, tmp_path: Path) -> None:
    stage = toys.stage("s1", **TWO_HEADS)
    train(stage)
    score(toy_data, tmp_path, stage, labels=("sex",))
    rows = table(tmp_path / "external/far/s1/predictions.csv")
    assert {row["label"] for row in rows} == {"sex"}
    assert list(read(tmp_path / "external/far/s1")["metrics_by_label"]) == ["sex"]


def test_the_metrics_are_those_of_the_written_predictions(
    train: Train, toy_data: Path, tmp_path: Path
) -> None:
    stage = toys.stage("s1")
    train(stage)
    score(toy_data, tmp_path, stage)
    rows = table(tmp_path / "external/far/s1/predictions.csv")
    true, said = (np.array([float(row[key]) for row in rows]) for key in ("true", "prediction"))
    assert read(tmp_path / "external/far/s1")["metrics"]["test"] == pytest.approx(
        compute("regression", true, said)
    )


def test_a_stage_that_is_damaged_is_told_before_any_is_scored(
    train: Train, toy_data: Path, tmp_path: Path
) -> None:
    """A lost file is the disk's fault: no score says so, and a later run makes the stage again."""
    stages = toys.stage("s1"), toys.stage("s2", seed=1)
    train(*stages)
    (tmp_path / "out/s1/weights.safetensors").unlink()
    with pytest.raises(DamagedError, match=r"s1 is damaged: weights.safetensors is missing"):
        score(toy_data, tmp_path, *stages)


def test_a_stage_whose_weights_cannot_be_read_fails_alone(
    train: Train, toy_data: Path, tmp_path: Path
) -> None:
    stages = toys.stage("s1"), toys.stage("s2", seed=1)
    train(*stages)
    folder = tmp_path / "out/s1"
    (folder / "checksums.json").unlink()
    (folder / "weights.safetensors").unlink()
    assert score(toy_data, tmp_path, *stages) == {"s1": "failed", "s2": "done"}
    assert "no such file of weights" in read(tmp_path / "external/far/s1")["reason"]


def test_images_of_another_make_are_told(train: Train, toy_data: Path, tmp_path: Path) -> None:
    stage = toys.stage("s1")
    train(stage)
    file = tmp_path / "out/s1/contract.json"
    contract = json.loads(file.read_text())
    contract["images"]["preprocessing"]["normalise"] = "minmax"
    file.write_text(json.dumps(contract))
    (file.parent / "checksums.json").unlink()
    score(toy_data, tmp_path, stage)
    assert read(tmp_path / "external/far/s1")["differences"] == [
        "preprocessing.normalise: expected minmax, found zscore"
    ]


def test_a_retry_predicts_fewer_images_at_once(
    train: Train, toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tlpy.scenarios import external

    stage = toys.stage("s1")
    train(stage)
    sizes: list[int] = []
    load = external.load
    monkeypatch.setattr(external, "load", lambda *given: sizes.append(given[2]) or load(*given))
    assert score(toy_data, tmp_path, stage, attempt=3) == {"s1": "done"}
    assert sizes == [2]

    def full(*_: Any) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(external, "load", full)
    (tmp_path / "again").mkdir()
    (tmp_path / "again/out").symlink_to(tmp_path / "out")
    with pytest.raises(MemoryError, match="s1 on far: no room"):
        score(toy_data, tmp_path / "again", stage)
