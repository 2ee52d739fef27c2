"""Content hashes: one id for everything that determines a result, and for nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tlpy.errors import InputError, Problem

# What cannot change a trained stage: how results are planned, ranked, shown, and simulated.
NOT_TRAINING = (
    "checksums.py",
    "cli.py",
    "evaluation",
    "local.py",
    "machine.py",
    "params",
    "plain",
    "plan",
    "privacy",
    "report",
    "simulate",
    "store.py",
    "supervision",
)

# In `data/`, what comes after the prepared cache.
NOT_PREPARING = (
    "augmentation",
    "dataset.py",
    "labels.py",
    "module.py",
    "modules",
    "sampling.py",
    "splits.py",
    "strata.py",
    "subjects.py",
    "units.py",
)


def canonical(value: Any) -> str:
    """`value` as JSON with sorted keys, so that equal content gives equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any) -> str:
    """16 hex characters that stand for the content of a JSON-like value."""
    return hashlib.blake2b(canonical(value).encode(), digest_size=8).hexdigest()


def code_digest(package: Path, leave_out: Iterable[str] = ()) -> str:
    """The digest of the `*.py` files below a folder, by relative path and content.

    Args:
        package: the folder.
        leave_out: names directly below it that are left out.
    """
    package = Path(package)
    left_out = set(leave_out)
    files = sorted(
        file.relative_to(package)
        for file in package.rglob("*.py")
        if file.relative_to(package).parts[0] not in left_out
    )
    content = hashlib.blake2b(digest_size=8)
    for file in files:
        content.update(f"{file.as_posix()}\0".encode())
        content.update((package / file).read_bytes())
        content.update(b"\0")
    return content.hexdigest()


def training_digest() -> str:
    """The digest of the part of `tlpy` that determines what a stage's training gives."""
    return code_digest(Path(__file__).resolve().parent, NOT_TRAINING)


def plain_digest() -> str:
    """The digest of the part of `tlpy` that determines what a plain baseline gives."""
    package = Path(__file__).resolve().parent
    return digest([training_digest(), code_digest(package / "plain")])


def data_digest() -> str:
    """The digest of the part of `tlpy` that determines what is in a prepared cache."""
    return code_digest(Path(__file__).resolve().parent / "data", NOT_PREPARING)


def file_digest(file: Path) -> str:
    """The SHA-256 of a file of weights; raises `InputError` where there is none."""
    if not file.is_file():
        raise InputError([Problem("weights", f"{file} does not exist")])
    content = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(1 << 20):
            content.update(block)
    return content.hexdigest()
