"""A variant that diverges and one whose own part raises fail alone, named with the cause.

The others score as without them.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tlpy

RAISES = '''
from tlpy.data.augmentation.base import Transform


class Raises(Transform):
    """Says no."""

    def draw(self, random, count, size):
        raise RuntimeError("the own part says no")

    def apply(self, images, values, background):
        return images
'''


@pytest.fixture
def launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A launch folder with a table of small images, and an own part."""
    draw = np.random.default_rng(0)
    (tmp_path / "scans").mkdir()
    lines = ["image,subject,age"]
    for person in range(30):
        age = draw.uniform(20, 80)
        np.save(
            tmp_path / f"scans/p{person}.npy", draw.normal((age - 50) / 20, 1, (12, 10)).astype(np.float32)
        )
        lines.append(f"p{person}.npy,p{person},{age:.1f}")
    (tmp_path / "scans/people.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "own").mkdir()
    (tmp_path / "own/raising.py").write_text(RAISES)
    monkeypatch.chdir(tmp_path)
    path = list(sys.path)
    yield tmp_path
    sys.modules.pop("raising", None)
    sys.path[:] = path


def search(outdir: str, space: dict[str, list[Any]]) -> dict[str, dict[str, str]]:
    """Run it; the leaderboard's rows by label."""
    params = {
        "outdir": outdir,
        "components": "own",
        "datasets": {"scans": {"reader": "table", "path": "scans/people.csv", "label": "age"}},
        "stages": [{"name": "finetune", "dataset": "scans"}],
        "architecture": {"name": "resnet10", "filters": 4},
        "epochs": 1,
        "plain": False,
        "search": {"space": space},
    }
    tlpy.run(params, store=f"{outdir}/store", threads=1, accelerator="cpu")
    with Path(outdir, "ranking/leaderboard.tsv").open(newline="") as lines:
        return {row["label"]: row for row in csv.DictReader(lines, delimiter="\t")}


def test_only_what_fails_is_missing(launch: Path) -> None:  # noqa: ARG001
    undisturbed = search("undisturbed", {"lr": [0.01], "augmentation": [None]})
    found = search("disturbed", {"lr": [0.01, 1e30], "augmentation": [None, ["raising.Raises"]]})
    reasons = sorted(row["reason"] for row in found.values() if row["status"] == "failed")
    assert len(found) == 4
    assert len(reasons) == 3
    assert any(
        "the training loss became" in reason and "a smaller lr may help" in reason for reason in reasons
    )
    assert sum("the own part says no" in reason for reason in reasons) == 2
    (sound,) = (row for row in found.values() if row["status"] == "done")
    (alone,) = undisturbed.values()
    same = ("variant", "validation", "test", "test_low", "test_high", "rank")
    assert {name: sound[name] for name in same} == {name: alone[name] for name in same}
