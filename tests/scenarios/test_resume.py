"""A run that was killed and continued gives the numbers of one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import toys
from toys import Train, read, results

from tlpy.scenarios import checkpoints

CASES: dict[str, dict[str, Any]] = {
    "dropout, adam": {},
    "oversampled classes": {"label": "sex", "training__sampling": "oversample"},
    "warm-up by steps": {"training__schedule": {"name": "cosine", "warmup": 1.5}},
    "plateau": {"training__schedule": {"name": "plateau", "patience": 0, "threshold": 0.5}},
    "sgd with momentum, last epoch": {"training__optimizer": {"name": "sgd"}, "training__keep": "last"},
    "early stopping": {"training__early_stopping": {"patience": 2, "min_delta": 1e9}},
    "augmentation": {
        "training__augmentation": [
            {"name": "noise", "p": 0.5, "sd": 0.5},
            {"name": "crop", "p": 0.5, "padding": 2, "fill": "background"},
        ]
    },
}


@pytest.mark.parametrize("case", CASES)
def test_continued_is_uninterrupted(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    changes = {"training__epochs": 5, **CASES[case]}
    stage = toys.stage("s1", changes.pop("label", "age"), **changes)
    train(stage, out="whole")

    with toys.killed_in_third_epoch(monkeypatch):
        train(stage, out="killed")
    assert (tmp_path / "checkpoints/s1/last.ckpt").is_file()

    train(stage, out="continued", attempt=2)
    assert read(tmp_path / "continued/s1")["resumed_from_epoch"] == 2
    assert results(tmp_path / "continued/s1") == results(tmp_path / "whole/s1")
    assert not (tmp_path / "checkpoints/s1").exists()


def test_the_pull_of_the_elastic_penalty_is_continued(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    penalty = {"cross_entropy": {"weight": 1.0}, "elastic_penalty": {"alpha": 1.0, "beta": 0.1}}
    case = {"label": "sex", "parent": "s0", "objective": penalty, "transfer": {"name": "head"}}
    monkeypatch.setitem(CASES, "penalty", case)
    train(toys.stage("s0"), out="parents")
    test_continued_is_uninterrupted(train, tmp_path, monkeypatch, "penalty")


def test_a_damaged_checkpoint_is_not_used(train: Train, tmp_path: Path) -> None:
    train(toys.stage("s1"), out="whole")
    (tmp_path / "checkpoints/s1").mkdir(parents=True)
    (tmp_path / "checkpoints/s1/last.ckpt").write_bytes(b"half a file")
    assert train(toys.stage("s1"), out="again") == {"s1": "done"}
    assert results(tmp_path / "whole/s1") == results(tmp_path / "again/s1")


def test_short_epochs_are_not_spent_on_checkpoints(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr(checkpoints.StageCheckpoint, "write", lambda self, _: written.append(self.path))
    train(toys.stage("s1"))
    assert not written
    assert checkpoints.SECONDS <= 10


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_is_picked_up(
    toy_data: Path, tmp_path: Path, train: Train, how: signal.Signals
) -> None:
    stage = toys.stage("s1", training__epochs=60)
    child = f"""
import sys; sys.path[:0] = {sys.path!r}
from pathlib import Path
import toys
from tlpy.records import *
from tlpy.scenarios import checkpoints, pack
checkpoints.SECONDS = checkpoints.TIMES_ITS_COST = 0.0
data, here = Path({str(toy_data)!r}), Path({str(tmp_path)!r})
pack.train_pack(toys.pack({stage!r}), data / "caches", data / "subjects", here / "none",
                here / "lost", here / "checkpoints", accelerator="cpu")
"""
    process = subprocess.Popen([sys.executable, "-c", child], env={**os.environ, "OMP_NUM_THREADS": "1"})
    checkpoint = tmp_path / "checkpoints/s1/last.ckpt"
    deadline = time.monotonic() + 60
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(how)
    assert process.wait() == (-9 if how == signal.SIGKILL else 143)
    assert checkpoint.is_file()
    train(stage, attempt=2)
    assert read(tmp_path / "out/s1")["resumed_from_epoch"] >= 1
    assert read(tmp_path / "out/s1")["epochs_run"] == 60
