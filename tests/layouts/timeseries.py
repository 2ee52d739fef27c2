"""A time series of one person, or a file a person. Dirt: runs of different scale and drift, a run that was
stopped early, a voxel outside the brain, and a table with CRLF; of files: several kinds, ids with and without
sub-, one that is truncated, one without a row, a row without a file, notes beside."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from layouts.files import leave_behind, save_table
from tlpy.simulate.people import draw_person

CHANNELS, BLOCK = 12, 8
_KINDS = (".npy", ".txt", ".csv", ".1D")


def lay_out(out: Path, subjects: int, seed: int, dirt: bool, style: str = "events") -> None:
    """`timeseries.npy` (volumes × 12 channels) and `events.tsv`, one run for each of `subjects`, of 40
    volumes: blocks of rest, face and house, to each of which other channels answer. With dirt the last run
    has 5 volumes and the last channel is constant.

    In the style `files`, `sub-01.npy` (or .txt, .csv, .1D) onwards of 40 volumes and 6 channels, of which the
    first two change slowly in men, and `participants.tsv`. With dirt the last three are: a short one, a
    truncated one, one without a row.
    """
    if style == "files":
        _lay_out_files(out, subjects, seed, dirt)
        return
    rng = np.random.default_rng(np.random.SeedSequence([seed, 11]))
    rows: list[tuple[object, ...]] = []
    runs = []
    for run in range(subjects):
        length = 5 if dirt and run == subjects - 1 else 5 * BLOCK
        order = (
            ("rest", "face", "rest", "house", "rest")
            if run % 2
            else ("rest", "house", "rest", "face", "rest")
        )
        shown = [order[volume // BLOCK] for volume in range(length)]
        signal = rng.standard_normal((length, CHANNELS))
        signal[:, 0:4] += 3.0 * np.array([what == "face" for what in shown])[:, None]
        signal[:, 4:8] += 3.0 * np.array([what == "house" for what in shown])[:, None]
        scale = 1.0 + (run % 3 if dirt else 0)
        drift = np.linspace(0, 4, length)[:, None] if dirt else 0.0
        runs.append(np.rint(1000 * scale + 20 * scale * (signal + drift)))
        for what in shown:
            rows.append((len(rows), run + 1, what, int(what != "rest")))
    series = np.concatenate(runs).astype(np.int16)
    if dirt:
        series[:, -1] = 7
    np.save(out / "timeseries.npy", series)
    header = ("volume", "run", "category", "looking")
    save_table(out / "events.tsv", header, rows, "\r\n" if dirt else "\n")


def _lay_out_files(out: Path, subjects: int, seed: int, dirt: bool) -> None:
    rows: list[tuple[object, ...]] = []
    for index in range(subjects):
        person, name = draw_person(seed, index, 1), f"sub-{index + 1:02d}"
        left = subjects - index if dirt else 0
        noise = np.random.default_rng(np.random.SeedSequence([seed, index, 12])).standard_normal((44, 6))
        slow = sum(noise[shift : shift + 40] for shift in range(5)) / np.sqrt(5.0)
        series = np.hstack([slow[:, :2] if person.sex == "M" else noise[4:, :2], noise[4:, 2:]])
        _save(series[: 25 if left == 3 else 40], out / "series", name, _KINDS[index % 4 if dirt else 0])
        if left == 2:
            path = next((out / "series").glob(f"{name}.*"))
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        if left != 1:
            rows.append((name.removeprefix("sub-") if dirt else name, person.age, person.sex))
    if dirt:
        rows.append(("99", 50, "F"))
        (out / "README.txt").write_text("Time series, a file a person\n")
    save_table(out / "participants.tsv", ("participant_id", "age", "sex"), rows)
    if dirt:
        leave_behind(out / "series")


def _save(series: np.ndarray, folder: Path, name: str, kind: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}{kind}"
    if kind == ".npy":
        np.save(path, series)
        return
    columns = [f"roi {number}" for number in range(series.shape[1])]
    header = {".csv": ",".join(columns), ".1D": "# " + " ".join(f"#{number}" for number in range(6))}.get(
        kind
    )
    mark = "," if kind == ".csv" else "\t" if kind == ".1D" else " "
    lines = [mark.join(f"{value:.5f}" for value in row) for row in series]
    path.write_text("\n".join([*([header] if header else []), *lines]) + "\n")
