"""The benchmark on windows fits its logistic regression to the run's splits, on windows as prepared."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tlpy.data.image_records import RawImage
from tlpy.data.preprocessing import apply, validate
from tlpy.errors import Problems

ROOT = Path(__file__).resolve().parents[2]
RUNS, VOLUMES, CHANNELS = 8, 40, 6


@pytest.fixture(scope="module")
def series() -> Iterator[ModuleType]:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import series

    yield series
    sys.path.remove(str(ROOT / "benchmarks"))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Runs of three categories in blocks, each with a channel of its own above the run's own level."""
    random = np.random.default_rng(0)
    folder = tmp_path / "runs"
    folder.mkdir()
    rows, volumes = ["run\tcategory"], []
    for run in range(RUNS):
        kinds = np.repeat(random.permutation([0, 1, 2, 0, 1, 2, 0, 1]), 5)
        values = random.normal(0, 1, (VOLUMES, CHANNELS)) + 1000 * (1 + run)
        values[np.arange(VOLUMES), kinds] += 3
        volumes.append(values)
        rows += [f"{run}\t{'abc'[kind]}" for kind in kinds]
    np.save(folder / "timeseries.npy", np.concatenate(volumes).astype(np.float32))
    (folder / "events.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_both_are_scored_on_the_same_folds(
    series: ModuleType, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", str(runs), "--seeds", "1", "--epochs", "1", "--threads", "1", "--network", "sfcn"]
    series.main([*options, "--work", str(tmp_path / "work")])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [line.rsplit("|", 2)[1].strip() for line in lines[1:]] == ["4", "4"]
    shown = float(lines[-1].split("|")[2].split("±")[0])
    assert lines[-1].startswith("| logistic regression")
    assert shown > 0.9


def test_windows_are_those_that_the_pipeline_prepares(series: ModuleType, runs: Path) -> None:
    values = np.load(runs / "timeseries.npy")
    by_run, _ = series.normalised(runs)
    settings = validate({"window": 9}, "preprocessing", Problems())
    first = values[:VOLUMES].T
    prepared = apply(RawImage(first, None, CHANNELS, centre=7), settings)
    np.testing.assert_allclose(prepared.ravel(), by_run[3:12].T.ravel(), rtol=1e-3, atol=1e-3)
