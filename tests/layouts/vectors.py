"""Connectomes as an `.npz` and phenotypes as a CSV. Dirt: ids without `sub-` in one and with it in the table,
diagonals of NaN, a subject without a row, a column of text, a missing cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from layouts.files import phantom

REGIONS = 6


def lay_out(out: Path, subjects: int, seed: int, dirt: bool) -> None:
    """`connectomes.npz` (ids and matrices) with `participants.tsv`; and `more/phenotypes.csv`."""
    people = [phantom(index, seed).person for index in range(subjects)]
    random = np.random.default_rng(seed)
    squares = random.normal(size=(subjects, REGIONS, REGIONS)).astype(np.float32)
    squares += squares.transpose(0, 2, 1)
    ages = np.array([person.age for person in people])
    squares[:, 0, 1] = squares[:, 1, 0] = (ages - ages.mean()) / 10
    squares[:, range(REGIONS), range(REGIONS)] = np.nan if dirt else 1.0
    ids = [f"p{person.index:03d}" for person in people]
    np.savez_compressed(out / "connectomes.npz", matrices=squares, ids=np.array(ids))
    rows = [f"sub-{name}\t{p.age:.1f}\t{p.sex}" for name, p in zip(ids, people, strict=True)]
    rows = rows[:-1] if dirt else rows
    (out / "participants.tsv").write_text("\n".join(["participant_id\tage\tsex", *rows]) + "\n")
    (out / "more").mkdir()
    values = [f"{p.age / 20:.3f},{x:.4f}" for p, x in zip(people, random.normal(size=subjects), strict=True)]
    values[0] = "," + values[0].partition(",")[2] if dirt else values[0]
    lines = [f"{name},{p.sex},{v}" for name, p, v in zip(ids, people, values, strict=True)]
    (out / "more/phenotypes.csv").write_text("\n".join(["eid,sex,thickness,area", *lines]) + "\n")
