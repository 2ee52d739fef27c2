"""Medical Segmentation Decathlon. Dirt: paths that start with ./, ._ files, intensities that differ by
orders of magnitude, shapes that vary, a mask that is missing, an image that is listed but absent, test
images as plain texts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from layouts.files import leave_behind, phantom, save_nifti, save_table


def lay_out(out: Path, subjects: int, seed: int, dirt: bool, modalities: int = 1) -> None:
    """brain_001 onwards, a quarter of them test images, with labels.tsv (age, sex) beside. With dirt the
    first has no mask, and one more is listed than there is. Several `modalities` are a fourth axis, each half
    as bright as the one before."""
    test = subjects // 4
    training: list[dict[str, str]] = []
    tests: list[str] = []
    rows = []
    for index in range(subjects):
        shown, name = phantom(index, seed), f"brain_{index + 1:03d}"
        volume: np.ndarray = shown.volume
        mask = shown.tissues
        if dirt:
            cut = slice(0, 24 - index % 3)
            scale = 0.01 if index % 2 else 100.0
            volume, mask = (volume[:, cut] * np.float32(scale)).astype(np.float32), mask[:, cut]
        part = "Ts" if index >= subjects - test else "Tr"
        if modalities > 1:
            volume = np.stack([volume / np.float32(2**k) for k in range(modalities)], -1)
        save_nifti(volume, out / f"images{part}" / f"{name}.nii.gz")
        rows.append((f"{name}.nii.gz", shown.person.age, shown.person.sex))
        if part == "Ts":
            tests.append(f"./imagesTs/{name}.nii.gz")
            continue
        training.append({"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"})
        if not (dirt and index == 0):
            save_nifti(mask, out / "labelsTr" / f"{name}.nii.gz")
    if dirt:
        training.append({"image": "./imagesTr/brain_999.nii.gz", "label": "./labelsTr/brain_999.nii.gz"})
    document = {
        "name": "Simulated",
        "modality": {str(k): f"MRI {k}" for k in range(modalities)},
        "labels": {"0": "background", "1": "fluid", "2": "grey matter", "3": "white matter"},
        "numTraining": len(training),
        "numTest": len(tests),
        "training": training,
        "test": tests,
    }
    (out / "dataset.json").write_text(json.dumps(document, indent=1) + "\n")
    save_table(out / "labels.tsv", ("image", "age", "sex"), rows)
    if dirt:
        leave_behind(out, out / "imagesTr", out / "labelsTr")
