"""Checkpoints of a stage under way: what a retry picks up.

One file a stage, replaced at the end of an epoch. Short epochs would spend more time on writing than on
training, so a checkpoint is written only when the last one is some seconds old; a killed run loses these
seconds and the epoch it was in, and continues with the numbers it would have had.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins import CheckpointIO

# At least this long between two checkpoints, and at least this many times what writing one takes (5 %).
SECONDS = 10.0
TIMES_ITS_COST = 20.0


class AtomicCheckpointIO(CheckpointIO):
    """Writes aside and renames, so that a file is whole.

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
        self.path = folder / "last.ckpt"
        self._seconds = SECONDS if seconds is None else seconds
        self._written = time.monotonic()
        self._cost = 0.0

    def read(self) -> dict[str, Any] | None:
        """What to continue from: tensors and plain values. One that can't be read is taken away."""
        if not self.path.is_file():
            return None
        try:
            found: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception:  # whatever is wrong with the file, training can do without it
            self.path.unlink(missing_ok=True)
            return None
        return found

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
