"""A folder of pictures. Dirt: colour among grey, an empty file, a picture outside of any class, an empty
class, notes and what systems leave behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from layouts.files import leave_behind, phantom


def lay_out(out: Path, subjects: int, seed: int, dirt: bool) -> None:
    """`female/` and `male/`, two slices a person (`p001_s1.png`). With dirt the second slice of the first
    person is in colour, and one file is empty."""
    from PIL import Image

    for index in range(subjects):
        shown = phantom(index, seed)
        folder = out / ("male" if shown.person.sex == "M" else "female")
        folder.mkdir(exist_ok=True)
        for number, z in enumerate((9, 11), start=1):
            plane = np.clip(shown.volume[:, :, z] / shown.volume.max() * 255, 0, 255).astype(np.uint8)
            picture = Image.fromarray(plane)
            if dirt and (index, number) == (0, 2):
                picture = picture.convert("RGB")
            picture.save(folder / f"p{index + 1:03d}_s{number}.png")
    if dirt:
        (out / "male" / "p900_s1.png").write_bytes(b"")
        (out / "male" / "notes.txt").write_text("checked\n")
        (out / "female" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
        (out / "unsorted").mkdir()
        Image.fromarray(np.eye(20, 24, dtype=np.uint8)).save(out / "overview.png")
        leave_behind(out / "male")
