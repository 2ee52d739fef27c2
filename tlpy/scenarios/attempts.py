"""What a task's earlier attempts ran out of memory on.

A retry can have many causes (a pre-empted machine, a lost node); only where memory ran out is the batch on
the device halved, since that changes batch normalisation and so, a little, the numbers.
"""

from __future__ import annotations

from pathlib import Path

from tlpy.files import read_json, write_json


class Attempts:
    """Counts, by stage, how often memory ran out; kept beside the checkpoints until the pack is done.

    Args:
        path: the pack's file. Where it does not survive between attempts, each retry counts as out of memory.
        attempt: 1, or which retry this is.
    """

    def __init__(self, path: Path, attempt: int) -> None:
        self._path, self.attempt = path, attempt
        self._counts: dict[str, int] = {}
        self._unknown = 0
        if attempt > 1:
            try:
                self._counts = read_json(path)
            except (OSError, ValueError):
                self._unknown = attempt - 1
        self._write()

    def halvings(self, stage_id: str) -> int:
        """How often to halve the stage's batch."""
        return self._counts.get(stage_id, 0) + self._unknown

    def out_of_memory(self, stage_id: str) -> None:
        """Remember that the stage did not fit."""
        self._counts[stage_id] = self._counts.get(stage_id, 0) + 1
        self._write()

    def close(self) -> None:
        """The pack is done."""
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self._path, self._counts)
