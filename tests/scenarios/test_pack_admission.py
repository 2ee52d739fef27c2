"""TRAIN gets records as JSON, which anyone can write: what names no component is refused as a whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import toys

ROOT = Path(__file__).parents[2]
SYSTEM = {"name": "os.system", "command": "touch called"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("training__augmentation", [SYSTEM]),
        ("training__optimizer", SYSTEM),
        ("training__schedule", SYSTEM),
        ("training__datamodule", SYSTEM),
        ("architecture", SYSTEM),
        ("scenario", SYSTEM),
        ("transfer", SYSTEM),
        ("objective", {"os.system": {"command": "touch called"}}),
        ("objective", {"simclr": {"augmentation": [SYSTEM]}}),
        ("architecture", {"command": "touch called"}),
        ("architecture", {"name": ["os.system"]}),
    ],
)
def test_a_pack_that_names_no_component_is_refused(key: str, value: Any, tmp_path: Path) -> None:
    document = toys.pack(toys.stage()).to_json()
    target = document["stages"][0]
    *outer, last = key.split("__")
    for part in outer:
        target = target[part]
    target[last] = value
    (tmp_path / "pack.json").write_text(json.dumps(document))
    code, told = train(tmp_path)
    assert code == 2, told
    lines = told.strip().splitlines()
    assert len(lines) == 1, told
    assert lines[0].startswith("stage pretrain: "), told
    assert "standard library" in told or "expected a name, or a map with a name" in told
    assert not (tmp_path / "called").exists()
    assert not (tmp_path / "stages").exists()


def test_a_pack_with_a_list_in_a_list_is_refused(tmp_path: Path) -> None:
    document = toys.pack(toys.stage()).to_json()
    document["stages"][0]["training"]["augmentation"] = [[SYSTEM]]
    (tmp_path / "pack.json").write_text(json.dumps(document))
    code, told = train(tmp_path)
    assert code == 2
    assert "Pack.stages[0].training.augmentation[0]: expected a map" in told
    assert "Traceback" not in told


def train(folder: Path) -> tuple[int, str]:
    """Exit code and words of TRAIN on `pack.json`."""
    words = ["--pack", "pack.json", "--checkpoints", "checkpoints"]
    for name in ("caches", "subjects", "parents"):
        words += [f"--{name}", "."]
    done = subprocess.run(
        [sys.executable, str(ROOT / "bin/train.py"), *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr
