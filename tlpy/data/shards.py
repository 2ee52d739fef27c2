"""The shards of a cache: their names, which images each holds, and which folders make up a whole cache."""

from __future__ import annotations

import re
from pathlib import Path

from tlpy.errors import InputError, Problem


def shard_ids(cache: str, shards: int) -> list[str]:
    """`<cache>-1of2`, `<cache>-2of2`, …"""
    return [f"{cache}-{shard}of{shards}" for shard in range(1, shards + 1)]


def shard_slice(images: int, shard: int, shards: int) -> slice:
    """The contiguous block of shard `shard` of `shards`; blocks differ by one image at most."""
    if not 0 <= shard < shards:
        raise InputError([Problem("shard", f"is {shard} of {shards}; expected 0 to {shards - 1}")])
    return slice(images * shard // shards, images * (shard + 1) // shards)


def shard_folders(folder: Path, cache: str) -> list[Path]:
    """The folders below `folder` that make up the cache, in order; empty where it is not complete.

    A store that several machines share may hold one cache in different numbers of shards: one set is taken.
    """
    names = (path.name for path in folder.glob(f"{cache}-*of*") if path.is_dir())
    counts = {int(match[1]) for name in names if (match := re.search(r"-\d+of(\d+)$", name))}
    for shards in sorted(counts):
        found = [folder / name for name in shard_ids(cache, shards)]
        if all(path.is_dir() for path in found):
            return found
    return []
