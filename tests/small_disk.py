"""A disk of its own for a test, so that it can be full: a tmpfs, which takes the right to mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class SmallDisk:
    """A mounted disk."""

    path: Path

    @classmethod
    @contextmanager
    def mounted(cls, path: Path, megabytes: int = 32) -> Iterator[SmallDisk]:
        """Mount one until the end; the test is skipped where that is not permitted."""
        path.mkdir(parents=True, exist_ok=True)
        size = f"size={megabytes}m"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(path)], capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"a full disk needs the right to mount one: {done.stderr.strip()}")
        try:
            yield cls(path)
        finally:
            subprocess.run(["umount", "--lazy", str(path)], check=True)

    @property
    def free(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Leave so many bytes, rounded to a page."""
        with (self.path / "ballast").open("ab") as file:
            os.posix_fallocate(file.fileno(), 0, (self.path / "ballast").stat().st_size + self.free - leave)

    def make_space(self) -> None:
        (self.path / "ballast").unlink()

    def grow(self, megabytes: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(self.path)], check=True)

    def read_only(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(self.path)], check=True)
