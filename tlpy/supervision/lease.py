"""Leases: who works on something, in a folder that several runs, also on several machines, share.

A lease is a small file that names its owner. The owner touches it every few seconds; one that is not touched
any more has aged, and whoever waits takes it over. No clock of one machine is compared with that of another:
files are touched with the file system's own time, and a lease that only looks old is watched before it is
taken. No lock of the file system is needed: making a link to a file, and renaming one, succeed for one only,
on network file systems, too.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tlpy.supervision.owner import Owner

# Seconds between two touches of a lease; between two looks of one who waits; and without a touch until it has
# aged: those of a lease that was old at first sight by the file system's clock, and of others.
TOUCH = 5.0
LOOK = 2.0
AGED_BY_CLOCK = 14.0
AGED = 60.0


class LeaseLost(BaseException):
    """Somebody else has taken the lease over, since this process did nothing for too long.

    As KeyboardInterrupt, it is no error of what is being done.
    """


@dataclass(frozen=True)
class _Seen:
    """A lease at one moment.

    Attributes:
        text: what it holds.
        touched: the file system's time of its last touch, in nanoseconds.
        now: the file system's time.
    """

    text: str
    touched: int
    now: int

    @property
    def owner(self) -> Owner | None:
        try:
            return Owner.of(json.loads(self.text))
        except ValueError:
            return None

    @property
    def looks_old(self) -> bool:
        return self.now - self.touched > AGED * 1e9


class Lease:
    """A claim to one name in a folder.

    Args:
        path: the lease's file.
        attempt: told to others, see `Owner`.
    """

    def __init__(self, path: Path, attempt: int = 1) -> None:
        self._path = path
        self.owner = Owner.here(attempt)
        self._text = json.dumps(self.owner.document())
        self._end = threading.Event()
        self._guard = threading.Lock()
        self._worker = threading.get_ident()
        self._thread: threading.Thread | None = None

    def take(self) -> Owner | None:
        """Wait until nobody else has the lease, and take it.

        Returns:
            The owner from whom it was taken over: it ended without giving it back, or has not been heard of
            for too long. None: there was none.
        """
        before: Owner | None = None
        looks, last, said = 0, ("", 0), False
        while True:
            try:
                if self._make():
                    break
                seen = self._look()
            except OSError:
                if not said:
                    raise
                # Somebody has it, and the file system does not answer for a moment.
                time.sleep(LOOK)
                continue
            if seen is None:
                continue
            looks = looks + 1 if (seen.text, seen.touched) == last else 0
            last, owner = (seen.text, seen.touched), seen.owner
            enough = AGED_BY_CLOCK if seen.looks_old else AGED
            if (owner is not None and owner.is_gone()) or looks * LOOK >= enough:
                if self._set_aside(seen.text):
                    before = owner
                continue
            if not said:
                who = owner or "somebody who left no name"
                print(f"{self._path.stem} is being trained by {who}: waiting for it", flush=True)
                said = True
            time.sleep(LOOK)
        self._thread = threading.Thread(target=self._touch_it, name=f"lease {self._path.name}", daemon=True)
        self._thread.start()
        return before

    def give_back(self) -> None:
        """Let others have it."""
        with self._guard:
            self._end.set()
        if self._is_mine() is True:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _make(self) -> bool:
        """Whether the lease could be made: it was not there."""
        aside = _beside(self._path)
        try:
            aside.write_text(self._text, encoding="utf-8")
            try:
                os.link(aside, self._path)
            except FileExistsError:
                return False
            except OSError:  # this file system has no links
                return self._make_alone()
            return True
        finally:
            aside.unlink(missing_ok=True)

    def _make_alone(self) -> bool:
        try:
            descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self._text)
        return True

    def _look(self) -> _Seen | None:
        """The lease as it is now; None: it is gone."""
        probe = _beside(self._path)
        try:
            probe.touch()
            now = probe.stat().st_mtime_ns
        finally:
            probe.unlink(missing_ok=True)
        try:
            # Opened, so that a network file system asks its server for the time of the last touch.
            with self._path.open(encoding="utf-8", errors="replace") as file:
                return _Seen(file.read(), os.fstat(file.fileno()).st_mtime_ns, now)
        except FileNotFoundError:
            return None

    def _set_aside(self, text: str) -> bool:
        """Take away the lease that holds `text`; whether it was this one that went."""
        aside = _beside(self._path)
        try:
            self._path.rename(aside)
        except FileNotFoundError:
            return False
        try:
            if aside.read_text(encoding="utf-8", errors="replace") == text:
                return True
            # Another waiter was faster, and this is its own: it gets it back.
            with contextlib.suppress(OSError):
                os.link(aside, self._path)
            return False
        finally:
            aside.unlink(missing_ok=True)

    def _touch_it(self) -> None:
        while not self._end.wait(TOUCH):
            if self._is_mine() is False:
                with self._guard:
                    if not self._end.is_set():
                        self._end.set()
                        _raise_in(self._worker, LeaseLost)
                return
            # Where the file system does not answer now, others that wait get no answer either.
            with contextlib.suppress(OSError):
                os.utime(self._path)

    def _is_mine(self) -> bool | None:
        """False: it is somebody else's. None: it is not there, or cannot be read."""
        try:
            return self._path.read_text(encoding="utf-8") == self._text
        except (OSError, ValueError):
            return None


class Leases:
    """Leases in a folder.

    Args:
        folder: where they lie; made.
        attempt: told to others, see `Owner`.
    """

    def __init__(self, folder: Path, attempt: int = 1) -> None:
        self._folder, self._attempt = folder, attempt

    def path(self, name: str) -> Path:
        return self._folder / f"{name}.lease"

    @contextlib.contextmanager
    def hold(self, name: str) -> Iterator[Owner | None]:
        """Hold the lease of `name`; gives the owner it was taken over from, see `Lease.take`.

        Where leases cannot be written, that is said, and nothing is waited for.

        Raises:
            LeaseLost: within the block, at any place: somebody else has it now.
        """
        lease = Lease(self.path(name), self._attempt)
        before = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            before = lease.take()
        except OSError as error:
            print(f"no lease on {name} could be written, so that another run may train it, too: {error}")
        try:
            yield before
        finally:
            lease.give_back()

    def left_by(self, names: list[str], pid: int) -> str | None:
        """Which of these names has a lease of the process `pid` of this machine; it is taken away."""
        here = Owner.here()
        for name in names:
            try:
                owner = Owner.of(json.loads(self.path(name).read_text(encoding="utf-8")))
            except (OSError, ValueError):
                continue
            if owner and (owner.host, owner.space, owner.pid) == (here.host, here.space, pid):
                with contextlib.suppress(OSError):
                    self.path(name).unlink(missing_ok=True)
                return name
        return None

    def is_held(self, name: str) -> bool:
        """Whether a lease of another process lies there that may be alive."""
        seen = Lease(self.path(name))._look()
        return seen is not None and not seen.looks_old and not (seen.owner and seen.owner.is_gone())


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}")


def _raise_in(thread: int, kind: type[BaseException]) -> None:
    """Raise an exception in another thread, at its next step in Python."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind))
