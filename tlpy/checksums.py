"""Checksums of a folder's files: whether what is read is what was written.

CRC-32 and the size: against a failing disk, a copy that was cut off, a stray write; not against forgery. It
is fast on any machine (`docs/reliability.md`), and what zip, gzip and PNG trust in.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tlpy.files import read_json, write_json
from tlpy.machine import MachineError

FILE = "checksums.json"
_BLOCK = 1 << 20
# What is as large as the data, and read by few: the rest of a folder is looked at by everybody.
BULK = (".npy", ".safetensors")


class DamagedError(MachineError):
    """Files are not as they were written.

    Attributes:
        texts: a line a folder, naming each file.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = list(texts)
        rest = "The same command with -resume makes again what is missing"
        super().__init__("\n".join([*self.texts, rest]))


def is_bulk(name: str) -> bool:
    """Whether a file holds arrays or weights."""
    return name.endswith(BULK)


def write_checksums(folder: Path) -> None:
    """Write `checksums.json` of all other files below a folder, with their size and CRC-32."""
    files = {}
    for directory, _, names in os.walk(folder):
        for name in names:
            path = Path(directory) / name
            if path != folder / FILE:
                files[path.relative_to(folder).as_posix()] = _entry(path)
    write_json(folder / FILE, {"algorithm": "crc32", "files": dict(sorted(files.items()))})


def faults(folder: Path, whole: Callable[[str], bool] = lambda _: True) -> list[str]:
    """What is wrong with a folder that has checksums, one text a file; empty: it is as it was written.

    Args:
        folder: where the files and `checksums.json` are.
        whole: whether a file of this name is read; of others, their size is looked at.

    Raises:
        OSError: the machine cannot read a file that is there.
    """
    try:
        files: dict[str, dict[str, Any]] = read_json(folder / FILE)["files"]
        wanted = {name: (int(entry["bytes"]), str(entry["crc32"])) for name, entry in files.items()}
    except FileNotFoundError:
        return [f"{FILE} is missing"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return [f"{FILE} is cut off or changed"]
    return [
        text
        for name, (size, sum_) in wanted.items()
        if (text := _fault(folder / name, name, size, sum_, whole(name)))
    ]


def has_checksums(folder: Path) -> bool:
    return (folder / FILE).is_file()


def checksum(path: Path) -> str:
    """The CRC-32 of a file, as 8 hex characters."""
    found = 0
    with path.open("rb", buffering=0) as stream:
        while block := stream.read(_BLOCK):
            found = zlib.crc32(block, found)
    return f"{found:08x}"


def told(folder: Path, found: Iterable[str]) -> str:
    """The faults of a folder in a line, with its path as it is for the user."""
    return f"{folder.resolve()} is damaged: {'; '.join(found)}"


def _entry(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "crc32": checksum(path)}


def _fault(path: Path, name: str, size: int, sum_: str, whole: bool) -> str:
    try:
        found = path.stat().st_size
        if found != size:
            return f"{name} has {found} of {size} bytes" if found < size else f"{name} has grown"
        return f"the content of {name} has changed" if whole and checksum(path) != sum_ else ""
    except FileNotFoundError:
        return f"{name} is missing"
