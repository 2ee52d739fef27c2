"""Through Nextflow: a network that crashes, a GPU that is not there, a head that is killed."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import torch
from crashing import OWN_PART
from nextflow.conftest import checkout, nextflow, root

__all__ = ["checkout", "nextflow", "root"]
Run = Callable[..., CompletedProcess[str]]
pytestmark = [pytest.mark.pipeline, pytest.mark.faults]

PARAMS: dict[str, Any] = {
    "outdir": "results",
    "architecture": {"name": "resnet10", "filters": 4},
    "components": "own",
    "baseline": False,
    "plain": False,
    "epochs": 4,
    "datasets": {
        "sex": {
            "reader": "bids",
            "path": "brains",
            "label": "sex",
            "preprocessing": {"slice": "axial", "size": [24, 24]},
        }
    },
    "stages": [{"name": "finetune", "dataset": "sex"}],
}
SCENARIOS = ["sequential", "crash.Segfault", "crash.Killed"]


@pytest.fixture
def launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    code = "from tlpy.cli import main; main()"
    subprocess.run(
        [sys.executable, "-c", code, "simulate", str(tmp_path / "brains"), "--subjects", "36"], check=True
    )
    (tmp_path / "own").mkdir()
    (tmp_path / "own/crash.py").write_text(OWN_PART)
    monkeypatch.setenv("EPOCHS", str(tmp_path / "epochs.txt"))
    return tmp_path


def write(folder: Path, **more: Any) -> tuple[str, ...]:
    (folder / "params.json").write_text(json.dumps({**PARAMS, **more}))
    return ("-params-file", "params.json")


def board(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "ranking/leaderboard.tsv").open(newline="") as lines:
        return {row["label"]: row for row in csv.DictReader(lines, delimiter="\t")}


def scores(row: dict[str, str]) -> dict[str, str]:
    return {key: row[key] for key in ("validation", "test", "test_low", "test_high")}


def test_a_crash_costs_its_own_variant(nextflow: Run, checkout: Path, launch: Path) -> None:
    given = write(launch, search={"space": {"finetune.scenario": SCENARIOS}})
    done = nextflow(launch, "run", str(checkout), *given)
    assert done.returncode == 0, done.stdout
    assert "2 of 3 variants failed." in done.stdout
    assert "its process was ended by SIGSEGV (segmentation fault)" in done.stdout
    assert "killed (SIGKILL), as the system does when memory runs out (" in done.stdout
    found = board(launch / "results")
    (left,) = [row for row in found.values() if row["status"] == "done"]
    write(launch, outdir="undisturbed")
    whole = nextflow(launch, "run", str(checkout), *given, "-work-dir", "work2")
    assert whole.returncode == 0, whole.stdout
    (undisturbed,) = board(launch / "undisturbed").values()
    assert scores(left) == scores(undisturbed)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_stops_the_run(nextflow: Run, checkout: Path, launch: Path) -> None:
    given = write(launch, search={"space": {"lr": [0.01]}}, epochs=1)
    first = nextflow(launch, "run", str(checkout), *given, "--store", "store")
    assert first.returncode == 0, first.stdout
    # Part of the search is in the store.
    given = write(launch, search={"space": {"lr": [0.01, 0.001]}}, epochs=1, outdir="wider")
    for number, options in enumerate((["--accelerator", "gpu"], ["-profile", "gpu"])):
        done = nextflow(
            launch, "run", str(checkout), *given, *options, "--store", "store", "-w", f"work{number}"
        )
        assert done.returncode != 0
        assert "accelerator: a GPU was asked for, but torch finds none" in done.stdout
        assert not (launch / "wider/ranking").exists()
    assert len(list((launch / "store/stages").glob("[!.]*"))) == 1


def test_an_orphan_of_a_killed_head_and_its_resumed_twin(nextflow: Run, checkout: Path, launch: Path) -> None:
    given = write(
        launch, stages=[{"name": "finetune", "dataset": "sex", "scenario": "crash.Dies"}], epochs=12
    )
    text = (launch / "own/crash.py").read_text()
    slow = "        if batch_idx == 0:\n"
    # Slow enough for the resumed run to find it under way.
    (launch / "own/crash.py").write_text(text.replace(slow, f"{slow}            time.sleep(6)\n"))
    program = shutil.which("nextflow", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert program is not None
    environment = os.environ | {
        "NXF_OFFLINE": "true",
        "NXF_ANSI_LOG": "false",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    with (launch / "head.log").open("w") as log:
        head = subprocess.Popen(
            [program, "run", str(checkout), *given], cwd=launch, env=environment, stdout=log, stderr=log
        )
    epochs = launch / "epochs.txt"
    deadline = time.monotonic() + 450
    while not epochs.exists():
        assert time.monotonic() < deadline
        assert head.poll() is None, (launch / "head.log").read_text()
        time.sleep(0.1)
    head.send_signal(signal.SIGKILL)
    head.wait()
    for lock in (launch / ".nextflow/cache").glob("*/db/LOCK"):
        lock.unlink()
    resumed = nextflow(launch, "run", str(checkout), *given, "-resume")
    assert resumed.returncode == 0, resumed.stdout
    assert epochs.read_text().splitlines() == [f"Dies {number}" for number in range(1, 13)], "each epoch once"
    logs = [path.read_text() for path in launch.glob("work/??/*/.command.out")]
    assert sum("is being trained by run " in text for text in logs) == 1
    (row,) = board(launch / "results").values()
    assert row["status"] == "done"
