"""One stage: what it learns, keeps, scores and writes, in each dimension and precision."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import toys
from safetensors.torch import load_file
from toys import Train, read, results

from tlpy.metrics.registry import compute
from tlpy.records import Head
from tlpy.scenarios.stage import divide_batch

VIT = {"name": "vit", "patch": 4, "width": 24, "depth": 1, "heads": 2, "dropout": 0.0}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_an_age_is_learnt_and_scored_in_years(train: Train, tmp_path: Path) -> None:
    train(toys.stage("s1", training__epochs=12, training__lr=0.003))
    metrics, history = read(tmp_path / "out/s1"), table(tmp_path / "out/s1/history.csv")
    assert metrics["metrics"]["test"]["r"] > 0.9
    assert 1 < metrics["metrics"]["test"]["mae"] < 12
    best = min(history, key=lambda row: float(row["val_mae"]))
    assert metrics["best_epoch"] == int(best["epoch"])
    assert metrics["metrics"]["val"]["mae"] == pytest.approx(float(best["val_mae"]), rel=1e-6)
    assert metrics["n"] == {"train": 24, "val": 7, "test": 8}
    assert metrics["epochs_run"] == len(history) == 12
    predictions = table(tmp_path / "out/s1/predictions.csv")
    for part in ("val", "test"):
        rows = [row for row in predictions if row["split"] == part]
        found = compute("regression", *([float(row[key]) for row in rows] for key in ("true", "prediction")))
        assert found == pytest.approx(metrics["metrics"][part])
    truth = {f"sub-{row:03d}": age for row, age in enumerate(toys.images_and_ages(40, (8, 8))[1])}
    assert all(float(row["true"]) == pytest.approx(truth[row["image"]], abs=1e-3) for row in predictions)


def test_classes_are_written_by_name_with_probabilities(train: Train, tmp_path: Path) -> None:
    three = [Head("sex", "multiclass", ("F", "M", "X"))]
    train(toys.stage("s1", "sex"), toys.stage("s2", "sex", heads=three))
    for stage_id, classes in (("s1", "FM"), ("s2", "FMX")):
        rows = table(tmp_path / f"out/{stage_id}/predictions.csv")
        shares = np.array([[float(row[f"p:{name}"]) for name in classes] for row in rows])
        assert shares.sum(axis=1) == pytest.approx(np.ones(len(rows)))
        assert [row["prediction"] for row in rows] == [classes[index] for index in shares.argmax(axis=1)]


@pytest.mark.parametrize("size", [(32,), (12, 10), (8, 10, 12)])
@pytest.mark.parametrize("precision", ["32", "bf16-mixed"])
def test_every_dimension_and_precision(
    train: Train, tmp_path: Path, size: tuple[int, ...], precision: str
) -> None:
    images, ages = toys.images_and_ages(15, size, channels=2)
    toys.write_cache(tmp_path / "d/caches", images)
    toys.write_subjects(tmp_path / "d/subjects", ages)
    record = toys.stage("s1", input={"channels": 2, "size": list(size)}, training__precision=precision)
    assert train(record, data=tmp_path / "d") == {"s1": "done"}
    weights = load_file(tmp_path / "d/../out/s1/weights.safetensors")
    assert weights["encoder.conv1.weight"].shape[1] == 2
    assert all(tensor.dtype != torch.bfloat16 for tensor in weights.values())


def test_early_stopping_keeps_the_best_epoch(train: Train, tmp_path: Path) -> None:
    stop = {"patience": 2, "min_delta": 0.5}
    train(toys.stage("s1", training__epochs=60, training__lr=0.03, training__early_stopping=stop))
    metrics, history = read(tmp_path / "out/s1"), table(tmp_path / "out/s1/history.csv")
    assert metrics["stopped_early"]
    assert metrics["epochs_run"] == len(history) < 60
    values = [float(row["val_mae"]) for row in history]
    assert metrics["metrics"]["val"]["mae"] == pytest.approx(min(values), rel=1e-6)
    mark, waited = values[0], 0
    for value in values[1:]:
        mark, waited = (value, 0) if value + 0.5 < mark else (mark, waited + 1)
    assert waited == 2


def test_the_last_epoch_is_kept_where_asked(train: Train, tmp_path: Path) -> None:
    train(toys.stage("s1", training__keep="last", training__lr=0.05))
    metrics, history = read(tmp_path / "out/s1"), table(tmp_path / "out/s1/history.csv")
    assert metrics["best_epoch"] == 3
    assert metrics["metrics"]["val"]["mae"] == pytest.approx(float(history[-1]["val_mae"]), rel=1e-6)


def test_what_is_frozen_stays_bit_for_bit(train: Train, tmp_path: Path) -> None:
    train(toys.stage("s1"), out="parents")
    train(toys.stage("s2", "sex", parent="s1", transfer={"name": "freeze", "up_to": "layer3"}))
    before = load_file(tmp_path / "parents/s1/weights.safetensors")
    after = load_file(tmp_path / "out/s2/weights.safetensors")
    assert all(torch.equal(before[k], after[k]) for k in before if "bn1" in k and k.startswith("encoder.bn1"))
    frozen = [
        name for name in before if name.startswith(("encoder.conv1", "encoder.layer1", "encoder.layer2"))
    ]
    assert len(frozen) > 20
    assert all(torch.equal(before[name], after[name]) for name in frozen)
    assert not torch.equal(before["encoder.layer4.0.conv1.weight"], after["encoder.layer4.0.conv1.weight"])
    parameters = read(tmp_path / "out/s2")["parameters"]
    assert 0 < parameters["trainable"] < parameters["total"]


def test_learning_rates_follow_the_schedule(train: Train, tmp_path: Path) -> None:
    schedule = {"name": "step", "every": 1, "gamma": 0.1}
    train(toys.stage("s1", training__schedule=schedule, training__lr=0.1))
    rates = [
        float(row["lr"]) for row in table(tmp_path / "out/s1/learning_rates.csv") if row["group"] == "heads"
    ]
    assert rates == pytest.approx([0.1, 0.01, 0.001])
    history = [float(row["lr"]) for row in table(tmp_path / "out/s1/history.csv")]
    assert history == pytest.approx(rates)


def test_halved_batches_make_the_same_steps(tmp_path: Path, toy_data: Path) -> None:
    from tlpy.data.cache import PreparedImages
    from tlpy.data.dataset import ImageSource
    from tlpy.data.subjects import read_subjects
    from tlpy.scenarios.material import Opened
    from tlpy.scenarios.stage import train_stage

    record = toys.stage("s1", architecture=VIT, training__batch_size=4, training__optimizer={"name": "sgd"})
    rows = [
        row for row in read_subjects(toy_data / "subjects/subjects.tsv", ["age"]) if row.image < "sub-020"
    ]
    source = ImageSource(PreparedImages.open([toy_data / "caches/cache-1of1"]))
    for halvings in (0, 1):
        opened = [Opened(source, rows, {})]
        train_stage(record, opened, None, tmp_path / str(halvings), halvings=halvings)
    whole, halved = (load_file(tmp_path / f"{n}/weights.safetensors") for n in (0, 1))
    assert read(tmp_path / "1")["physical_batch"] == 2
    assert read(tmp_path / "0")["n"]["train"] % 4 == 0
    for name in whole:
        torch.testing.assert_close(halved[name], whole[name], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("batch", "halvings", "expected"),
    [(16, 0, (16, 1)), (16, 1, (8, 2)), (16, 9, (1, 16)), (15, 1, (5, 3)), (7, 1, (3, 3)), (1, 1, (1, 1))],
)
def test_dividing_a_batch(batch: int, halvings: int, expected: tuple[int, int]) -> None:
    assert divide_batch(batch, halvings) == expected


def test_without_a_validation_part_the_last_epoch_is_kept(
    train: Train, toy_data: Path, tmp_path: Path
) -> None:
    lines = (toy_data / "subjects/subjects.tsv").read_text().splitlines(keepends=True)
    (tmp_path / "d/subjects").mkdir(parents=True)
    (tmp_path / "d/subjects/subjects.tsv").write_text("".join(x for x in lines if "\tval\t" not in x))
    (tmp_path / "d/caches").symlink_to(toy_data / "caches")
    status = train(toys.stage("s1"), toys.stage("s2", training__keep="last"), data=tmp_path / "d")
    assert status == {"s1": "failed", "s2": "done"}
    assert "no validation part" in read(tmp_path / "out/s1")["reason"]
    assert read(tmp_path / "out/s2")["metrics"]["val"] == {}


def test_oversampling_a_regression_fails_with_a_reason(train: Train, tmp_path: Path) -> None:
    assert train(toys.stage("s1", training__sampling="oversample")) == {"s1": "failed"}
    assert "a regression has none" in read(tmp_path / "out/s1")["reason"]


def test_a_slurm_job_is_not_taken_for_lightnings_own(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(toys.stage("s1"), out="plain")
    job: dict[str, Any] = {"SLURM_JOB_ID": 1, "SLURM_NTASKS": 8, "SLURM_JOB_NAME": "nf", "SLURM_PROCID": 3}
    for name, value in {**job, "SLURM_LOCALID": 3, "SLURM_NTASKS_PER_NODE": 8}.items():
        monkeypatch.setenv(name, str(value))
    assert train(toys.stage("s1"), out="slurm") == {"s1": "done"}
    assert results(tmp_path / "plain/s1") == results(tmp_path / "slurm/s1")


def test_epochs_are_chosen_by_answers_of_subjects(train: Train, toy_data: Path, tmp_path: Path) -> None:
    """Two neighbouring images of a part are of one person here: what is predicted of them is averaged."""
    folder = tmp_path / "d"
    (folder / "subjects").mkdir(parents=True)
    (folder / "caches").symlink_to(toy_data / "caches")
    with (toy_data / "subjects/subjects.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        number = int(row["image"][4:])
        row["subject"] = row["group"] = f"{number % 5}-{number // 10}"
        row["label:age"] = f"{float(rows[number - 5 * (number // 5 % 2)]['label:age']):.3f}"
    with (folder / "subjects/subjects.tsv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    images = toys.stage("s2").sources[0].to_json() | {"score_by": "image"}
    assert set(train(toys.stage("s1"), toys.stage("s2", sources=(images,)), data=folder).values()) == {"done"}
    metrics, by_image = read(tmp_path / "out/s1"), read(tmp_path / "out/s2")
    found: dict[str, list[tuple[float, float]]] = {}
    for row in table(tmp_path / "out/s1/predictions.csv"):
        if row["split"] == "val":
            found.setdefault(row["subject"], []).append((float(row["true"]), float(row["prediction"])))
    assert len(found) == 4
    errors = [abs(np.diff(np.mean(pairs, axis=0))[0]) for pairs in found.values()]
    assert metrics["metrics"]["val"]["mae"] == pytest.approx(np.mean(errors))
    history = table(tmp_path / "out/s1/history.csv")
    assert min(float(row["val_mae"]) for row in history) == pytest.approx(np.mean(errors))
    assert metrics["metrics_by_image"]["val"]["mae"] > metrics["metrics"]["val"]["mae"]
    assert by_image["metrics_by_image"] == {}
