"""NIH ChestX-ray14. Dirt: ages as `058Y`, one of 412 years, a radiograph with four channels, an image that is
in neither list, a row without an image, and a header whose bracketed commas divide columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from layouts.files import phantom

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
FOUND = ("No Finding", "Cardiomegaly", "Cardiomegaly|Effusion", "Pleural_Thickening|Infiltration")


def lay_out(out: Path, subjects: int, seed: int, dirt: bool) -> None:
    """One or two radiographs a patient in two folders; the last quarter of the patients is for testing."""
    from PIL import Image

    rows, lists = [HEADER], {"train_val_list.txt": [], "test_list.txt": []}  # type: ignore[var-annotated]
    for index in range(subjects):
        shown = phantom(index, seed)
        for follow_up in range(1 + index % 2):
            name = f"{index + 1:08d}_{follow_up:03d}.png"
            plane = shown.volume[:, :, 9 + follow_up]
            picture = Image.fromarray(np.clip(plane / shown.volume.max() * 255, 0, 255).astype(np.uint8))
            picture = picture.resize((32, 32), Image.Resampling.BILINEAR)
            if dirt and (index, follow_up) == (0, 0):
                picture = picture.convert("RGBA")
            folder = out / f"images_{1 + index % 2:03d}" / "images"
            folder.mkdir(parents=True, exist_ok=True)
            picture.save(folder / name)
            age: object = shown.person.age if not dirt else f"{shown.person.age:03d}Y"
            if dirt and index == 2:
                age = "412Y"
            found = FOUND[(index + follow_up) % len(FOUND)]
            cells = (
                name,
                found,
                follow_up,
                index + 1,
                age,
                shown.person.sex,
                "PA",
                2682,
                2749,
                0.143,
                0.143,
                "",
            )
            rows.append(",".join(map(str, cells)))
            if not (dirt and (index, follow_up) == (3, 1)):
                part = "test_list.txt" if index >= subjects * 3 // 4 else "train_val_list.txt"
                lists[part].append(name)
    if dirt:
        rows.append(
            f"{subjects + 9:08d}_000.png,No Finding,0,{subjects + 9},044Y,F,AP,2500,2048,0.168,0.168,"
        )
    (out / "Data_Entry_2017.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    for name, lines in lists.items():
        (out / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
