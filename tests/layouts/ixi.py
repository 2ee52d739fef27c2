"""IXI. Dirt: a person whose rows give two ages, one with the same row twice, an image without a row, a row
without an age, T2 images beside, and the spreadsheet that the table was exported from."""

from __future__ import annotations

from pathlib import Path

from layouts.files import leave_behind, phantom, save_nifti, save_table

SITES = ("Guys", "HH", "IOP")
HEADER = ("IXI_ID", "SEX_ID (1=m, 2=f)", "HEIGHT", "WEIGHT", "ETHNIC_ID", "AGE")


def lay_out(out: Path, subjects: int, seed: int, dirt: bool) -> None:
    """IXI002 onwards, in IXI-T1. With dirt: IXI002 has two ages, IXI003 two equal rows, IXI004 no age, and
    the last no row."""
    rows: list[tuple[object, ...]] = []
    for index in range(subjects):
        shown = phantom(index, seed)
        number, age = index + 2, round(shown.person.age + index / 7, 2)
        stem = f"IXI{number:03d}-{SITES[index % 3]}-{700 + 13 * index:04d}"
        save_nifti(shown.volume, out / "IXI-T1" / f"{stem}-T1.nii.gz")
        row = (number, 1 if shown.person.sex == "M" else 2, 170, 65, 1, age)
        if not dirt:
            rows.append(row)
        elif index == 0:
            rows += [row, (*row[:-1], age + 20)]
        elif index == 1:
            rows += [row, row]
        elif index == 2:
            rows.append((*row[:-1], None))
        elif index < subjects - 1:
            rows.append(row)
        if dirt and index == 0:
            save_nifti(shown.volume, out / "IXI-T2" / f"{stem}-T2.nii.gz")
    if dirt:
        rows.append((662, 2, 160, 60, 1, 41.5))
        (out / "IXI.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 504)
    save_table(out / "IXI.csv", HEADER, rows)
    if dirt:
        leave_behind(out, out / "IXI-T1")
