"""Who is at work on something: a process, told apart from all others."""

from __future__ import annotations

import os
import socket
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tlpy.supervision.limits import memory_limit

# The name of the run that a task belongs to; nextflow.config sets it.
RUN_VARIABLE = "TLPY_RUN"


@dataclass(frozen=True)
class Owner:
    """A process.

    Attributes:
        host: the machine's name; a container has one of its own.
        space: where its number means something: the machine's boot and the namespace of numbers.
        pid: its number.
        began: when it began, in the kernel's own ticks: a number is used again, this is not. Empty: unknown.
        run: the run it belongs to.
        attempt: which try of its task, and which start within it, this is.
        limit: bytes of memory it may use; None: as many as there are.
        token: tells two claims of one process apart.
    """

    host: str
    space: str
    pid: int
    began: str
    run: str
    attempt: int
    limit: int | None
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    @classmethod
    def here(cls, attempt: int = 1) -> Owner:
        """This process."""
        pid = os.getpid()
        run = os.environ.get(RUN_VARIABLE, "")
        return cls(socket.gethostname(), _space(), pid, _began(pid), run, attempt, memory_limit())

    @classmethod
    def of(cls, document: Any) -> Owner | None:
        """What `document` wrote; None where it is something else."""
        try:
            return cls(**{one.name: document[one.name] for one in fields(cls)})
        except (KeyError, TypeError):
            return None

    def document(self) -> dict[str, Any]:
        return asdict(self)

    def is_gone(self) -> bool:
        """Whether the process is known to have ended; never of one that cannot be seen from here."""
        if (self.host, self.space) != (socket.gethostname(), _space()):
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:  # it is somebody else's
            return False
        # Ended, and not yet fetched by the one that started it; or another process under the same number.
        return _state(self.pid) == "Z" or _began(self.pid) != self.began

    def __str__(self) -> str:
        run = f"run {self.run}, " if self.run else ""
        return f"{run}process {self.pid} on {self.host}"


def _space() -> str:
    found = []
    with suppress(OSError):
        found.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        found.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(found)


def _began(pid: int) -> str:
    """Field 22 of /proc/PID/stat (proc(5)), where there is one."""
    found = _stat(pid)
    return found[19] if len(found) > 19 else ""


def _state(pid: int) -> str:
    return (_stat(pid) or [""])[0]


def _stat(pid: int) -> list[str]:
    """What follows the name, which may hold anything, in /proc/PID/stat."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
