"""Simulated people of two scanners: one axial slice each, with age and sex."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SHAPE, SPACING = (42, 54, 45), 4.0  # voxels, mm
OLD_FROM = 54


@dataclass(frozen=True)
class People:
    """Slices (n, 1, x, y), z-scored, with ages, sexes and scanners."""

    images: np.ndarray
    age: np.ndarray
    sex: np.ndarray
    site: np.ndarray

    @property
    def ids(self) -> list[str]:
        return [f"sub-{row:05d}" for row in range(len(self.images))]

    def gather(self, ids: Sequence[str]) -> np.ndarray:
        return self.images[[int(name[4:]) for name in ids]]

    channels = 1

    @property
    def size(self) -> tuple[int, ...]:
        return self.images.shape[2:]

    def row(
        self, index: int, split: str, source: int = 0, labels: Sequence[str] = ("age", "sex", "old")
    ) -> Any:
        from tlpy.data.subjects import SubjectRow

        known = {
            "age": f"{self.age[index]:g}",
            "sex": "M" if self.sex[index] else "F",
            "old": "yes" if self.age[index] > OLD_FROM else "no",
        }
        name = self.ids[index]
        said = {label: known[label] if label in labels else "" for label in known}
        return SubjectRow(name, name, name, str(self.site[index]), split, said, source)


def simulate_people(
    n: int,
    seed: int = 0,
    shift: float = 1.0,
    shape: tuple[int, int, int] = SHAPE,
    spacing: float = SPACING,
    blur_alone: bool = False,
) -> People:
    """The central axial slice of `n` phantoms from two scanners.

    With `blur_alone` the second scanner is less sharp, and else the same: what age shows in is still there.
    """
    from dataclasses import replace

    from tlpy.simulate.anatomy import Grid, draw_tissues
    from tlpy.simulate.people import draw_person
    from tlpy.simulate.scanner import draw_scanner, scan

    grid = Grid(shape, spacing)
    scanners = [draw_scanner(seed, site, shift) for site in (0, 1)]
    if blur_alone:
        scanners[1] = replace(scanners[0], blur=scanners[1].blur)
    people = [draw_person(seed, index, 2) for index in range(n)]
    images = []
    for person in people:
        volume = scan(draw_tissues(grid, person, seed), grid, person, scanners[person.site], seed)
        middle = volume[:, :, shape[2] // 2].astype(np.float32)
        images.append((middle - middle.mean()) / middle.std())
    return People(
        np.stack(images)[:, None].astype(np.float32),
        np.array([person.age for person in people], float),
        np.array([person.sex == "M" for person in people]),
        np.array([person.site for person in people]),
    )


def load_people(n: int, folder: Path | None, seed: int = 0, blur_alone: bool = False) -> People:
    """As `simulate_people`; kept in `folder` for the next call where one is given."""
    path = folder / f"people-{n}-{seed}{'-blur' if blur_alone else ''}.npz" if folder else None
    if path is not None and path.is_file():
        with np.load(path) as found:
            return People(**found)
    people = simulate_people(n, seed, blur_alone=blur_alone)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, images=people.images, age=people.age, sex=people.sex, site=people.site)
    return people


def split(people: People, seed: int) -> tuple[list[int], list[int], list[int], list[int]]:
    """Of each scanner 60 % to train on and the rest to test: indices, first scanner first."""
    parts: list[list[int]] = []
    for site in (0, 1):
        own = np.random.default_rng([seed, site]).permutation(np.flatnonzero(people.site == site)).tolist()
        cut = round(len(own) * 0.6)
        parts += [own[:cut], own[cut:]]
    return parts[0], parts[1], parts[2], parts[3]
