"""MedMNIST files. Dirt: labels of (N,) in one file and (N, 1) in others, training images ordered by class,
one test image that is a training image with another label, one archive that is not packed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from layouts.files import phantom

SIZE = 28


def lay_out(out: Path, subjects: int, seed: int, dirt: bool) -> None:
    """`simmnist.npz` (2D, class 0 or 1 by sex), `simcolour.npz`, `simmnist3d.npz` and `simchest.npz` (three
    labels an image); half of the images are for training, a quarter each for validation and test."""
    volumes = [phantom(index, seed).volume for index in range(subjects)]
    people = [phantom(index, seed).person for index in range(subjects)]
    cubes = np.stack([_cube(volume) for volume in volumes])
    flat = cubes[:, :, :, SIZE // 2]
    sexes = np.array([int(person.sex == "M") for person in people], np.uint8)
    several = np.stack([sexes, [p.age > 50 for p in people], [p.index % 2 for p in people]], 1).astype(
        np.uint8
    )
    _save(out / "simmnist.npz", flat, sexes if dirt else sexes[:, None], dirt)
    _save(out / "simcolour.npz", np.stack([flat, flat // 2, flat // 4], -1), sexes[:, None], False)
    _save(out / "simmnist3d.npz", cubes, sexes[:, None], False, packed=not dirt)
    _save(out / "simchest.npz", flat, several, False)


def _cube(volume: np.ndarray) -> np.ndarray:
    cube = np.zeros((SIZE,) * 3, np.uint8)
    start = [(SIZE - n) // 2 for n in volume.shape]
    place = tuple(slice(s, s + n) for s, n in zip(start, volume.shape, strict=True))
    cube[place] = np.clip(volume / max(1.0, float(volume.max())) * 255, 0, 255)
    return cube


def _save(path: Path, images: np.ndarray, labels: np.ndarray, dirt: bool, packed: bool = True) -> None:
    n = len(images)
    parts = {"train": slice(0, n // 2), "val": slice(n // 2, 3 * n // 4), "test": slice(3 * n // 4, n)}
    arrays = {}
    for part, rows in parts.items():
        arrays[f"{part}_images"], arrays[f"{part}_labels"] = images[rows].copy(), labels[rows].copy()
    if dirt:
        order = np.argsort(arrays["train_labels"].ravel(), kind="stable")
        arrays["train_images"] = arrays["train_images"][order]
        arrays["train_labels"] = arrays["train_labels"][order]
        arrays["test_images"][0] = arrays["train_images"][0]
        arrays["test_labels"][0] = 1 - arrays["train_labels"][0]
    if packed:
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    else:
        np.savez(path, **arrays)  # type: ignore[arg-type]
