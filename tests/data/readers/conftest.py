"""Small data sets with what goes wrong in real ones."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from layouts import simulate_layout

Write = Callable[..., Path]


@pytest.fixture
def write_nifti() -> Write:
    """Write a small NIfTI image: `write(path, shape=…, affine=…, dtype=…)`."""

    def write(
        path: Path,
        shape: tuple[int, ...] = (4, 5, 6),
        affine: np.ndarray | None = None,
        dtype: type = np.int16,
        seed: int = 0,
        version: type = nib.Nifti1Image,
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        voxels = np.random.default_rng(seed).integers(0, 100, shape).astype(dtype)
        image = version(voxels, np.diag([2.0, 2.0, 2.0, 1.0]) if affine is None else affine)
        path.write_bytes(b"")
        nib.save(image, path)
        return path

    return write


@pytest.fixture
def bids(tmp_path: Path, write_nifti: Write) -> Path:
    """Six subjects with one T1w each, and their table."""
    root = tmp_path / "brains"
    rows = ["participant_id\tage\tsex\tfamily"]
    for number in range(1, 7):
        subject = f"sub-{number:02d}"
        write_nifti(root / subject / "anat" / f"{subject}_T1w.nii.gz", seed=number)
        rows.append(f"{subject}\t{20 + number}\t{'MF'[number % 2]}\tf{number // 2}")
    (root / "participants.tsv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`layout(name, copy_to=None, dirt=True)`: the simulated tree of a layout with eight people, made once;
    or a copy of it, to be changed by a test."""
    made: dict[tuple[str, bool], Path] = {}

    def lay_out(name: str, copy_to: Path | None = None, dirt: bool = True) -> Path:
        if (name, dirt) not in made:
            folder = tmp_path_factory.mktemp(name) / name
            made[name, dirt] = simulate_layout(name, folder, subjects=8, dirt=dirt)
        tree = made[name, dirt]
        return tree if copy_to is None else Path(shutil.copytree(tree, copy_to / name))

    return lay_out
