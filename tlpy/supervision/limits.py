"""How much memory a task may use, and whether it was the system that ended a process for it.

Control groups, version 2 and 1, as Linux' admin guide has them (`cgroup-v2.rst`, `cgroup-v1/memory.rst`), and
the limit of a process (setrlimit(2)).
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OF_THIS_PROCESS = Path("/proc/self/cgroup")
_LIMITS = ("memory.max", "memory.limit_in_bytes")


def memory_limit() -> int | None:
    """Bytes that this process, and those it starts, may use; None: as many as the machine has."""
    found = list(_limits())
    smallest = min(found, default=None)
    return None if smallest is None or smallest >= machine_memory() else smallest


def machine_memory() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def oom_kills() -> int:
    """How often the system has ended a process of this control group because its memory was used up."""
    for folder in _groups():
        for name in ("memory.events", "memory.oom_control"):
            with suppress(OSError, ValueError):
                rows = (line.split() for line in (folder / name).read_text().splitlines())
                return sum(int(value) for key, value in rows if key == "oom_kill")
        break  # those above have other members, too
    return 0


def gigabytes(size: int) -> str:
    """`1.6 GB`, as Nextflow counts: of 1024³ bytes."""
    return f"{size / 2**30:.3g} GB"


def limit_in_words(limit: int | None) -> str:
    """`limit 1.6 GB`; without one, what the machine has."""
    if limit is None:
        return f"no limit, {gigabytes(machine_memory())} in this machine"
    return f"limit {gigabytes(limit)}"


def _limits() -> Iterator[int]:
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    if soft != resource.RLIM_INFINITY:
        yield soft
    for folder in _groups():
        for name in _LIMITS:
            with suppress(OSError, ValueError):  # "max": there is none
                yield int((folder / name).read_text())


def _groups() -> Iterator[Path]:
    """The folders of this process's memory control group and of those above it, the innermost first."""
    try:
        lines = OF_THIS_PROCESS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = CGROUPS / "memory" if controllers else CGROUPS
        place = root / path.lstrip("/")
        if not place.is_dir():  # a container sees its own group as the root, whatever the machine calls it
            place = root
        for folder in (place, *place.parents):
            if folder.is_relative_to(root) and any((folder / name).exists() for name in _LIMITS):
                yield folder
