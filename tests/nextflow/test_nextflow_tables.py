"""A table whose images lie elsewhere: what -resume sees of an edit, and what it leaves in the cache."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest

Run = Callable[..., CompletedProcess[str]]
pytestmark = [pytest.mark.pipeline, pytest.mark.slow]

PARAMS: dict[str, Any] = {
    "outdir": "results",
    "architecture": {"name": "resnet10", "filters": 8},
    "epochs": 1,
    "baseline": False,
    "datasets": {"people": {"reader": {"name": "table"}, "path": "tables/people.csv", "label": "sex"}},
    "stages": [{"dataset": "people"}],
}


def ran(run: CompletedProcess[str]) -> list[str]:
    """The names of the tasks that were not in the cache."""
    assert run.returncode == 0, run.stdout + run.stderr
    return re.findall(r"Submitted process > (?:\w+:)*(\w+)", run.stdout)


def draw(file: Path, seed: int) -> None:
    np.save(file, np.random.default_rng(seed).normal(size=(16, 16)).astype(np.float32))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of 30 people; it names one more, whose image is not there."""
    for folder in ("tables/pictures", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    for person in range(30):
        draw(tmp_path / f"tables/pictures/p{person:02d}.npy", person)
        draw(tmp_path / f"elsewhere/p{person:02d}.npy", person)
    rows = [f"p{person:02d}.npy,p{person:02d},{'FM'[person % 2]}" for person in range(31)]
    file = tmp_path / "tables/people.csv"
    file.write_text("\n".join(["image,subject,sex", *rows]) + "\n")
    return file


@pytest.mark.parametrize("images", ["pictures", "elsewhere"])
def test_edits_of_a_tables_images_are_seen(
    nextflow: Run, checkout: Path, table: Path, tmp_path: Path, images: str
) -> None:
    params = json.loads(json.dumps(PARAMS)) | {"on_bad_image": "skip"}
    folder = table.parent / images if images == "pictures" else tmp_path / images
    # Relative to the table, or absolute: then it is staged as an input of its own.
    reader = params["datasets"]["people"]["reader"]
    reader["images"] = images if images == "pictures" else str(folder)
    (tmp_path / "params.json").write_text(json.dumps(params))
    command = ("run", str(checkout), "-params-file", "params.json", "-resume")
    first = ran(nextflow(tmp_path, *command))
    assert first[:3] == ["LIST", "PLAN", "PREPARE"]
    assert ran(nextflow(tmp_path, *command)) == []

    # The same content at a new time: the plan is the same, so that nothing that follows is done again.
    draw(folder / "p00.npy", 0)
    seen = ran(nextflow(tmp_path, *command))
    assert seen[:1] == ["PLAN"]
    assert "FINETUNE" not in seen

    draw(folder / "p30.npy", 30)
    assert ran(nextflow(tmp_path, *command))[:2] == ["PLAN", "PREPARE"]
    table.write_text(table.read_text().replace("p29.npy,p29,M\n", ""))
    assert ran(nextflow(tmp_path, *command))[:3] == ["LIST", "PLAN", "PREPARE"]
