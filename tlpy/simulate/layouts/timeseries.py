"""A time series of one person. Dirt: runs of different scale and drift, a run that was stopped early, a voxel
outside the brain, and a table with CRLF."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tlpy.simulate.layouts.files import save_table

CHANNELS, BLOCK = 12, 8


def lay_out(out: Path, subjects: int, seed: int, dirt: bool) -> None:
    """`timeseries.npy` (volumes × 12 channels) and `events.tsv`, one run for each of `subjects`, of 40
    volumes: blocks of rest, face and house, to each of which other channels answer. With dirt the last run
    has 5 volumes and the last channel is constant."""
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
