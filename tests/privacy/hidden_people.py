"""A BIDS folder and a table of the same people, with ids like nothing else, and a search for these."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

PEOPLE = 24
SETTINGS: dict[str, Any] = {
    "architecture": {"name": "resnet10", "filters": 2},
    "epochs": 1,
    "on_bad_image": "skip",
    "datasets": {
        "scans": {
            "reader": {"name": "bids", "sessions": "first"},
            "path": "scans",
            "label": "age",
            "preprocessing": {"slice": "axial", "size": [16, 16]},
        },
        "cohort": {
            "reader": "table",
            "path": "cohort/people.csv",
            "label": "sex",
            "group": "family",
            "confounds": ["age", "site"],
            "preprocessing": {"size": [16, 16]},
            # One who is left out by name.
            "filter": {"subject": {"not": "sub-QX7405"}},
        },
    },
    "stages": [
        {"name": "pretrain", "dataset": "scans"},
        {"name": "finetune", "dataset": "cohort"},
    ],
    "plain": ["mean"],
}


def subject(number: int) -> str:
    return f"QX7{400 + number}"


def session(number: int) -> str:
    return f"2019{number % 9 + 1:02d}{number % 27 + 1:02d}"


def family(number: int) -> str:
    return f"KOWALQ{number // 2:02d}"


def scan(number: int) -> str:
    return f"mrt-WZ{number * 7919 % 9973:04d}"


def secrets() -> set[str]:
    """Texts of which none may be published."""
    made = {of(number) for of in (subject, session, family, scan) for number in range(PEOPLE)}
    return made | {"QX7499"}


def write(root: Path) -> None:
    """`scans/` (BIDS with dates for sessions) and `cohort/people.csv`, with faults that messages name."""
    random = np.random.default_rng(0)
    rows = ["participant_id\tage\tsite"]
    for number in range(PEOPLE):
        name, visit = f"sub-{subject(number)}", f"ses-{session(number)}"
        folder = root / "scans" / name / visit / "anat"
        folder.mkdir(parents=True)
        image = nibabel.Nifti1Image(random.normal(size=(16, 16, 12)).astype(np.float32), np.eye(4))
        nibabel.save(image, folder / f"{name}_{visit}_T1w.nii.gz")
        rows.append(f"{name}\t{20 + number}.5\tBerlin")
    rows[3] = rows[3].replace("\t22.5", "\tn/a")
    rows.append("sub-QX7499\t50\tBerlin")  # has no images
    (root / "scans/participants.tsv").write_text("\n".join(rows) + "\n")
    (root / "scans/dataset_description.json").write_text('{"Name": "scans", "BIDSVersion": "1.8.0"}')
    (root / "cohort").mkdir()
    lines = ["image,subject,family,age,sex,site"]
    for number in range(PEOPLE):
        array = random.normal(size=(16, 16)).astype(np.float32)
        if number == 7:
            array[:] = np.nan
        if number == 9:
            array = np.load(root / f"cohort/{scan(8)}.npy")
        np.save(root / f"cohort/{scan(number)}.npy", array)
        sex = "" if number == 11 else "FM"[number % 2]
        who = f"{scan(number)}.npy,sub-{subject(number)},{family(number)}"
        lines.append(f"{who},{20 + number}.5,{sex},{'Berlin' if number % 3 else 'Oslo'}")
    (root / "cohort/people.csv").write_text("\n".join(lines) + "\n")


def contents(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """A file, and whatever is packed in it: zips, gzip streams, and what HTML and JSON hold in base 64."""
    yield name, data
    if data[:2] == b"\x1f\x8b":
        yield from contents(f"{name} (unpacked)", gzip.decompress(data))
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from contents(f"{name}#{member}", archive.read(member))
    else:
        for blob in re.findall(rb"[A-Za-z0-9+/]{40,}={0,2}", data):
            try:
                plain = base64.b64decode(blob, validate=True)
            except binascii.Error:
                continue
            yield f"{name} (base 64)", plain
            try:
                yield f"{name} (packed)", zlib.decompress(plain, wbits=47)
            except zlib.error:
                continue


def told(folder: Path, words: set[str]) -> list[str]:
    """Each of `words` that a file below a folder, or its name, holds; capitals or not."""
    wanted = re.compile("|".join(sorted(words)).encode(), re.I)
    found = set()
    for path in sorted(folder.rglob("*")):
        found |= {f"{path}: its name" for _ in wanted.findall(str(path.relative_to(folder)).encode())}
        if path.is_file():
            for name, data in contents(str(path), path.read_bytes()):
                found |= {f"{name}: {word.decode()}" for word in wanted.findall(data)}
    return sorted(found)


def pictures(folder: Path) -> list[str]:
    """Every picture of an image: files, and those within the report."""
    found = [str(path) for path in folder.rglob("*.png")]
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix in (".html", ".json"):
            text = path.read_text(errors="replace")
            found += [str(path) for _ in re.findall("<figure><img", text)]
    return found


def params(outdir: str, **more: Any) -> str:
    return json.dumps({**SETTINGS, "outdir": outdir, **more})
