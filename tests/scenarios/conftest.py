"""One toy data set and a way to train packs on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import toys

from tlpy.records import Stage
from tlpy.scenarios.pack import train_pack

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 images of 8x8, one of them left out, ages and sexes."""
    root = tmp_path_factory.mktemp("toys")
    images, ages = toys.images_and_ages(40, (8, 8))
    toys.write_cache(root / "caches", images, left_out=[3])
    toys.write_subjects(root / "subjects", ages)
    return root


@pytest.fixture
def train(toy_data: Path, tmp_path: Path) -> toys.Train:
    """`train(stage, …, out="out")` trains a pack into `tmp_path/out`; keywords go to `train_pack`."""

    def run(*stages: Stage, out: str = "out", data: Path = toy_data, **options: Any) -> dict[str, str]:
        settings = {
            "checkpoints": tmp_path / "checkpoints",
            "parents": tmp_path / "parents",
            "accelerator": "cpu",
        }
        return train_pack(
            toys.pack(*stages), data / "caches", data / "subjects", out=tmp_path / out, **(settings | options)
        )

    return run
