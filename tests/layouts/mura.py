"""MURA. Dirt: a radiograph in colour, copies of names that macOS leaves (in the lists, too), a picture beside
the studies, an empty file, and a list that names an image that is not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from layouts.files import leave_behind, phantom


def lay_out(out: Path, subjects: int, seed: int, dirt: bool) -> None:
    """Two studies of one or two images a patient, the last quarter of the patients in `valid`; a study is
    positive for men. Pictures have many sizes."""
    from PIL import Image

    lists: dict[str, list[str]] = {"train": [], "valid": []}
    for index in range(subjects):
        shown = phantom(index, seed)
        part = "valid" if index >= subjects * 3 // 4 else "train"
        finding = "positive" if shown.person.sex == "M" else "negative"
        for study, body_part in enumerate(("SHOULDER", "WRIST"), start=1):
            folder = out / part / f"XR_{body_part}" / f"patient{index + 1:05d}" / f"study{study}_{finding}"
            folder.mkdir(parents=True)
            for image in range(1, 2 + index % 2):
                plane = shown.volume[:, :, 7 + 2 * study + image]
                grey = np.clip(plane / shown.volume.max() * 255, 0, 255).astype(np.uint8)
                size = (40 + 3 * index, 50 - 2 * index)
                picture = Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR)
                if dirt and (index, study, image) == (0, 1, 1):
                    picture = picture.convert("RGB")
                picture.save(folder / f"image{image}.png")
                lists[part].append(f"MURA-v1.1/{(folder / f'image{image}.png').relative_to(out).as_posix()}")
    if dirt:
        first = out / "train" / "XR_SHOULDER" / "patient00001"
        study = next(first.iterdir())
        leave_behind(study)
        lists["train"].append(f"MURA-v1.1/{(study / '._image1.png').relative_to(out).as_posix()}")
        lists["train"].append(f"MURA-v1.1/{(study / 'image9.png').relative_to(out).as_posix()}")
        (study / "image7.png").write_bytes(b"")
        Image.fromarray(np.eye(20, dtype=np.uint8)).save(first / "overview.png")
    for part, lines in lists.items():
        (out / f"{part}_image_paths.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
