"""The store: finished work by id, outside the work folder.

A search that grows by one value trains only what is new. Entries are written aside and renamed into place,
so that a half-written one is never taken for a finished one, and two runs on one store harm nothing.
"""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

KINDS = ("stages", "cache", "checkpoints", "plain")


class Store:
    """A folder with one sub-folder a kind (one of `KINDS`) and, in it, one a finished id.

    Args:
        root: the store's folder; it is made where it is missing.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        for kind in KINDS:
            (self.root / kind).mkdir(parents=True, exist_ok=True)

    def path(self, kind: str, entry_id: str) -> Path:
        """Where the entry lies, or would lie."""
        if kind not in KINDS:
            raise ValueError(f"unknown kind '{kind}': expected one of {', '.join(KINDS)}")
        return self.root / kind / entry_id

    def has(self, kind: str, entry_id: str) -> bool:
        """Whether the entry is there, finished. A rename is atomic, so a folder that exists is whole."""
        return self.path(kind, entry_id).is_dir()

    def has_stage(self, stage_id: str) -> bool:
        return self.has("stages", stage_id)

    def keep(self, kind: str, entry_id: str, folder: Path) -> Path:
        """Keep a finished `folder` under its id; the first to finish wins, a later twin is dropped.

        Files are hard-linked where the file system allows it and copied otherwise.
        Returns the entry's path.
        """
        target = self.path(kind, entry_id)
        if target.is_dir():
            return target
        aside = self.root / kind / f".tmp-{uuid.uuid4().hex}"
        try:
            shutil.copytree(folder, aside, copy_function=_link_or_copy)
            _sync_tree(aside)
            try:
                aside.rename(target)
            except OSError:
                # Another run finished the same entry first: ids are content hashes, so it holds the same.
                if not target.is_dir():
                    raise
            _sync(target.parent)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return target

    def fetch(self, kind: str, entry_id: str, destination: Path) -> Path:
        """Lay a kept entry at `destination`, by hard links where possible."""
        if not destination.exists():
            shutil.copytree(self.path(kind, entry_id), destination, copy_function=_link_or_copy)
        return destination


def _link_or_copy(source: str, target: str) -> str:
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _sync_tree(folder: Path) -> None:
    for directory, _, names in os.walk(folder):
        for name in names:
            _sync(Path(directory) / name)
        _sync(Path(directory))


def _sync(path: Path) -> None:
    """Flush to disk, so that a power cut cannot leave an entry that is named but empty."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems cannot sync a directory
    finally:
        os.close(descriptor)
