"""OASIS-1: Analyze pairs. Dirt: two discs, other images beside the masked one, CDR and education empty for
the young, a visit whose voxels were not copied, and a second visit whose row says N/A."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from layouts.files import GRID, phantom, save_table

HEADER = ("ID", "M/F", "Hand", "Age", "Educ", "SES", "MMSE", "CDR", "eTIV", "nWBV", "ASF", "Delay")


def lay_out(out: Path, subjects: int, seed: int, dirt: bool) -> None:
    """OAS1_0001_MR1 onwards; with dirt the second came back (MR2) and the last has a header without
    voxels."""
    rows: list[tuple[object, ...]] = []
    for index in range(subjects):
        shown = phantom(index, seed)
        person, old = shown.person, shown.person.age >= 60
        visit = f"OAS1_{index + 1:04d}_MR1"
        asked = (3, 2, 28, 0.5 if index % 2 else 0) if old or not dirt else ("", "", "", "")
        rows.append((visit, person.sex, "R", person.age, *asked, 1400 + index, 0.78, 1.1, "N/A"))
        disc = out / f"disc{1 + index % 2}" if dirt else out
        image = _save(shown.volume, disc, visit)
        if dirt and index == subjects - 1:
            image.unlink()
        if dirt and index == 1:
            second = visit.replace("MR1", "MR2")
            _save(phantom(index, seed, 1).volume, disc, second)
            rows.append((second, person.sex, "R", person.age, *asked, 1400, 0.78, 1.1, 40))
    save_table(out / "oasis_cross-sectional.csv", HEADER, rows)


def _save(volume: np.ndarray, folder: Path, visit: str) -> Path:
    """Write the masked image as Analyze, and its unmasked fellow; returns the former's voxels."""
    place = folder / visit / "PROCESSED" / "MPRAGE" / "T88_111"
    place.mkdir(parents=True)
    for kind in ("t88_gfc", "t88_masked_gfc"):
        save_analyze(volume, place / f"{visit}_mpr_n4_anon_111_{kind}.img")
    return place / f"{visit}_mpr_n4_anon_111_t88_masked_gfc.img"


def save_analyze(volume: np.ndarray, path: Path) -> None:
    """Write an Analyze pair as OASIS does: big-endian 16 bit, first axis from right to left."""
    from nibabel.analyze import AnalyzeHeader, AnalyzeImage

    header = AnalyzeHeader(endianness=">")
    header.set_data_dtype(np.int16)
    stored = np.flip(volume, 0)[..., None].astype(np.int16)
    header.set_data_shape(stored.shape)
    header.set_zooms((*(GRID.spacing,) * 3, 1.0))
    affine = np.diag([-GRID.spacing, GRID.spacing, GRID.spacing, 1.0])
    AnalyzeImage(stored, affine, header).to_filename(path)
