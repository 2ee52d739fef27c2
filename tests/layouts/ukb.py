"""UK Biobank. Dirt: zips beside folders (one of both), nested folders, a scan judged unusable, a truncated
zip, someone withdrawn (a scan without a row), a repeat visit, rows of people who were never scanned."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from layouts.files import phantom, save_nifti, save_table

FILE = "T1/T1_brain_to_MNI.nii.gz"
# eid, sex, age at the first, the imaging and the repeat visit, imaging centre.
STYLES = {
    "csv": ("eid", "31-0.0", "21003-0.0", "21003-2.0", "21003-3.0", "54-2.0", "54-3.0"),
    "r": ("f.eid", "f.31.0.0", "f.21003.0.0", "f.21003.2.0", "f.21003.3.0", "f.54.2.0", "f.54.3.0"),
    "rap": ("eid", "p31", "p21003_i0", "p21003_i2", "p21003_i3", "p54_i2", "p54_i3"),
}


def lay_out(out: Path, subjects: int, seed: int, dirt: bool, style: str = "csv") -> None:
    """eids 1000001 onwards, every second one a zip; the first is there twice and comes back for visit 3.

    With dirt the last four are: a zip without a usable scan, a truncated zip, one without a row, one below
    another folder.
    """
    rows: list[tuple[object, ...]] = []
    for index in range(subjects):
        person = phantom(index, seed).person
        eid, age = 1000001 + index, 50 + person.age % 30
        sex = {"F": "Female", "M": "Male"}[person.sex] if style == "rap" else int(person.sex == "M")
        back = index == 0
        centres = (11025 + index % 2, 11026 if back else None)
        if not (dirt and index == subjects - 2):
            rows.append((eid, sex, age - 9, age, age + 3 if back else None, *centres))
        _scan(out, f"{eid}_20252_2_0", index, seed, packed=index % 2 == 0)
        if back:
            _scan(out, f"{eid}_20252_3_0", index, seed, packed=True, visit=1)
    if dirt:
        _spoil(out, subjects, seed)
        rows += [(2000001, 0, 44, None, None, None, None), (2000002, 1, 60, None, None, None, None)]
    save_table(out / ("ukb.csv" if style != "r" else "ukb.tsv"), STYLES[style], rows)


def _spoil(out: Path, subjects: int, seed: int) -> None:
    _scan(out, "1000001_20252_2_0", 0, seed, packed=False)
    unusable, cut, _, deep = (f"{1000001 + index}_20252_2_0" for index in range(subjects - 4, subjects))
    for name in (unusable, cut):
        for path in (out / name / FILE, out / f"{name}.zip"):
            path.unlink(missing_ok=True)
    with zipfile.ZipFile(out / f"{unusable}.zip", "w") as archive:
        archive.writestr("T1/unusable/T1.nii.gz", b"")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(FILE, b"x" * 2000)
    (out / f"{cut}.zip").write_bytes(packed.getvalue()[:1000])
    for name in (unusable, cut):
        if (out / name / "T1").is_dir():
            (out / name / "T1").rmdir()
            (out / name).rmdir()
    (out / "20252" / "10").mkdir(parents=True)
    for path in (out / deep, out / f"{deep}.zip"):
        if path.exists():
            path.rename(out / "20252" / "10" / path.name)


def _scan(out: Path, name: str, index: int, seed: int, packed: bool, visit: int = 0) -> None:
    file = save_nifti(phantom(index, seed, visit).volume, out / name / FILE)
    if packed:
        with zipfile.ZipFile(out / f"{name}.zip", "w", zipfile.ZIP_STORED) as archive:
            archive.write(file, FILE)
        file.unlink()
        file.parent.rmdir()
        (out / name).rmdir()
