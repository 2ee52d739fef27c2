"""External test sets through the real pipeline: scored by what was chosen, resumed, as in one process."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from test_nextflow_run import tasks

Run = Callable[..., CompletedProcess[str]]
pytestmark = [pytest.mark.pipeline, pytest.mark.slow]

PARAMS: dict[str, Any] = {
    "outdir": "results",
    "architecture": "resnet10",
    "epochs": 1,
    "datasets": {
        "here": {
            "reader": "bids",
            "path": "brains",
            "label": "sex",
            "preprocessing": {"slice": "axial", "size": [24, 24]},
            "filter": {"site": "site1"},
        },
        "there": {"reader": "bids", "path": "brains", "filter": {"site": "site2"}},
    },
    "external": ["there"],
    "stages": [{"dataset": "here"}],
    "search": {"space": {"lr": [0.001, 0.01]}},
    "replicates": {"seeds": 2},
}


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("launch")
    tlpy = [sys.executable, "-c", "from tlpy.cli import main; main()"]
    brains = str(folder / "brains")
    subprocess.run([*tlpy, "simulate", brains, "--subjects", "48", "--sites", "2"], check=True)
    (folder / "params.json").write_text(json.dumps(PARAMS))
    return folder


def rows(outdir: Path) -> list[dict[str, str]]:
    with (outdir / "ranking/external.tsv").open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def test_what_is_chosen_is_scored_once_by_tasks_of_its_own(
    nextflow: Run, checkout: Path, launch: Path
) -> None:
    command = ("run", str(checkout), "-params-file", "params.json", "--accelerator", "cpu", "-resume")
    first = nextflow(launch, *command)
    assert [name for name in tasks(first, "Submitted") if name in ("CHOOSE", "EXTERNAL")] == [
        "CHOOSE",
        "EXTERNAL",
    ]
    row, plain = rows(launch / "results")
    assert (plain["role"], plain["replicates"]) == ("plain", "2/2")
    assert (row["target"], row["dataset"], row["role"], row["replicates"]) == ("here", "there", "best", "2/2")
    folders = list((launch / "results/external/there").iterdir())
    assert len(folders) == 2
    assert {file.name for folder in folders for file in folder.iterdir()} == {
        "metrics.json",
        "predictions.csv",
    }
    assert "External test sets" in (launch / "results/multiqc/multiqc_report.html").read_text()
    second = nextflow(launch, *command)
    assert tasks(second, "Submitted") == []
    assert "EXTERNAL" in tasks(second, "Cached")

    script = (
        "from tlpy.local import run; run('params.json', outdir='local', store='store', accelerator='cpu')"
    )
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    subprocess.run([sys.executable, "-c", script], cwd=launch, env=environment, check=True)
    assert rows(launch / "local") == rows(launch / "results")
