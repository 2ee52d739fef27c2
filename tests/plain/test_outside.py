"""Plain baselines on data sets that took no part: what was fitted is asked about other people."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tlpy.local import LocalRun


def people(folder: Path, count: int, first: int, strength: float, age: bool = True) -> str:
    """Small images; of men a corner is brighter."""
    folder.mkdir()
    rng = np.random.default_rng(first)
    lines = ["image,subject,sex,age" if age else "image,subject,sex"]
    for number in range(first, first + count):
        image = rng.normal(size=(12, 10)).astype(np.float32)
        image[:3, :3] += strength * (number % 2)
        np.save(folder / f"p{number:03d}.npy", image)
        told = f",{30 + 9 * (number % 2) + rng.normal():.2f}" if age else ""
        lines.append(f"p{number:03d}.npy,p{number:03d},{'FM'[number % 2]}{told}")
    (folder / "people.csv").write_text("\n".join(lines) + "\n")
    return str(folder / "people.csv")


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


@pytest.mark.parametrize("told", [True, False])
def test_the_best_plain_baseline_is_scored_outside(tmp_path: Path, told: bool) -> None:
    common = {"reader": "table", "label": "sex"}
    params: dict[str, Any] = {
        "outdir": str(tmp_path / "out"),
        "datasets": {
            "here": {**common, "path": people(tmp_path / "here", 60, 0, 1.5), "split": {"test": 0.4}},
            "there": {**common, "path": people(tmp_path / "there", 40, 100, 0.7, age=told)},
        },
        "external": ["there"],
        "architecture": {"name": "resnet10", "filters": 4},
        "stages": [{"dataset": "here", "epochs": 1}],
        "plain": ["mean", "linear_images", "covariates"],
    }
    run = LocalRun(params, store=tmp_path / "store", accelerator="cpu")
    run.search()
    out = tmp_path / "out"
    scored = {row["role"]: row for row in rows(out / "ranking/external.tsv")}
    plain = next(row for row in rows(out / "ranking/leaderboard.tsv") if row["kind"] == "plain")
    assert scored["plain"]["variant"] == plain["variant"]
    fits = {fit.component["name"]: fit.id for fit in run.plan.plain.fits.values()}
    answers = {name: out / "plain" / fits[name] / "external/there/predictions.csv" for name in fits}
    assert answers["mean"].exists()
    assert answers["linear_images"].exists()
    # The best on validation knows the age, which tells the sex; where no age is told, it has no answer.
    assert answers["covariates"].exists() == told
    if not told:
        assert scored["plain"]["value"] == ""
        assert scored["plain"]["reason"] == "it needs confounds that this data set does not tell"
        return
    with answers["covariates"].open(newline="") as lines:
        cases = list(csv.DictReader(lines))
    assert len(cases) == 40
    auc = roc_auc_score([row["true"] == "M" for row in cases], [float(row["p:M"]) for row in cases])
    assert float(scored["plain"]["value"]) == pytest.approx(auc, abs=1e-5)
