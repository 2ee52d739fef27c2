"""Plans of data sets whose label, group or number of images comes from the reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from layouts import simulate_layout

from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plan.documents import inferred
from tlpy.plan.planner import Planned, Planner


def plan(datasets: dict[str, Any], **params: Any) -> Planned:
    stages = [{"dataset": name, "epochs": 1} for name in datasets]
    given = {"outdir": "results", "datasets": datasets, "stages": stages, **params}
    return Planner(given, Schema.read(), {}).plan()


def told(made: Planned, what: str) -> list[str]:
    return [item.value for item in inferred(made) if item.what == what]


def test_a_label_of_the_readers_own_is_filled_in_and_said(tmp_path: Path) -> None:
    folder = simulate_layout("image_folder", tmp_path / "slices", subjects=20, dirt=False)
    file = simulate_layout("medmnist", tmp_path / "mnist", subjects=40) / "simmnist.npz"
    traits = {"domain": "medical", "classes": 2}
    pattern = {"name": "image_folder", "pattern": r"(?P<subject>p\d+)"}
    made = plan(
        {
            "slices": {"reader": pattern, "path": str(folder), "traits": traits},
            "mnist": {"reader": "medmnist", "path": str(file)},
        }
    )
    assert told(made, "datasets.slices.label") == ["class"]
    assert told(made, "datasets.mnist.label") == ["label"]
    assert told(made, "datasets.mnist split") == ["20 / 10 / 10 (train / val / test)"]
    assert any("1 image is in both train and test" in text for text in told(made, "datasets.mnist"))
    table = made.base_subjects["slices"]
    assert sum(table.counts.values()) == 2 * sum(table.groups.values()) == 40


def test_windows_share_one_cache_whatever_their_label(tmp_path: Path) -> None:
    root = simulate_layout("timeseries", tmp_path / "series", subjects=10)
    spec = {"reader": "timeseries", "path": str(root), "group": "run", "preprocessing": {"window": 9}}
    datasets = {name: {**spec, "label": name} for name in ("looking", "category")}
    made = plan(datasets, architecture={"name": "resnet10", "dims": 1})
    assert len(made.caches) == 1
    assert {data.size for data in made.datasets.values()} == {(9,)}
    assert {data.channels for data in made.datasets.values()} == {12}
    parts: dict[str, set[str]] = {}
    for table in made.base_subjects.values():
        for row in table.rows:
            parts.setdefault(row[2], set()).add(row[4])
    assert len(parts) == 9
    assert all(len(found) == 1 for found in parts.values())  # a run is in one part, in both data sets
    pictures = simulate_layout("image_folder", tmp_path / "slices", subjects=8, dirt=False)
    with pytest.raises(InputError, match="needs one"):
        plan({"p": {"reader": "image_folder", "path": str(pictures), "preprocessing": {"window": 9}}})
