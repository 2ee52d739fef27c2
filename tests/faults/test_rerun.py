"""What is asked for anew with -resume runs what depends on it, and nothing else is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from nextflow.conftest import checkout, nextflow, root  # noqa: F401 - fixtures
from small_search import leaderboard, tasks, write_launch

Run = Callable[..., CompletedProcess[str]]
pytestmark = [pytest.mark.pipeline, pytest.mark.faults]
TRAININGS = {"PRETRAIN", "ADAPT", "FINETUNE"}


def trained(launch: Path, run: CompletedProcess[str]) -> list[str]:
    """Stages that the tasks of a run have trained, as their logs tell."""
    lines = [line for line in run.stdout.splitlines() if "Submitted process > TLIMB:TRAINING" in line]
    starts = [line.partition("[")[2].partition("]")[0] for line in lines]
    logs = [next(launch.glob(f"work/{start}*/.command.out")).read_text() for start in starts]
    return [line for log in logs for line in log.splitlines() if "validation" in line and "epoch" in line]


def test_without_a_store(nextflow: Run, checkout: Path, tmp_path: Path) -> None:  # noqa: F811
    launch = write_launch(tmp_path)
    command = ("run", str(checkout), "-params-file", "params.json", "-resume")
    first = nextflow(launch, *command)
    everything = tasks(first, "Submitted")
    assert trained(launch, first)

    again = nextflow(launch, *command)
    assert tasks(again, "Submitted") == []
    assert tasks(again, "Cached") == everything

    titled = nextflow(launch, *command, "--multiqc_title", "Brains", "--outdir", "elsewhere")
    assert tasks(titled, "Submitted") == ["MULTIQC"]
    assert leaderboard(launch / "elsewhere") == leaderboard(launch / "results")

    on_cpu = nextflow(launch, *command, "--accelerator", "cpu")
    assert not TRAININGS & set(tasks(on_cpu, "Submitted"))

    repacked = nextflow(launch, *command, "--pack_minutes", "0.01")
    assert TRAININGS & set(tasks(repacked, "Submitted"))
    assert trained(launch, repacked) == [], "other packs lay out what is finished"
    assert leaderboard(launch / "results") == leaderboard(launch / "elsewhere")

    by_accuracy = nextflow(launch, *command, "--metric", "accuracy")
    assert "PRETRAIN" not in tasks(by_accuracy, "Submitted"), "a regression is judged as before"
    assert trained(launch, by_accuracy), "the epoch that is kept is chosen by it"

    fresh = nextflow(launch, *command[:-1])
    assert tasks(fresh, "Submitted") == everything
    assert trained(launch, fresh), "without -resume everything is trained"


def test_with_a_store(nextflow: Run, checkout: Path, tmp_path: Path) -> None:  # noqa: F811
    launch = write_launch(tmp_path, keep="last", store="store")
    command = ("run", str(checkout), "-params-file", "params.json", "-resume")
    first = nextflow(launch, *command)
    everything = tasks(first, "Submitted")

    again = nextflow(launch, *command)
    assert tasks(again, "Submitted") == [], "what the store has got since does not change the plan"
    assert tasks(again, "Cached") == everything

    titled = nextflow(launch, *command, "--multiqc_title", "Brains", "--outdir", "elsewhere")
    assert tasks(titled, "Submitted") == ["MULTIQC"]

    other = nextflow(launch, *command, "--metric", "accuracy", "--accelerator", "cpu", "--pack_minutes", "1")
    assert not TRAININGS & set(tasks(other, "Submitted")), "the last epoch is kept, whatever the metric"
    assert {row["metric"] for row in leaderboard(launch / "results") if row["status"] == "done"} == {
        "accuracy"
    }
