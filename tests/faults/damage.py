"""What disks do to files, for tests."""

from __future__ import annotations

import os
from pathlib import Path


def flip(file: Path, at: int = -40) -> None:
    """One bit of one byte is another; size and times are as they were."""
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    _write(file, bytes(content))


def cut(file: Path, keep: int | None = None) -> None:
    """The end is missing."""
    content = file.read_bytes()
    _write(file, content[: len(content) // 2 if keep is None else keep])


def _write(file: Path, content: bytes) -> None:
    # Not through a link that others may have: a disk damages one copy.
    before = file.stat()
    file.unlink()
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
