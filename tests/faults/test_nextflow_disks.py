"""Full disks and a damaged store through the real pipeline, each compared with an undisturbed run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from faults.damage import cut, flip
from small_disk import SmallDisk

from tlpy.checksums import faults
from tlpy.files import read_json, read_rows

Run = Callable[..., CompletedProcess[str]]
pytestmark = [pytest.mark.pipeline, pytest.mark.slow, pytest.mark.faults]

DATA = {"reader": "bids", "path": "brains", "preprocessing": {"slice": "axial", "size": [24, 24]}}
PARAMS: dict[str, Any] = {
    "outdir": "undisturbed",
    # 20 MB of weights a stage.
    "architecture": "resnet10",
    "epochs": 1,
    "baseline": False,
    "datasets": {name: {**DATA, "label": name} for name in ("age", "sex")},
    "stages": [{"name": "pretrain", "dataset": "age"}, {"name": "finetune", "dataset": "sex"}],
    "search": {"space": {"finetune.lr": [0.001, 0.01]}},
}
# Room for one stage, not for three.
MEGABYTES = 45


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory, nextflow: Run, checkout: Path) -> Path:
    """A folder to launch from, with an undisturbed run and its store."""
    folder = tmp_path_factory.mktemp("launch")
    tlpy = [sys.executable, "-c", "from tlpy.cli import main; main()"]
    subprocess.run([*tlpy, "simulate", str(folder / "brains"), "--subjects", "36"], check=True)
    (folder / "params.json").write_text(json.dumps(PARAMS))
    done = nextflow(folder, "run", str(checkout), "-params-file", "params.json", "--store", "store")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def scores(outdir: Path) -> list[dict[str, str]]:
    """The leaderboard without what a clock says."""
    rows = read_rows(outdir / "ranking/leaderboard.tsv")
    return [{key: text for key, text in row.items() if "seconds" not in key} for row in rows]


@pytest.mark.parametrize("full", ["work", "store", "outdir"])
def test_a_full_disk_ends_the_run_and_with_space_it_goes_on(
    nextflow: Run, checkout: Path, launch: Path, tmp_path: Path, full: str
) -> None:
    with SmallDisk.mounted(tmp_path / "disk", MEGABYTES) as disk:
        places = {name: tmp_path / name for name in ("work", "store", "outdir")}
        places[full] = disk.path / full
        command = ("run", str(checkout), "-params-file", "params.json", "-work-dir", str(places["work"]))
        command = (*command, "--outdir", str(places["outdir"]))
        if full == "store":
            command = (*command, "--store", str(places["store"]))
        first = nextflow(launch, *command)
        assert first.returncode != 0
        assert "Best variants" not in first.stdout
        shown = f"{'work folder' if full == 'work' else full} {places[full]}: "
        assert f"Hardly any space is left:\n  {shown}" in first.stdout, first.stdout
        if full == "outdir":
            assert f"to: {places['outdir']}/stages/" in first.stdout, "the file that could not be published"
        else:
            assert "The machine failed, not the search: no space left in the" in first.stdout
            assert "exit status (74)" in first.stdout
        written = [read_json(file) for file in tmp_path.glob("**/metrics.json") if file.stat().st_size]
        assert all(found.get("status") == "done" for found in written)

        disk.grow(1000)
        second = nextflow(launch, *command, "-resume")
        assert second.returncode == 0, second.stdout
        assert scores(places["outdir"]) == scores(launch / "undisturbed")
        stages = list((places["outdir"] / "stages").iterdir())
        assert full == "store" or len(stages) == 3, "what the store holds is not published again"
        assert [faults(stage) for stage in stages] == [[]] * len(stages), (
            "what was published in half is whole"
        )


def test_a_damaged_store_is_made_again_in_the_same_run(
    nextflow: Run, checkout: Path, launch: Path, tmp_path: Path
) -> None:
    store = launch / "store"
    plan = read_json(launch / "undisturbed/plan/plan.json")
    ids = {
        role: sorted(key for key, stage in plan["stages"].items() if stage["role"] == role)
        for role in ("pretrain", "finetune")
    }
    (shard,) = [path for path in (store / "cache").iterdir() if path.name[0] != "."]
    cut(store / "stages" / ids["finetune"][0] / "metrics.json")
    flip(store / "stages" / ids["pretrain"][0] / "weights.safetensors")
    flip(shard / "images.npy")
    command = ("run", str(checkout), "-params-file", "params.json", "--store", "store")
    again = nextflow(
        launch, *command, "--outdir", str(tmp_path / "again"), "-work-dir", str(tmp_path / "work")
    )
    assert again.returncode == 0, again.stdout
    for damaged, file in [
        (store / "stages" / ids["finetune"][0], "metrics.json has"),
        (store / "stages" / ids["pretrain"][0], "the content of weights.safetensors has changed"),
        (shard, "the content of images.npy has changed"),
    ]:
        told = f"{damaged} is damaged: {file}"
        assert f"warning: {told}" in again.stdout, again.stdout
        assert told in (tmp_path / "again/multiqc/multiqc_report.html").read_text()
        assert faults(damaged) == []
        assert (damaged.parent / f".damaged-{damaged.name}-1").is_dir()
    assert scores(tmp_path / "again") == scores(launch / "undisturbed")
