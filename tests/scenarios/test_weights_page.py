"""The code of docs/weights.md, run where there is no tlpy, on what a stage leaves."""

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
import torch
import toys
from toys import Train

from tlpy.architectures.build import build
from tlpy.architectures.registry import complete_architecture
from tlpy.weights.save import save_weights

PAGE = Path(__file__).parents[2] / "docs/weights.md"


def run_block(name: str, *folders: Path) -> None:
    """Run a block of the page in each folder, in one process that finds no tlpy."""
    (code,) = re.findall(rf"^```python\n# {name}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    each = (
        "import os, sys\n"
        "sys.modules['tlpy'] = None\n"
        "for folder in sys.argv[2:]:\n"
        "    os.chdir(folder)\n"
        "    exec(sys.argv[1], {})\n"
    )
    command = [sys.executable, "-I", "-c", each, code, *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("block", "architecture"),
    [
        ("resnet.py", {"name": "resnet10", "filters": 4, "kernel": 3, "stride": 1}),
        ("sfcn.py", {"name": "sfcn", "filters": [4, 8]}),
    ],
)
def test_predictions_come_out_as_the_training_wrote_them(
    train: Train, toy_data: Path, tmp_path: Path, block: str, architecture: dict[str, Any]
) -> None:
    whole = complete_architecture(architecture, "architecture", (8, 8))
    assert train(toys.stage("s1", architecture=whole)) == {"s1": "done"}
    folder = tmp_path / "out/s1"
    shard = toy_data / "caches/cache-1of1"
    np.save(folder / "images.npy", np.load(shard / "images.npy"))
    run_block(block, folder)
    with (shard / "images.tsv").open(newline="") as file:
        place = {row["image"]: row["index"] for row in csv.DictReader(file, delimiter="\t")}
    found = np.load(folder / "ages.npy")
    with (folder / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 10
    for row in rows:
        assert found[int(place[row["image"]])] == pytest.approx(float(row["prediction"]), abs=2e-3)


OTHERS: list[dict[str, Any]] = [
    {"name": "densenet121", "filters": 4, "growth": 2},
    {"name": "vit", "width": 12, "depth": 2, "heads": 2},
    {"name": "swin", "embed": 12, "heads": [1, 2, 2, 4]},
]


def test_features_of_the_other_families(tmp_path: Path) -> None:
    expected = {}
    for architecture in OTHERS:
        for size in ((32, 32), (32, 32, 32)):
            torch.manual_seed(0)
            whole = complete_architecture(architecture, "architecture", size)
            network = build(whole, 1, size, {"age": 1}).eval()
            images = torch.randn(2, 1, *size)
            folder = tmp_path / f"{architecture['name']}-{len(size)}"
            folder.mkdir()
            save_weights(network, folder / "weights.safetensors")
            said = {"architecture": whole, "input": {"channels": 1, "size": list(size)}}
            (folder / "contract.json").write_text(json.dumps(said))
            np.save(folder / "images.npy", images.numpy())
            with torch.no_grad():
                expected[folder] = network.encoder(images)
    run_block("features.py", *expected)
    for folder, features in expected.items():
        found = torch.from_numpy(np.load(folder / "features.npy"))
        torch.testing.assert_close(found, features, rtol=1e-4, atol=1e-5)
