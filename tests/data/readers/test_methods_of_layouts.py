"""The methods text on every reader: what it says was done, was done; what can't be known is not claimed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tlpy.data.prepare import prepare_shard
from tlpy.evaluation.ranking import rank
from tlpy.evaluation.results import read_run
from tlpy.params.schema import Schema
from tlpy.plan.documents import plan_record, tasks_of
from tlpy.plan.planner import Planner
from tlpy.report.write import write_report

SCAN = "oriented to RAS"
NOBODY = "does not tell whose images they are"
ANY = ("oriented", "RAS", "window", "whose images", "series", "over the run", "official")
# layout, what is in it, the data set's settings, what is said, and which of ANY beside it.
CASES: dict[str, tuple[str, str, dict[str, Any], tuple[str, ...], tuple[str, ...]]] = {
    "bids": (
        "bids_sessions", "",
        {"reader": {"name": "bids", "sessions": "all", "runs": "first", "ce": "none"}, "label": "age"},
        (SCAN, "split by subject, stratified by age", "intensities"), ("oriented", "RAS"),
    ),
    "hcp": ("hcp", "", {"reader": "hcp", "label": "age", "group": "Subject"},
            (SCAN, "stratified by age"), ("oriented", "RAS")),
    "nodes": (
        "hcp", "", {"reader": {"name": "hcp", "nodes": 15}, "label": "age", "group": "Subject",
                       "preprocessing": {"size": 60}},
        ("cropped or padded to 60", "each channel's values", "over the series"), ("series",),
    ),
    "windows": (
        "hcp", "", {"reader": {"name": "hcp", "nodes": 15}, "label": "age", "group": "Subject",
                       "preprocessing": {"window": 20}},
        ("windows of 20 volumes", "14 windows", "over the run"), ("window", "over the run"),
    ),
    "ukb": ("ukb", "", {"reader": {"name": "ukb", "sessions": "first"}, "label": "age"}, (SCAN,),
            ("oriented", "RAS")),
    "ixi": ("ixi", "", {"reader": "ixi", "label": "age"}, (SCAN,), ("oriented", "RAS")),
    "oasis1": ("oasis1", "", {"reader": {"name": "oasis1", "sessions": "first"}, "label": "age"}, (SCAN,),
               ("oriented", "RAS")),
    "oasis2": (
        "oasis2", "", {"reader": {"name": "oasis2", "sessions": "all", "runs": "first"}, "label": "age"},
        (SCAN, "stratified by age"), ("oriented", "RAS"),
    ),
    "decathlon": ("decathlon", "", {"reader": "decathlon", "label": "age",
                                    "preprocessing": {"size": [20, 24, 20]}}, (SCAN,), ("oriented", "RAS")),
    "mura": ("mura", "", {"reader": "mura", "preprocessing": {"resize": 24}},
             ("resized to 24", "used in its official parts"), ("official",)),
    "chestxray14": ("chestxray14", "", {"reader": "chestxray14"}, ("used in its official parts",),
                    ("official",)),
    "medmnist": ("medmnist", "simcolour.npz", {"reader": "medmnist"},
                 ("used in its official parts", NOBODY, "intensities"), ("whose images", "official")),
    "medmnist3d": ("medmnist", "simmnist3d.npz", {"reader": "medmnist"}, ("official parts", NOBODY),
                   ("whose images", "official")),
    "folder": ("image_folder", "", {"reader": {"name": "image_folder", "colour": "grey"}},
               ("split by image, stratified by", NOBODY), ("whose images",)),
    "timeseries": (
        "timeseries", "",
        {"reader": "timeseries", "label": "category", "group": "run", "preprocessing": {"window": 9}},
        ("224 windows", "windows of 9 volumes", "split within subjects, by run"), ("window", "over the run"),
    ),
    "vectors": (
        "vectors", "", {"reader": "vectors", "label": "age", "architecture": "mlp"},
        ("comprised 7 vectors", "stratified by age", "over the training part; 15 features"), (),
    ),
}  # fmt: skip


def methods_of(root: Path, path: Path, spec: dict[str, Any]) -> tuple[str, str]:
    """The methods text and the description of the data sets, as a run leaves them."""
    settings = dict(spec)
    network = settings.pop("architecture", "resnet10")
    params = {
        "outdir": str(root / "out"),
        "datasets": {"data": {**settings, "path": str(path)}},
        "stages": [{"name": "finetune", "dataset": "data", "epochs": 1}],
        "architecture": network,
        "on_bad_image": "skip",
    }
    plan = Planner(params, Schema.read(), {}).plan()
    for task in tasks_of(plan).prepare:
        assert prepare_shard(task.request, Path(task.source), root / "prepared" / task.id) == []
    run = read_run(plan_record(plan), root / "stages", root / "prepared")
    write_report(run, rank(run), root / "report")
    found = {
        name: json.loads((root / "report" / f"{name}_mqc.json").read_text())
        for name in ("methods", "datasets")
    }
    return tuple(
        re.sub(r"&#\w+;", "'", re.sub(r"<[^>]+>", " ", found[name][key]))
        for name, key in (("methods", "data"), ("datasets", "description"))
    )


@pytest.mark.parametrize("name", CASES)
def test_the_text_says_what_was_done(layout, tmp_path: Path, name: str) -> None:
    tree, file, spec, said, beside = CASES[name]
    path = layout(tree) / file if file else layout(tree)
    methods, described = methods_of(tmp_path, path, spec)
    for words in said:
        assert words in methods, methods
    data = methods[: methods.index("minimising")]
    for word in ANY:
        assert (word in data) == (word in beside), (word, data)
    # The plan's own record says the same of who was in which part.
    for word in ("stratified", "official", "whose images"):
        assert (word in described) == (word in data), (word, described)
    if NOBODY in methods:
        assert "Nobody was in two parts" not in methods
