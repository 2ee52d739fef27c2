"""Baselines fitted to prepared images, and what they leave behind: the same files as a stage."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlpy.components.sources import sources
from tlpy.local import LocalRun
from tlpy.metrics.registry import compute
from tlpy.plain.fits import PlainFit
from tlpy.plain.run import PlainFolders, run_fits

OWN = '''
from dataclasses import dataclass
import numpy as np
from tlpy.plain.base import PlainBaseline
from tlpy.plain.linear import LinearBaseline


@dataclass(kw_only=True)
class Corner(LinearBaseline):
    """the corner's brightness"""
    noun_for_classes = "logistic regression on the corner"
    width: int = 3

    def features(self, cases):
        blocks = [block[:, :, :self.width, :self.width].mean((1, 2, 3)) for block in cases.blocks()]
        return np.concatenate(blocks)[:, None].astype(float)


class Wrong(PlainBaseline):
    draws = True
    def fit(self, question, train, val):
        self.seed = train.seed
    def predict(self, cases):
        return np.full((len(cases), 2), 0.5)


class Worse(PlainBaseline):
    def fit(self, question, train, val):
        raise RuntimeError("no idea")
    def predict(self, cases):
        return None
'''


@pytest.fixture
def params(tmp_path: Path) -> dict[str, Any]:
    """60 small images; of men a corner is brighter."""
    folder = tmp_path / "people"
    folder.mkdir()
    rng = np.random.default_rng(0)
    lines = ["image,subject,sex,age"]
    for person in range(60):
        image = rng.normal(size=(12, 10)).astype(np.float32)
        image[:3, :3] += 1.5 * (person % 2)
        np.save(folder / f"p{person:02d}.npy", image)
        lines.append(f"p{person:02d}.npy,p{person:02d},{'FM'[person % 2]},{20 + person}")
    (folder / "people.csv").write_text("\n".join(lines) + "\n")
    data = {"reader": "table", "path": str(folder / "people.csv"), "label": ["sex", "age"]}
    return {
        "outdir": str(tmp_path / "out"),
        "datasets": {"people": {**data, "split": {"val": 0.2, "test": 0.4}}},
        "architecture": {"name": "resnet10", "filters": 4},
        "stages": [{"dataset": "people", "epochs": 1}],
        "baseline": False,
    }


def fitted(params: dict[str, Any], tmp_path: Path) -> dict[str, Path]:
    """The folder of each fit by the name of its baseline."""
    run = LocalRun(params, store=tmp_path / "store", threads=1)
    run.prepare()
    run.write_subjects(tmp_path)
    (task,) = run.tasks.plain
    folders = PlainFolders(run.store.root / "cache", tmp_path / "subjects")
    run_fits(task.pack.fits, folders, tmp_path / "plain")
    return {fit.component["name"]: tmp_path / "plain" / fit.id for fit in task.pack.fits}


def metrics(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return found


def test_every_label_is_answered_and_scored_as_a_stages_are(params: dict[str, Any], tmp_path: Path) -> None:
    folders = fitted(params, tmp_path)
    assert set(folders) == {"mean", "linear_images", "linear_volume"}
    found = metrics(folders["linear_images"])
    assert found["status"] == "done"
    assert found["n"] == {"train": 24, "val": 12, "test": 24}
    assert found["metrics"]["test"]["auroc"] > 0.8
    assert set(found["metrics_by_label"]) == {"sex", "age"}
    assert found["fitted"]["sex"]["features"] == 120
    assert metrics(folders["mean"])["metrics"]["test"]["auroc"] == 0.5
    with (folders["linear_images"] / "predictions.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["label"] == "sex" and row["split"] == "test"]
    true = [float(row["true"] == "M") for row in rows]
    again = compute("binary", true, [float(row["p:M"]) for row in rows])
    assert again == pytest.approx(found["metrics"]["test"])


def test_own_baselines_run_and_those_that_fail_fail_alone(params: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "corners.py").write_text(OWN)
    own = [{"name": "corners.Corner", "width": 2}, "corners.Wrong", "corners.Worse", "mean"]
    try:
        folders = fitted({**params, "components": str(tmp_path / "own"), "plain": own}, tmp_path)
    finally:
        sources.use(None)
    assert metrics(folders["corners.Corner"])["metrics"]["test"]["auroc"] > 0.9
    assert metrics(folders["mean"])["status"] == "done"
    wrong, worse = metrics(folders["corners.Wrong"]), metrics(folders["corners.Worse"])
    assert wrong["status"] == worse["status"] == "failed"
    assert "answers of shape" in wrong["reason"]
    assert "RuntimeError: no idea (corners.py" in worse["reason"]
    assert "Traceback" in (folders["corners.Worse"] / "fit.log").read_text()


def test_what_is_no_baseline_is_not_run(params: dict[str, Any], tmp_path: Path) -> None:
    folder = fitted({**params, "plain": "mean"}, tmp_path)["mean"]
    record = json.loads((folder / "fit.json").read_text())
    record["component"] = {"name": "subprocess.Popen", "args": ["touch", str(tmp_path / "ran")]}
    folders = PlainFolders(tmp_path / "store" / "cache", tmp_path / "subjects")
    run_fits([PlainFit.from_json(record)], folders, tmp_path / "plain")
    assert "subprocess.Popen" in metrics(folder)["reason"]
    assert not (tmp_path / "ran").exists()


def test_fitting_imports_no_torch(params: dict[str, Any], tmp_path: Path) -> None:

    folder = fitted({**params, "plain": ["linear_images"]}, tmp_path)["linear_images"]
    pack = tmp_path / "pack.json"
    pack.write_text(json.dumps({"id": "people", "fits": [json.loads((folder / "fit.json").read_text())]}))
    script = Path(__file__).parents[2] / "bin" / "plain.py"
    given = {"pack": pack, "caches": tmp_path / "store" / "cache", "subjects": tmp_path / "subjects"}
    given["out"] = tmp_path / "again"
    arguments = [text for name, path in given.items() for text in (f"--{name}", str(path))]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(script), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not re.search(r"\|\s+torch\n", done.stderr)
    again = json.loads((tmp_path / "again" / folder.name / "metrics.json").read_text())
    assert again["metrics"] == metrics(folder)["metrics"]
