"""What a stage's processes died of without a word; kept beside its checkpoints until the stage has ended.

A process that is ended from outside, or by its own code, tells nobody why. A stage that was under way twice
when that happened is not tried a third time.
"""

from __future__ import annotations

import signal
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tlpy.files import read_json, write_json
from tlpy.supervision.limits import gigabytes, limit_in_words

# After so many, a stage has failed.
ENOUGH = 2


@dataclass(frozen=True)
class Death:
    """How one process ended.

    Attributes:
        reason: for the leaderboard, in one line.
        memory: whether it was, or may have been, that memory ran out.
        attempt: the try of the task in which that was.
    """

    reason: str
    memory: bool
    attempt: int


class Deaths:
    """The deaths of stages, by id.

    Args:
        folder: where checkpoints lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, stage_id: str) -> list[Death]:
        """Oldest first."""
        names = [one.name for one in fields(Death)]
        try:
            rows: Any = read_json(self._path(stage_id))
            return [Death(**{name: row[name] for name in names}) for row in rows]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def add(self, stage_id: str, death: Death) -> None:
        """Remember one more. Where that cannot be written, the stage is tried once more than it should."""
        rows = [asdict(one) for one in [*self.of(stage_id), death]]
        with suppress(OSError):
            write_json(self._path(stage_id), rows)

    def forget(self, stage_id: str) -> None:
        """The stage has ended, or a new run begins."""
        with suppress(OSError):
            self._path(stage_id).unlink(missing_ok=True)

    def _path(self, stage_id: str) -> Path:
        return self._folder / f"{stage_id}.deaths.json"


def reason_of(deaths: list[Death]) -> str:
    """Why a stage failed that died so often."""
    last = deaths[-1].reason
    others = [one.reason for one in deaths[:-1] if one.reason != last]
    return f"{last}; before that, {others[-1]}" if others else last


def death_of(code: int, killed_for_memory: bool, limit: int | None, attempt: int) -> Death:
    """How a process ended of which nothing but its exit code is known.

    Args:
        code: as `subprocess` has it: of a signal, its number with a minus.
        killed_for_memory: whether the system says that it ended a process because memory was used up.
        limit: bytes of memory that the process could use; None: no limit.
        attempt: the try of the task.
    """
    if code == -signal.SIGKILL and killed_for_memory:
        held = f"limit {gigabytes(limit)}" if limit else limit_in_words(limit)
        return Death(f"out of memory ({held})", True, attempt)
    if code == -signal.SIGKILL:
        why = "killed (SIGKILL), as the system does when memory runs out"
        return Death(f"{why} ({limit_in_words(limit)})", True, attempt)
    if code < 0:
        return Death(f"its process was ended by {_named(-code)}", False, attempt)
    return Death(f"its process ended with exit code {code} and no message", False, attempt)


def death_with_task(limit: int | None, attempt: int) -> Death:
    """How a stage ended whose whole task was killed, the one that watches over it, too."""
    why = "killed with its whole task, as happens when memory runs out"
    return Death(f"{why} ({limit_in_words(limit)})", True, attempt)


def _named(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    said = signal.strsignal(number)
    return f"{name} ({said.lower()})" if said else name
