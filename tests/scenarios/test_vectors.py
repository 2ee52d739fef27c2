"""Training on vectors, from a CSV to a report: features are scaled by the training part, transfer works."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tlpy
from tlpy.errors import InputError

SCALES = np.array([1e-4, 1.0, 1e5, 1.0, 10.0, 1.0])


def table(path: Path, people: int, seed: int, shift: float = 0.0) -> dict[str, Any]:
    """Features on scales that lie far apart; age follows from the first three, by equal shares."""
    random = np.random.default_rng(seed)
    plain = random.normal(size=(people, len(SCALES)))
    ages = 50 + 10 * plain[:, :3].sum(axis=1) + random.normal(size=people)
    features = (plain + shift) * SCALES
    lines = ["id,age,sex," + ",".join(f"f{n}" for n in range(len(SCALES)))]
    for number, (age, row) in enumerate(zip(ages, features, strict=True)):
        values = ",".join(f"{value:.7g}" for value in row)
        lines.append(f"s{seed}n{number:03d},{age:.2f},{'FM'[int(age > 50)]},{values}")
    path.write_text("\n".join(lines) + "\n")
    return {"reader": {"name": "vectors", "without": ["age", "sex"]}, "path": str(path), "label": "age"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tlpy.Run]:
    folder = tmp_path_factory.mktemp("vectors")
    ways = ["full", "head", {"name": "freeze", "up_to": "layers.1"}, {"name": "freeze", "blocks": [1, 2]}]
    params = {
        "outdir": str(folder / "results"),
        "datasets": {
            "large": table(folder / "large.csv", 200, 1),
            "small": table(folder / "small.csv", 60, 2, shift=3.0),
        },
        "architecture": {"name": "mlp", "hidden": [32, 16], "dropout": 0.1},
        "stages": [
            {"dataset": "large", "epochs": 30, "lr": 0.01},
            {"dataset": "small", "epochs": 5, "augmentation": "noise"},
        ],
        "search": {
            "space": {"finetune.transfer": ways, "finetune.objective.elastic_penalty": [0, 0.01]},
        },
        "seed": 3,
    }
    return folder / "results", tlpy.run(params)


def stages(results: Path, name: str) -> list[Path]:
    found = [path.parent for path in results.glob("stages/*/stage.json")]
    return [path for path in found if json.loads((path / "stage.json").read_text())["name"] == name]


def test_every_way_of_transfer_is_trained(run: tuple[Path, tlpy.Run]) -> None:
    board = run[1].frame
    assert set(board["status"]) == {"done"}
    transferred = board[board["kind"] == "transfer"]
    assert len(transferred) == 8  # four ways, with and without a penalty
    assert any("regression on the features" in label for label in board["label"])
    assert transferred["test"].min() < 0.6 * board[board["kind"] == "scratch"]["test"].min()


def test_features_far_apart_are_learnt_since_each_is_scaled(run: tuple[Path, tlpy.Run]) -> None:
    (folder,) = stages(run[0], "pretrain")
    assert json.loads((folder / "metrics.json").read_text())["metrics"]["test"]["r2"] > 0.8


def test_the_scale_is_of_the_training_part_of_the_stage(run: tuple[Path, tlpy.Run]) -> None:
    results, _ = run
    for name in ("large", "small"):
        with (results / f"splits/{name}.tsv").open(newline="") as lines:
            training = {
                row["image"] for row in csv.DictReader(lines, delimiter="\t") if row["part"] == "train"
            }
        with (results.parent / f"{name}.csv").open(newline="") as lines:
            rows = [row for row in csv.DictReader(lines) if row["id"] in training]
        features = np.array([[np.float32(row[f"f{n}"]) for n in range(6)] for row in rows], np.float64)
        stage = stages(results, "pretrain" if name == "large" else "finetune")[0]
        with (stage / "features.tsv").open(newline="") as lines:
            told = list(csv.DictReader(lines, delimiter="\t"))
        assert [row["feature"] for row in told] == [f"f{n}" for n in range(6)]
        np.testing.assert_allclose([float(row["mean"]) for row in told], features.mean(0), rtol=1e-6)
        np.testing.assert_allclose([float(row["sd"]) for row in told], features.std(0), rtol=1e-6)
        contract = json.loads((stage / "contract.json").read_text())["images"]
        assert contract["steps"] == "each feature to mean 0 and standard deviation 1 over the training part"
        assert contract["features"] == [f"f{n}" for n in range(6)]


def test_the_report_speaks_of_vectors(run: tuple[Path, tlpy.Run]) -> None:
    report = run[0] / "report"
    texts = {file.name.removesuffix("_mqc.json"): file.read_text() for file in report.glob("*_mqc.json")}
    assert "comprised 200 vectors" in texts["methods"]
    said = (
        "Its vectors were prepared so: each feature to mean 0 and standard deviation 1 over the training "
        "part; 6 features."
    )
    assert said in texts["methods"]
    assert "a multilayer perceptron" in texts["methods"]
    assert "6 features" in texts["datasets"]
    assert "Mean of the features" in texts["quality"]
    assert "spread of the features" in texts["confounds"]
    assert "a bar from zero for each feature" in texts["pictures"]
    for name, text in texts.items():
        for word in ("RAS", "voxel", "skull", "ntensit", "slic", "Spacing"):
            assert word not in text, (name, word)


def test_weights_for_other_features_are_refused(run: tuple[Path, tlpy.Run]) -> None:
    from tlpy.architectures.build import build
    from tlpy.weights.load import load_weights
    from tlpy.weights.read import read_weights

    (folder,) = stages(run[0], "pretrain")
    mlp = {"name": "mlp", "hidden": [32, 16]}
    state = read_weights(folder / "weights.safetensors")
    load_weights(build(mlp, 1, (6,), {"age": 1}), state)
    with pytest.raises(InputError, match="were trained on 6 features, these data have 7"):
        load_weights(build(mlp, 1, (7,), {"age": 1}), state)


def test_a_batch_of_one_is_trained() -> None:
    import torch

    from tlpy.architectures.build import build

    for norm in ("batch", "layer", "none"):
        network = build({"name": "mlp", "norm": norm, "dropout": 0.0}, 1, (6,), {"age": 1}).train()
        images = torch.randn(1, 1, 6)
        trained = network(images)["age"]
        trained.sum().backward()
        torch.testing.assert_close(trained, network.eval()(images)["age"])
