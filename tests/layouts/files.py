"""Phantoms and files that the layouts share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from tlpy.simulate.anatomy import Grid, draw_tissues
from tlpy.simulate.people import Person, draw_person
from tlpy.simulate.scanner import draw_scanner, scan

GRID = Grid((20, 24, 20), 8.5)


@dataclass(frozen=True)
class Phantom:
    """A person and their scan (X, Y, Z) uint16 on `GRID`, zero outside the brain; `tissues` 0 to 3."""

    person: Person
    volume: np.ndarray
    tissues: np.ndarray


@lru_cache(maxsize=256)
def phantom(index: int, seed: int, visit: int = 0) -> Phantom:
    """Person `index`; at another `visit` a scan with other noise."""
    person = draw_person(seed, index, 1)
    drawn = draw_tissues(GRID, person, seed)
    volume = scan(drawn, GRID, person, draw_scanner(seed, 0, 0.0), seed + 1000 * visit)
    tissues = np.argmax(np.stack([drawn.csf, drawn.grey, drawn.white]), axis=0) + 1
    return Phantom(person, volume, (tissues * drawn.brain).astype(np.uint8))


def save_nifti(volume: np.ndarray, path: Path) -> Path:
    """Write a NIfTI image on the grid's axes; the folder is made."""
    import nibabel as nib

    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(volume, GRID.affine), path)
    return path


def save_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], end: str = "\n") -> Path:
    """Write a CSV or (by its ending) TSV; cells with a comma are quoted."""
    tab = path.suffix == ".tsv"

    def line(cells: Sequence[object]) -> str:
        texts = ["" if cell is None else str(cell) for cell in cells]
        return "\t".join(texts) if tab else ",".join(f'"{t}"' if "," in t else t for t in texts)

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        end.join([line(header), *(line(row) for row in rows)]) + end, encoding="utf-8", newline=""
    )
    return path


def leave_behind(*folders: Path) -> None:
    """What macOS leaves in folders: .DS_Store, and ._ copies of names on foreign disks."""
    for folder in folders:
        (folder / ".DS_Store").write_bytes(b"\x00\x00\x00\x01Bud1")
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.name.startswith("."):
                (folder / f"._{path.name}").write_bytes(b"\x00\x05\x16\x07")
