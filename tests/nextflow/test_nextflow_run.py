"""The real pipeline, end to end, on a few simulated brains: ranked, resumed, and with a store."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

Run = Callable[..., CompletedProcess[str]]
pytestmark = [pytest.mark.pipeline, pytest.mark.slow]

PARAMS: dict[str, Any] = {
    "outdir": "results",
    "architecture": "resnet10",
    "epochs": 1,
    "datasets": {
        name: {
            "reader": "bids",
            "path": "brains",
            "label": name,
            "preprocessing": {"slice": "axial", "size": [24, 24]},
        }
        for name in ("age", "sex")
    },
    "stages": [{"name": "pretrain", "dataset": "age"}, {"name": "finetune", "dataset": "sex"}],
    "search": {"space": {"lr": [0.001, 0.01]}},
}


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("launch")
    tlpy = [sys.executable, "-c", "from tlpy.cli import main; main()"]
    subprocess.run([*tlpy, "simulate", str(folder / "brains"), "--subjects", "36"], check=True)
    (folder / "params.json").write_text(json.dumps(PARAMS))
    return folder


def tasks(run: CompletedProcess[str], word: str) -> list[str]:
    """The names of the tasks that were Submitted or Cached, without the pack's id."""
    assert run.returncode == 0, run.stdout + run.stderr
    lines = [
        line.split("process > ", 1)[1] for line in run.stdout.splitlines() if f"{word} process > " in line
    ]
    return sorted(line.split(" ")[0].split(":")[-1] for line in lines)


def leaderboard(outdir: Path) -> list[dict[str, str]]:
    with (outdir / "ranking/leaderboard.tsv").open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def test_a_search_is_ranked_resumed_and_kept(nextflow: Run, checkout: Path, launch: Path) -> None:
    command = ("run", str(checkout), "-params-file", "params.json", "--store", "store")
    first = nextflow(launch, *command)
    trained = {"PRETRAIN", "FINETUNE"}
    assert trained | {"PLAIN"} <= set(tasks(first, "Submitted"))
    board = leaderboard(launch / "results")
    kinds = [row["kind"] for row in board]
    assert kinds.count("transfer") == 2, "two learning rates"
    assert kinds[-3:] == ["plain"] * 3, "majority, images, volume: after all that have a rank"
    plain = {path.name for path in (launch / "results/plain").iterdir()}
    assert plain == {path.name for path in (launch / "store/plain").iterdir() if path.name[0] != "."}
    assert {row["status"] for row in board} == {"done"}
    assert "Best variants" in first.stdout
    assert "multiqc_report.html" in first.stdout
    for name in (
        "multiqc/multiqc_report.html",
        "ranking/best_params.yaml",
        "plan/plan.json",
        "splits/age.tsv",
        "splits/sex.tsv",
        "prepared",
        "stages",
    ):
        assert (launch / "results" / name).exists(), name
    stages = {path.name for path in (launch / "store/stages").iterdir()}

    # A third learning rate, in a work folder that knows nothing: only what is new is trained.
    wider = '{"space": {"lr": [0.001, 0.01, 0.1]}}'
    second = nextflow(launch, *command, "--search", wider, "--outdir", "wider", "-work-dir", "work2")
    assert trained <= set(tasks(second, "Submitted"))
    assert "PREPARE" not in tasks(second, "Submitted")
    sharing = json.loads((launch / "wider/plan/plan.json").read_text())["sharing"]
    assert sharing["to_train"] == 4, "a pretraining, a fine-tuning and two from scratch at the new rate"
    assert sharing["stored"] == len(stages)
    assert stages < {path.name for path in (launch / "store/stages").iterdir()}
    assert {row["test"] for row in board} <= {row["test"] for row in leaderboard(launch / "wider")}

    # The published splits are given back: everybody is where they were, so that nothing is trained again.
    same = {
        name: {**spec, "split": f"results/splits/{name}.tsv"} for name, spec in PARAMS["datasets"].items()
    }
    (launch / "same.json").write_text(json.dumps({**PARAMS, "datasets": same}))
    third = nextflow(
        launch, "run", str(checkout), "-params-file", "same.json", "--store", "store", "--outdir", "same"
    )
    assert not trained & set(tasks(third, "Submitted"))
    assert leaderboard(launch / "same") == board


def test_resume_runs_nothing_and_a_dead_search_says_why(nextflow: Run, checkout: Path, launch: Path) -> None:
    command = ("run", str(checkout), "-params-file", "params.json", "--outdir", "again")
    first = nextflow(launch, *command)
    second = nextflow(launch, *command, "-resume")
    assert tasks(second, "Submitted") == []
    assert tasks(second, "Cached") == tasks(first, "Submitted")

    # A deep edit of the data is seen, though the folder's own time is unchanged.
    image = sorted((launch / "brains").glob("sub-*/anat/*.nii.gz"))[0]
    image.write_bytes(image.read_bytes()[:1000])
    broken = nextflow(launch, *command, "-resume")
    assert broken.returncode != 0
    assert image.name in broken.stdout


def test_a_search_with_nothing_to_rank_fails_and_says_why(
    nextflow: Run, checkout: Path, tmp_path: Path
) -> None:
    odd = "</title><script>alert(1)</script> \"; 'x\\"
    params = {**PARAMS, "multiqc_title": odd, "search": {"space": {"lr": [1e30]}}}
    # A folder of its own: another test shortens one of the brains.
    tlpy = [sys.executable, "-c", "from tlpy.cli import main; main()"]
    subprocess.run([*tlpy, "simulate", str(tmp_path / "brains"), "--subjects", "36"], check=True)
    (tmp_path / "params.json").write_text(json.dumps(params))
    command = ("run", str(checkout), "-params-file", "params.json", "-resume")
    none = nextflow(tmp_path, *command)
    assert none.returncode != 0
    assert (
        "No variant could be ranked: all 3 failed.\n  2 x  finetune: the training loss became" in none.stdout
    )
    assert "Best" not in none.stdout
    assert [row["status"] for row in leaderboard(tmp_path / "results") if row["kind"] != "plain"] == [
        "failed"
    ] * 3
    page = (tmp_path / "results/multiqc/multiqc_report.html").read_text()
    assert "alert(1)" in page
    assert "<script>alert(1)" not in page
    assert 'configTitle = "&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt; &quot;; &#39;x&#92;";' in page

    some = nextflow(tmp_path, *command, "--search", '{"space": {"lr": [0.01, 1e30]}}')
    assert some.returncode == 0, some.stdout
    assert "Best params" in some.stdout
    assert "3 of 6 variants failed.\n  2 x  finetune: the training loss became" in some.stdout
