"""What tests of faults may use: toy trainings, the real Nextflow, a small disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from nextflow.conftest import checkout, nextflow, root
from scenarios.conftest import toy_data, train
from small_disk import SmallDisk

__all__ = ["checkout", "disk", "nextflow", "root", "toy_data", "train"]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of 32 MB, to be filled."""
    with SmallDisk.mounted(tmp_path / "disk") as found:
        yield found
