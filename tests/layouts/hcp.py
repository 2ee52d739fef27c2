"""HCP S1200. Dirt: ids that a spreadsheet made 100003.0, booleans in three spellings, rows of people who were
not downloaded, a folder without its image, an image without a row, zips beside folders (one truncated, one
without the image), a scan of fewer volumes, a truncated table, and what macOS leaves behind."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from layouts.files import leave_behind, phantom, save_nifti, save_table

FILE = "MNINonLinear/T1w_restore_brain.nii.gz"
PACKAGE = "3T_Structural_preproc"
SERIES = "node_timeseries/3T_HCP1200_MSMAll_d15_ts2"
NODES, VOLUMES, SHORT = 15, 60, 40
_BANDS = ((22, 25), (26, 30), (31, 35))


def lay_out(out: Path, subjects: int, seed: int, dirt: bool) -> None:
    """Subjects 100001 onwards, two a family, every third zipped; 60 volumes of 15 nodes each, of which the
    first five change slowly in men.

    With dirt the last four have: a truncated zip and table; a zip without the image, and 40 volumes; a folder
    without the image, and no time series; no row.
    """
    opened, closed = [], []
    for index in range(subjects):
        shown = phantom(index, seed)
        subject, age = 100001 + index, 22 + shown.person.age % 18
        band = next((f"{low}-{high}" for low, high in _BANDS if low <= age <= high), "36+")
        full = ("True", "true", "TRUE")[index % 3] if dirt else "true"
        if index < subjects - 1 or not dirt:
            opened.append((subject, "S1200", f"Q{1 + index % 13:02d}", shown.person.sex, band, full))
            closed.append((f"{subject}.0" if dirt else subject, age, f"{50000 + index // 2}_8000", "MZ"))
        left = subjects - index if dirt else 0
        if left == 2:
            (out / str(subject) / "MNINonLinear").mkdir(parents=True)
        else:
            save_nifti(shown.volume, out / str(subject) / FILE)
        if left in (3, 4) or (index % 3 == 2 and left not in (1, 2)):
            _pack(out, subject, cut=left == 4, lacking=left == 3)
        if left != 2:
            rng = np.random.default_rng(np.random.SeedSequence([seed, index, 15]))
            volumes = SHORT if left == 3 else VOLUMES
            _save_series(_series(rng, volumes, shown.person.sex == "M"), out, subject, cut=left == 4)
    if dirt:
        opened += [(200001, "S1200", "Q07", "F", "26-30", "false"), (200002, "Q3", "Q03", "M", "36+", "")]
    header = ("Subject", "Release", "Acquisition", "Gender", "Age", "3T_Full_MR_Compl")
    save_table(out / "unrestricted_someone_1_2_2020.csv", header, opened, "\r\n" if dirt else "\n")
    save_table(
        out / "RESTRICTED_someone_1_2_2020.csv", ("Subject", "Age_in_Yrs", "Family_ID", "ZygositySR"), closed
    )
    if dirt:
        leave_behind(out, out / SERIES)


def _pack(out: Path, subject: int, cut: bool, lacking: bool) -> None:
    """Put a subject's folder into a zip, as ConnectomeDB gives it."""
    image = out / str(subject) / FILE
    path = out / f"{subject}_{PACKAGE}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{subject}/release-notes/{PACKAGE}.txt", "release notes\n")
        if not lacking:
            archive.write(image, f"{subject}/{FILE}")
    if cut:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    image.unlink()
    image.parent.rmdir()
    image.parent.parent.rmdir()


def _series(rng: np.random.Generator, volumes: int, slow: bool) -> np.ndarray:
    """(volumes, nodes): noise of standard deviation 1, of which the first five are smoothed if `slow`."""
    noise = rng.standard_normal((volumes + 4, NODES))
    smooth = sum(noise[shift : shift + volumes] for shift in range(5)) / np.sqrt(5.0)
    plain = noise[4:]
    return np.hstack([smooth[:, :5] if slow else plain[:, :5], plain[:, 5:]])


def _save_series(series: np.ndarray, out: Path, subject: int, cut: bool) -> None:
    lines = [" ".join(f"{value:.6g}" for value in row) for row in series * 20]
    path = out / SERIES / f"{subject}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    if cut:
        lines = [*lines[: VOLUMES // 2], lines[0][: len(lines[0]) // 2]]
    path.write_text("\n".join(lines) + ("" if cut else "\n"))
