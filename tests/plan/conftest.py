"""Two small data sets on disk, for plans."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

MakeTable = Callable[..., Path]


@pytest.fixture
def make_table(tmp_path: Path) -> MakeTable:
    """Writes a table of `people` small images with age and sex; returns the CSV."""

    def make(name: str, people: int = 40, first: int = 0, shape: tuple[int, ...] = (12, 10)) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        lines = ["image,subject,age,sex"]
        for person in range(first, first + people):
            pixels = np.random.default_rng(person).normal(size=shape).astype(np.float32)
            np.save(folder / f"p{person:03d}.npy", pixels)
            lines.append(f"p{person:03d}.npy,p{person:03d},{20.5 + person},{'FM'[person % 2]}")
        file = folder / "people.csv"
        file.write_text("\n".join(lines) + "\n")
        return file

    return make


@pytest.fixture
def params(make_table: MakeTable) -> dict:
    """A pretraining on age and a fine-tuning on sex, of other people."""
    return {
        "outdir": "results",
        "datasets": {
            "source": {"reader": "table", "path": str(make_table("source")), "label": "age"},
            "target": {"reader": "table", "path": str(make_table("target", first=100)), "label": "sex"},
        },
        "stages": [{"dataset": "source", "epochs": 2}, {"dataset": "target", "epochs": 1}],
    }
