"""A small search through the real pipeline, for tests that disturb it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

# What a leaderboard says of time differs from run to run; what else it says does not.
TIMES = ("seconds",)


def params(data: str = "brains", **more: Any) -> dict[str, Any]:
    """Age, then sex, at two learning rates; `data` is the path of simulated brains."""
    images = {"reader": "bids", "path": data, "preprocessing": {"slice": "axial", "size": [24, 24]}}
    return {
        "outdir": "results",
        "architecture": {"name": "resnet10", "filters": 4},
        "epochs": 1,
        "datasets": {"age": {**images, "label": "age"}, "sex": {**images, "label": "sex"}},
        "stages": [{"name": "pretrain", "dataset": "age"}, {"name": "finetune", "dataset": "sex"}],
        "search": {"space": {"lr": [0.001, 0.01]}},
        **more,
    }


def write_launch(folder: Path, data: str = "brains", **more: Any) -> Path:
    """A launch folder with brains and params.json."""
    folder.mkdir(parents=True, exist_ok=True)
    tlpy = [sys.executable, "-c", "from tlpy.cli import main; main()"]
    subprocess.run([*tlpy, "simulate", str(folder / data), "--subjects", "36"], check=True)
    (folder / "params.json").write_text(json.dumps(params(data, **more)), encoding="utf-8")
    return folder


def tasks(run: CompletedProcess[str], word: str) -> list[str]:
    """The names of the processes whose tasks were Submitted or Cached, each as often as it had one."""
    assert run.returncode == 0, run.stdout + run.stderr
    lines = [
        line.split("process > ", 1)[1] for line in run.stdout.splitlines() if f"{word} process > " in line
    ]
    return sorted(line.split(" ")[0].split(":")[-1] for line in lines)


def leaderboard(outdir: Path) -> list[dict[str, str]]:
    """Its rows, without what times say."""
    lines = (outdir / "ranking/leaderboard.tsv").read_text(encoding="utf-8").splitlines()
    header, *rows = (line.split("\t") for line in lines)
    found = [dict(zip(header, row, strict=True)) for row in rows]
    return [
        {name: cell for name, cell in row.items() if not any(word in name for word in TIMES)} for row in found
    ]
