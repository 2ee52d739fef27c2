"""The code of docs/own-parts.md, laid out as the page says, with a data set that its reader reads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from page_code import blocks


def write_clinic(folder: Path, patients: int = 30, size: tuple[int, ...] = (12, 10)) -> Path:
    """Two visits each; a brain is brighter the older its owner is."""
    (folder / "scans").mkdir(parents=True)
    draw = np.random.default_rng(0)
    lines = ["patient,age,sex"]
    for number in range(patients):
        age = draw.uniform(20, 80)
        lines.append(f"p{number:03d},{age:.1f},{'FM'[number % 2]}")
        for visit in ("v1", "v2"):
            scan = draw.normal(0, 1, size)
            scan[: size[0] // 2] += (age - 50) / 10
            np.savez(folder / "scans" / f"p{number:03d}_{visit}.npz", scan=scan.astype(np.float32))
    (folder / "patients.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A launch folder with the page's files and its data set; its modules are forgotten afterwards."""
    for name, code in blocks().items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(code)
    write_clinic(tmp_path / "clinic")
    monkeypatch.chdir(tmp_path)
    before, path = set(sys.modules), list(sys.path)
    yield tmp_path
    for name in {file.stem for file in (tmp_path / "own").glob("*.py")} & (set(sys.modules) - before):
        del sys.modules[name]
    sys.path[:] = path
