"""BIDS with visits and derivatives. Dirt: two runs of one visit, an image with contrast agent beside a plain
one, an age under sex, "M,", "89+", a visit whose age is unknown, a subject without images and one without a
row, images in two spaces, several segmentations, reports, and what macOS leaves behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from layouts.files import leave_behind, phantom, save_nifti, save_table

PIPELINE = "fmriprep"
_MNI = "space-MNI152NLin2009cAsym_res-2"


def lay_out(out: Path, subjects: int, seed: int, dirt: bool) -> None:
    """sub-01 onwards with visits ses-1 and ses-2, three years apart; their ages in sub-*_sessions.tsv, the
    sex and the age at the first in participants.tsv. In derivatives/fmriprep each image again (desc-preproc),
    in its own and in MNI space, with segmentations.

    With dirt the first was scanned twice at visit 1 and with contrast agent too at visit 2; the second is
    89+; the third's age at visit 2 is unknown; the fourth's sex is "M,", the fifth's the age; the last but
    one has no images, the last no row.
    """
    rows: list[tuple[object, ...]] = []
    for index in range(subjects):
        person, subject = phantom(index, seed).person, f"sub-{index + 1:02d}"
        odd = index if dirt else -1
        ages: list[object] = [person.age, person.age + 3]
        sex: object = person.sex
        if odd == 1:
            ages = ["89+", "89+"]
        elif odd == 2:
            ages[1] = "n/a"
        elif odd == 3:
            sex = f"{sex},"
        elif odd == 4:
            sex = person.age
        if not (dirt and index == subjects - 1):
            rows.append((subject, sex, ages[0]))
        if dirt and index == subjects - 2:
            continue
        for visit in (1, 2):
            _save_visit(out, index, seed, visit, odd == 0)
        sessions = [(f"ses-{visit}", age) for visit, age in enumerate(ages, start=1)]
        save_table(out / subject / f"{subject}_sessions.tsv", ("session_id", "age"), sessions)
        if dirt:
            leave_behind(out / subject / "ses-1" / "anat")
            (out / "derivatives" / PIPELINE / f"{subject}.html").write_text("<html></html>\n")
    save_table(out / "participants.tsv", ("participant_id", "sex", "age"), rows, "\r\n" if dirt else "\n")
    (out / "dataset_description.json").write_text('{"Name": "Simulated", "BIDSVersion": "1.8.0"}\n')


def _save_visit(out: Path, index: int, seed: int, visit: int, several: bool) -> None:
    """One visit's image; of `several` two runs, or one more with contrast agent."""
    shown = phantom(index, seed, visit)
    volume: np.ndarray = shown.volume
    place = f"sub-{index + 1:02d}/ses-{visit}/anat"
    stem = f"sub-{index + 1:02d}_ses-{visit}"
    raw = [f"{stem}_T1w"]
    if several:
        raw = [f"{stem}_run-1_T1w", f"{stem}_run-2_T1w"] if visit == 1 else [*raw, f"{stem}_ce-gd_T1w"]
    for scan, name in enumerate(raw):
        again = volume if scan == 0 else phantom(index, seed, visit + 10).volume
        save_nifti(again, out / place / f"{name}.nii.gz")
    derived = out / "derivatives" / PIPELINE / place
    for entities in ("", f"_{_MNI}"):
        save_nifti(volume, derived / f"{stem}{entities}_desc-preproc_T1w.nii.gz")
        save_nifti(shown.tissues, derived / f"{stem}{entities}_dseg.nii.gz")
        save_nifti(shown.tissues, derived / f"{stem}{entities}_desc-aseg_dseg.nii.gz")
