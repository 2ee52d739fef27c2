"""Checkpoints of a stage under way: what a retry picks up.

Two files a stage: the last one, and the one before it for when the last one is damaged. Torch does not look
at the checksums in its own files, so those of both lie beside them. Short epochs would spend more time on
writing than on training, so a checkpoint is written only when the last one is some seconds old; a killed run
loses these seconds and the epoch it was in, and continues with the numbers it would have had.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins import CheckpointIO

from tlpy.checksums import checksum
from tlpy.files import read_json, write_json

# At least this long between two checkpoints, and at least this many times what writing one takes (5 %).
SECONDS = 10.0
TIMES_ITS_COST = 20.0

LAST, BEFORE = "last.ckpt", "before.ckpt"
SUMS = "checksums.json"


class AtomicCheckpointIO(CheckpointIO):
    """Writes aside and renames, so that a file is whole; the last one becomes the one before.

    Args:
        loaded: the checkpoint to give back when Lightning asks for one. It was read before: another run on
        the
            same store may finish the stage, and take the file away, at any time.
    """

    def __init__(self, loaded: dict[str, Any] | None = None) -> None:
        self._loaded = loaded

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:  # noqa: ARG002
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            torch.save(checkpoint, aside)
            _add_sum(target.parent, checksum(aside))
            if target.exists():
                target.replace(target.with_name(BEFORE))
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)

    def load_checkpoint(
        self,
        path: Any,
        map_location: Any = None,  # noqa: ARG002 - on the CPU; Lightning moves it
        weights_only: bool | None = None,  # noqa: ARG002 - always
    ) -> dict[str, Any]:
        if self._loaded is None:
            raise FileNotFoundError(path)
        loaded, self._loaded = self._loaded, None
        return loaded

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


class StageCheckpoint:
    """The checkpoint of one stage.

    Args:
        folder: `<checkpoints>/<stage id>`.
        seconds: how old the last checkpoint must be before it is replaced; None: `SECONDS`.
    """

    def __init__(self, folder: Path, seconds: float | None = None) -> None:
        self.folder = folder
        self.path = folder / LAST
        self._seconds = SECONDS if seconds is None else seconds
        self._written = time.monotonic()
        self._cost = 0.0

    def read(self) -> dict[str, Any] | None:
        """What to continue from: tensors and plain values; None: there is nothing.

        A file that is not as it was written is told of and taken away, and the one before it is read.
        """
        there = [self.folder / name for name in (LAST, BEFORE) if (self.folder / name).is_file()]
        sums = _sums(self.folder)
        for number, file in enumerate(there):
            found = _read(file, sums)
            if found is not None:
                return found
            file.unlink(missing_ok=True)
            rest = number + 1 < len(there)
            then = f"going on from the one before it, {there[-1].name}" if rest else "starting over"
            print(f"the checkpoint {file.resolve()} is damaged: {then}", flush=True)
        return None

    def due(self) -> bool:
        """Whether it is time to write the next one."""
        age = time.monotonic() - self._written
        return age >= self._seconds and age >= TIMES_ITS_COST * self._cost

    def write(self, trainer: Any) -> None:
        """Write the trainer's state. Where that fails (a full disk), training goes on without."""
        start = time.monotonic()
        try:
            trainer.save_checkpoint(self.path, weights_only=False)
        except (OSError, RuntimeError) as error:
            print(f"no checkpoint could be written to {self.folder}: {error}", flush=True)
        self._written = time.monotonic()
        self._cost = self._written - start

    def remove(self) -> None:
        """The stage is done."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _read(file: Path, sums: Collection[str]) -> dict[str, Any] | None:
    """A checkpoint; None where it is not as it was written.

    Raises:
        OSError: the machine cannot read it, though it may be sound.
    """
    if checksum(file) not in sums:
        return None
    try:
        found: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # of another version, or whatever: training can do without it
        return None
    return found


def _sums(folder: Path) -> list[str]:
    """The checksums of the files that were written last, newest first."""
    try:
        return [str(one) for one in read_json(folder / SUMS)]
    except (OSError, ValueError, TypeError):
        return []


def _add_sum(folder: Path, new: str) -> None:
    """Before the file is in place: whenever a run is killed, both files are known."""
    write_json(folder / SUMS, [new, *_sums(folder)[:7]])
