"""The store: finished work by id, outside the work folder.

A search that grows by one value trains only what is new. Entries are written aside and renamed into place,
so that a half-written one is never taken for a finished one, and two runs on one store harm nothing.

An entry carries checksums of its files, which are read-only: links to them lie in work folders. One that is
damaged is set aside, beside its place as `.damaged-<id>-<n>`, and made again by whoever needs it.
"""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path

from tlpy import checksums
from tlpy.checksums import DamagedError

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

        Files are hard-linked where the file system allows it and copied otherwise, and made read-only.
        Returns the entry's path.
        """
        target = self.path(kind, entry_id)
        if target.is_dir():
            return target
        aside = self.root / kind / f".tmp-{uuid.uuid4().hex}"
        try:
            shutil.copytree(folder, aside, copy_function=_link_or_copy)
            if not checksums.has_checksums(aside):
                checksums.write_checksums(aside)
            _seal(aside)
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
        """Lay a kept entry at `destination`, by hard links where possible.

        Raises:
            DamagedError: the entry is not as it was kept; it was set aside.
        """
        if not destination.exists():
            check([self.path(kind, entry_id)])
            shutil.copytree(self.path(kind, entry_id), destination, copy_function=_link_or_copy)
        return destination

    def take(self, kind: str, entry_id: str, destination: Path) -> bool:
        """Lay an entry at `destination`, which is not there yet; False: it is to be made.

        One that is damaged is set aside, and named on the standard error.
        """
        if not self.has(kind, entry_id):
            return False
        try:
            self.fetch(kind, entry_id, destination)
        except DamagedError as error:
            print("\n".join(f"warning: {text}" for text in error.texts), file=sys.stderr, flush=True)
            return False
        except FileNotFoundError:  # another run has just set it aside
            shutil.rmtree(destination, ignore_errors=True)
            return False
        return True

    def faults(self, kind: str, entry_id: str, whole: Callable[[str], bool] = lambda _: True) -> list[str]:
        """What is wrong with an entry, one text a file (`tlpy.checksums.faults`); empty: nothing."""
        return checksums.faults(self.path(kind, entry_id), whole)

    def set_aside(self, kind: str, entry_id: str, found: int | None = None) -> Path | None:
        """Rename a damaged entry out of the way; its new path, None where another run was faster.

        Args:
            found: the inode of the folder that was found damaged: an entry that another run has made again
                meanwhile stays.

        Raises:
            OSError: the store cannot be written to.
        """
        entry = self.path(kind, entry_id)
        for number in count(1):
            target = entry.with_name(f".damaged-{entry_id}-{number}")
            if target.exists():
                continue
            try:
                if found not in (None, entry.stat().st_ino):
                    return None
                entry.rename(target)
            except FileNotFoundError:
                return None
            except OSError:
                if target.exists():  # another run took this number
                    continue
                raise
            return target
        raise AssertionError("numbers do not end")


def check(folders: Iterable[Path], whole: Callable[[str], bool] = lambda _: True) -> None:
    """Check folders that are about to be read by the checksums in them; those without are passed over.

    Entries of a store that are damaged are set aside, wherever the links to them lie.

    Args:
        folders: finished work, of the store or of a task's work folder.
        whole: whether a file of this name is read; of others, their size is looked at.

    Raises:
        DamagedError: naming every file of every folder that is not as it was written.
    """
    texts = [text for folder in folders if folder.is_dir() and (text := _damage(folder, whole))]
    if texts:
        raise DamagedError(texts)


def _damage(folder: Path, whole: Callable[[str], bool]) -> str:
    """What is wrong with a folder, and what was done about it; nothing where it is sound."""
    kept = _entry_of(folder)
    if kept is None and not checksums.has_checksums(folder):
        return ""
    number = folder.stat().st_ino
    found = checksums.faults(folder, whole)
    if not found:
        return ""
    text = checksums.told(folder, found)
    if kept is None:
        # Nextflow believes in a task as a whole.
        task = folder.resolve().parents[1]
        return f"{text}. Remove {task if (task / '.command.run').exists() else folder.resolve()}"
    store, kind, entry_id = kept
    try:
        aside = store.set_aside(kind, entry_id, number)
    except OSError as error:
        return f"{text}. It could not be set aside ({error.strerror}): remove it"
    return f"{text}. It was set aside" + (f" as {aside.name}" if aside else "")


def _entry_of(folder: Path) -> tuple[Store, str, str] | None:
    """The store, kind and id of a folder that is an entry of a store, or a link to one; else None."""
    entry = folder.resolve()
    root = entry.parent.parent
    if entry.parent.name not in KINDS or not all((root / kind).is_dir() for kind in KINDS):
        return None
    return Store(root), entry.parent.name, entry.name


def _link_or_copy(source: str, target: str) -> str:
    try:
        os.link(os.path.realpath(source), target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _seal(folder: Path) -> None:
    """Take away the right to write from the files: a write through any link to one would damage them all.

    Who may read the folder may read them: some writers (safetensors) keep a file to its owner.
    """
    for directory, _, names in os.walk(folder):
        readers = Path(directory).stat().st_mode & 0o444
        for name in names:
            file = Path(directory) / name
            with suppress(OSError):  # of another user, or a file system without rights
                file.chmod((file.stat().st_mode | readers) & ~0o222)


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
