"""The benchmark against published numbers trains what the protocol says, and cuts it in its own shape."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import yaml

from tlpy.params.schema import Schema
from tlpy.plan.documents import plan_record
from tlpy.plan.planner import Planner

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "assets" / "examples" / "medmnist.yaml"


@pytest.fixture(scope="module")
def published() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import published

    yield published
    sys.path.remove(str(ROOT / "benchmarks"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sets in MedMNIST's form, in which the brighter images are of class 1."""
    folder = tmp_path_factory.mktemp("medmnist")
    random = np.random.default_rng(0)
    for name, size in (
        ("breastmnist", (28, 28)),
        ("pneumoniamnist", (28, 28)),
        ("adrenalmnist3d", (28,) * 3),
    ):
        arrays = {}
        for part, count in (("train", 24), ("val", 12), ("test", 12)):
            labels = np.arange(count) % 2
            noise = random.integers(0, 100, (count, *size))
            bright = 120 * labels.reshape(-1, *(1,) * len(size))
            arrays |= {f"{part}_images": (noise + bright).astype(np.uint8), f"{part}_labels": labels[:, None]}
        np.savez(folder / f"{name}.npz", **arrays)
    return folder


def planned(params: dict[str, Any], tmp_path: Path) -> Any:
    return plan_record(Planner({**params, "outdir": str(tmp_path)}, Schema.read(), {}).plan())


def test_the_example_is_the_protocol(published: ModuleType, data: Path, tmp_path: Path) -> None:
    params = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    for one in params["datasets"].values():
        one["path"] = str(data / Path(one["path"]).name)
    plan = planned(params, tmp_path)
    stages = list(plan.stages.values())
    assert {stage.sources[0].dataset for stage in stages} == set(published.PUBLISHED)
    assert len(stages) == 3 * 3
    for stage in stages:
        training = stage.training
        assert (training.epochs, training.lr, training.optimizer["name"]) == (100, 0.001, "adam")
        assert (training.schedule["name"], training.schedule["gamma"]) == ("multistep", 0.1)
        assert list(training.schedule["milestones"]) == [50, 75]
        assert training.batch_size == (32 if len(stage.input.size) == 3 else 128)
        assert (training.augmentation, training.keep, stage.metric) == (None, "best", "auroc")
        stem = {key: stage.architecture[key] for key in ("name", "kernel", "stride", "max_pool", "filters")}
        assert stem == {"name": "resnet18", "kernel": 3, "stride": 1, "max_pool": False, "filters": 64}


def test_a_cut_keeps_the_shape_and_is_told(
    published: ModuleType, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.json"
    options = [
        "--sets",
        "breast",
        "--transfer",
        "pneumonia",
        "--seeds",
        "1",
        "--epochs",
        "2",
        "--threads",
        "1",
    ]
    options += ["--pretrain-epochs", "4", "--network", "filters=2", "--data", str(data), "--out", str(out)]
    published.main([*options, "--work", str(tmp_path / "work")])
    assert "2 epochs, 4 epochs of pretraining, filters 2" in capsys.readouterr().out
    rows = yaml.safe_load(out.read_text(encoding="utf-8"))
    told = [row["what"] for row in rows]
    assert told[0] == "published"
    assert told[1].startswith("logistic regression on pixels")
    assert "ResNet-18, 2 epochs, pretrained on pneumonia" in told
    assert "ResNet-18, 2 epochs" in told
    assert rows[1]["auc"] == [1.0]
    written = tmp_path / "work" / "run-breast-pneumonia" / "plan" / "plan.json"
    plan = json.loads(written.read_text(encoding="utf-8"))
    marks = {stage["name"]: stage["training"]["schedule"]["milestones"] for stage in plan["stages"].values()}
    assert marks == {"pretrain": [2, 3], "finetune": [1, 2]}


def test_unknown_sets_are_refused(published: ModuleType) -> None:
    with pytest.raises(SystemExit):
        published.main(["--sets", "breast,brest"])
