"""A damaged checkpoint gives way to the one before it, and that to a new start; the numbers are the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import toys
from faults.damage import cut, flip
from toys import Train, read, results

STAGE = toys.stage("s1", training__epochs=5)


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
def test_the_last_checkpoint_is_damaged(
    train: Train,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], None],
) -> None:
    train(STAGE, out="whole")
    with toys.killed_in_third_epoch(monkeypatch):
        train(STAGE, out="killed")
    folder = tmp_path / "checkpoints/s1"
    assert sorted(path.name for path in folder.iterdir()) == ["before.ckpt", "checksums.json", "last.ckpt"]
    damage(folder / "last.ckpt")
    capsys.readouterr()
    train(STAGE, out="continued", attempt=2)
    assert read(tmp_path / "continued/s1")["resumed_from_epoch"] == 1
    assert results(tmp_path / "continued/s1") == results(tmp_path / "whole/s1")
    told = f"the checkpoint {folder}/last.ckpt is damaged: going on from the one before it, before.ckpt"
    # One that is not there may never have been.
    assert (told in capsys.readouterr().out) == (damage is not Path.unlink)


def test_both_checkpoints_are_damaged(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train(STAGE, out="whole")
    with toys.killed_in_third_epoch(monkeypatch):
        train(STAGE, out="killed")
    flip(tmp_path / "checkpoints/s1/last.ckpt")
    cut(tmp_path / "checkpoints/s1/before.ckpt")
    train(STAGE, out="continued", attempt=2)
    assert read(tmp_path / "continued/s1")["resumed_from_epoch"] is None
    assert results(tmp_path / "continued/s1") == results(tmp_path / "whole/s1")
    assert "before.ckpt is damaged: starting over" in capsys.readouterr().out
