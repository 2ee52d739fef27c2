"""A task starts fast: what it needn't import it doesn't, and its exit code says how it ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import torch
import toys

ROOT = Path(__file__).parents[2]
HEAVY = ["pandas", "sklearn", "monai", "nibabel", "matplotlib", "PIL.Image"]


def run(*arguments: object, code: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code] if code else [sys.executable, str(ROOT / "bin/train.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, *map(str, arguments)], env=environment, capture_output=True, text=True, check=False
    )


def test_training_imports_nothing_it_does_not_use() -> None:
    code = f"""
import sys, tlpy.scenarios.pack
print([name for name in {HEAVY} if name in sys.modules])
"""
    ended = run(code=code)
    assert ended.stdout.splitlines() == ["[]"], ended.stderr


def test_exit_codes(toy_data: Path, tmp_path: Path) -> None:
    (tmp_path / "pack.json").write_text(json.dumps(toys.pack(toys.stage("s1", training__epochs=1)).to_json()))
    places = ["--pack", tmp_path / "pack.json", "--caches", toy_data / "caches"]
    places += ["--subjects", toy_data / "subjects", "--parents", tmp_path / "parents"]
    places += ["--checkpoints", tmp_path / "checkpoints", "--out", tmp_path / "stages"]
    ended = run(*places, "--accelerator", "cpu")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "s1 pretrain: validation mae" in ended.stdout
    assert (tmp_path / "stages/s1/weights.safetensors").is_file()
    if not torch.cuda.is_available():
        ended = run(*places, "--accelerator", "gpu")
        assert ended.returncode == 2
        assert ended.stderr.startswith("accelerator: a GPU was asked for")
        assert "Traceback" not in ended.stderr
