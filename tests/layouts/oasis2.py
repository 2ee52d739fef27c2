"""OASIS-2: NIfTI pairs, several visits a person. Dirt: two or more runs a visit, empty SES and MMSE, a visit
without any image, a row without a visit's folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from layouts.files import GRID, phantom, save_table

HEADER = (
    "Subject ID",
    "MRI ID",
    "Group",
    "Visit",
    "MR Delay",
    "M/F",
    "Hand",
    "Age",
    "EDUC",
    "SES",
    "MMSE",
    "CDR",
)
_GROUPS = ("Nondemented", "Demented", "Converted")


def lay_out(out: Path, subjects: int, seed: int, dirt: bool) -> None:
    """OAS2_0001 onwards with two visits each, the third of all with three; with dirt the last one's second
    visit has no image."""
    rows: list[tuple[object, ...]] = []
    for index in range(subjects):
        person, subject = phantom(index, seed).person, f"OAS2_{index + 1:04d}"
        for visit in range(1, 4 if index == 2 else 3):
            age, name = 60 + person.age % 35 + 2 * (visit - 1), f"{subject}_MR{visit}"
            scores = ("", "") if dirt and index == 1 else (2, 29)
            cdr = 0 if index % 3 == 0 else 0.5
            row = (_GROUPS[index % 3], visit, 500 * (visit - 1), person.sex, "R", age, 14, *scores, cdr)
            rows.append((subject, name, *row))
            place = out / f"OAS2_RAW_PART{1 + index % 2}" / name / "RAW"
            place.mkdir(parents=True)
            if dirt and index == subjects - 1 and visit == 2:
                continue
            for run in range(1, 3 if dirt else 2):
                _save(phantom(index, seed, 10 * visit + run).volume, place / f"mpr-{run}.nifti.img")
    if dirt:
        rows.append(("OAS2_0186", "OAS2_0186_MR1", "Nondemented", 1, 0, "F", "R", 61, 13, 2, 30, 0))
    save_table(out / "oasis_longitudinal.csv", HEADER, rows)


def _save(volume: np.ndarray, path: Path) -> None:
    from nibabel.nifti1 import Nifti1Pair

    Nifti1Pair(volume.astype(np.int16), GRID.affine).to_filename(path)
