"""What the machine did is known, whichever library tells of it, and named with folder and free space."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from small_disk import SmallDisk

from tlpy import machine
from tlpy.errors import InputError, Problem
from tlpy.files import write_json, write_table
from tlpy.machine import MAY_PASS, NEEDS_A_PERSON, MachineError, trouble
from tlpy.scenarios.checkpoints import AtomicCheckpointIO

ROWS = [[number, "text"] for number in range(100_000)]
ARRAY = np.ones(500_000, np.float64)


def _sqlite(folder: Path) -> None:
    with sqlite3.connect(folder / "runs.db") as base:
        base.execute("create table runs (name text)")
        base.executemany("insert into runs values (?)", [("x" * 1000,)] * 2000)


WRITERS: dict[str, Callable[[Path], object]] = {
    "torch": lambda folder: torch.save({"w": torch.ones(500_000)}, folder / "w.pt"),
    "a checkpoint": lambda folder: AtomicCheckpointIO().save_checkpoint(
        {"w": torch.ones(500_000)}, folder / "last.ckpt"
    ),
    "safetensors": lambda folder: save_file({"w": torch.ones(500_000)}, folder / "w.safetensors"),
    "numpy": lambda folder: np.save(folder / "w.npy", ARRAY),
    "numpy's short write": lambda folder: ARRAY.tofile(folder / "w.bin"),
    "a table": lambda folder: write_table(folder / "w.tsv", ["a", "b"], ROWS),
    "pandas": lambda folder: __import__("pandas").DataFrame(ROWS).to_csv(folder / "w.csv"),
    "JSON": lambda folder: write_json(folder / "w.json", ROWS),
    "sqlite": _sqlite,
}


@pytest.mark.parametrize("how", WRITERS)
def test_a_full_disk_is_known_whoever_tells_of_it(disk: SmallDisk, tmp_path: Path, how: str) -> None:
    (disk.path / "work").mkdir()
    disk.fill(leave=200_000)
    with pytest.raises(Exception) as raised:  # noqa: PT011 - each library has its own
        WRITERS[how](disk.path / "work")
    found = trouble(raised.value, {"outdir": tmp_path, "work folder": disk.path / "work"})
    assert found is not None, repr(raised.value)
    assert found.code == NEEDS_A_PERSON
    assert f"no space left in the work folder {disk.path / 'work'}: 0." in str(found)
    assert "of 33.6 MB" in str(found)
    assert "-resume" in str(found)


def test_an_error_that_says_nothing_on_a_full_disk(disk: SmallDisk, tmp_path: Path) -> None:
    wrapped = RuntimeError("boo")
    assert trouble(wrapped, {"work folder": disk.path}) is None
    disk.fill()
    assert "no space left in the store" in str(
        trouble(wrapped, {"work folder": tmp_path, "store": disk.path})
    )


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        (errno.ENOSPC, NEEDS_A_PERSON),
        (errno.EDQUOT, NEEDS_A_PERSON),
        (errno.EROFS, NEEDS_A_PERSON),
        (errno.EIO, MAY_PASS),
        (errno.ESTALE, MAY_PASS),
        (errno.ENOTCONN, MAY_PASS),
        (errno.EMFILE, MAY_PASS),
    ],
)
def test_the_cause_is_looked_for_behind_what_was_raised(tmp_path: Path, code: int, exit_code: int) -> None:
    try:
        try:
            raise OSError(code, "as the system says", str(tmp_path / "file"))
        except OSError as error:
            raise InputError([Problem("weights", f"cannot be read: {error.strerror}")]) from None
    except InputError as error:
        try:
            raise RuntimeError("while cleaning up") from error
        except RuntimeError as outer:
            found = trouble(outer, {"store": tmp_path})
    assert found is not None
    assert found.code == exit_code
    assert str(tmp_path) in str(found)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("mat1 and mat2 shapes cannot be multiplied"),
        FileNotFoundError(errno.ENOENT, "No such file", "mine.txt"),
        PermissionError(errno.EACCES, "Permission denied", "/root/elsewhere"),
        RuntimeError("PytorchStreamReader failed reading zip archive: failed finding central directory"),
        InputError([Problem("brains", "truncated: the compressed stream ends too early")]),
    ],
)
def test_a_fault_of_what_runs_is_none_of_the_machine(tmp_path: Path, error: Exception) -> None:
    assert trouble(error, {"work folder": tmp_path}) is None


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    found = trouble(RuntimeError("boo"), {"store": tmp_path / "unmounted"})
    assert found is not None
    assert found.code == MAY_PASS
    assert "unmounted is gone" in str(found)


def test_what_may_not_be_written_to_is_the_machines(tmp_path: Path) -> None:
    error = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "metrics.json"))
    assert "the store" in str(trouble(error, {"store": tmp_path}))


def test_a_process_ends_with_the_code_and_the_message(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, machine.told({}):
        raise ValueError("of mine") from MachineError("the disk", MAY_PASS)
    assert ended.value.code == MAY_PASS
    assert capsys.readouterr().err == "The machine failed, not the search: the disk\n"
    with pytest.raises(ValueError, match="of mine"), machine.told({}):
        raise ValueError("of mine")
