"""HCP S1200. Dirt: ids that a spreadsheet made 100003.0, booleans in three spellings, rows of people who were
not downloaded, a folder without its image, an image without a row, and what macOS leaves behind."""

from __future__ import annotations

from pathlib import Path

from tlpy.simulate.layouts.files import leave_behind, phantom, save_nifti, save_table

FILE = "MNINonLinear/T1w_restore_brain.nii.gz"
_BANDS = ((22, 25), (26, 30), (31, 35))


def lay_out(out: Path, subjects: int, seed: int, dirt: bool) -> None:
    """Subjects 100001 onwards, two a family. With dirt the last but one has no image, the last no row."""
    opened, closed = [], []
    for index in range(subjects):
        shown = phantom(index, seed)
        subject, age = 100001 + index, 22 + shown.person.age % 18
        band = next((f"{low}-{high}" for low, high in _BANDS if low <= age <= high), "36+")
        full = ("True", "true", "TRUE")[index % 3] if dirt else "true"
        if index < subjects - 1 or not dirt:
            opened.append((subject, "S1200", f"Q{1 + index % 13:02d}", shown.person.sex, band, full))
            closed.append((f"{subject}.0" if dirt else subject, age, f"{50000 + index // 2}_8000", "MZ"))
        if index == subjects - 2 and dirt:
            (out / str(subject) / "MNINonLinear").mkdir(parents=True)
        else:
            save_nifti(shown.volume, out / str(subject) / FILE)
    if dirt:
        opened += [(200001, "S1200", "Q07", "F", "26-30", "false"), (200002, "Q3", "Q03", "M", "36+", "")]
    header = ("Subject", "Release", "Acquisition", "Gender", "Age", "3T_Full_MR_Compl")
    save_table(out / "unrestricted_someone_1_2_2020.csv", header, opened, "\r\n" if dirt else "\n")
    save_table(
        out / "RESTRICTED_someone_1_2_2020.csv", ("Subject", "Age_in_Yrs", "Family_ID", "ZygositySR"), closed
    )
    if dirt:
        leave_behind(out)
