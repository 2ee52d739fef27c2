"""Small trees in the layouts that the readers read, made of phantoms, with what goes wrong in the real
ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tlpy.components.loading import load_object
from tlpy.errors import InputError, Problem, nearest

LAYOUTS = (
    "bids_sessions",
    "hcp",
    "ukb",
    "ixi",
    "oasis1",
    "oasis2",
    "decathlon",
    "medmnist",
    "image_folder",
    "mura",
    "chestxray14",
    "timeseries",
    "vectors",
)
FEWEST = 8


def simulate_layout(
    name: str, out: Path, subjects: int = 12, seed: int = 0, dirt: bool = True, **options: Any
) -> Path:
    """Lay out `subjects` small phantoms in `out` as the data set `name` does.

    Args:
        name: one of `LAYOUTS`.
        out: folder to write; new or empty.
        subjects: how many people, at least 8.
        seed: another seed, other people.
        dirt: with what is wrong in the real data; the layout's module lists it.
        options: of the layout (`style` of ukb and timeseries, `modalities` of decathlon).

    Returns:
        `out`.

    Raises:
        InputError: an unknown layout, too few subjects, or `out` cannot be written or is not empty.
    """
    if name not in LAYOUTS:
        raise InputError([Problem("layout", f"unknown layout '{name}'", nearest(name, LAYOUTS))])
    if subjects < FEWEST:
        raise InputError([Problem("subjects", f"is {subjects}; expected {FEWEST} or more")])
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError([Problem(str(out), "expected a new or empty folder")])
    try:
        out.mkdir(parents=True, exist_ok=True)
        load_object(f"layouts.{name}:lay_out")(out, subjects, seed, dirt, **options)
    except OSError as error:
        raise InputError([Problem(str(out), f"cannot be written: {error.strerror or error}")]) from error
    return out
