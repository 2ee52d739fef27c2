"""The machine's trouble, told from that of what runs on it: a full disk, a lost mount, a damaged file.

What failed for the machine's sake is no result. It is not written down as `failed`, for a run that goes on
later would believe it: the task ends with an exit code of its own, so that Nextflow keeps nothing of it.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

# Of sysexits.h: a person has to do something (EX_IOERR); another attempt may do (EX_TEMPFAIL).
NEEDS_A_PERSON, MAY_PASS = 74, 75

_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LASTING = {*_SPACE, errno.EROFS}
_PASSING = {
    *(errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EHOSTDOWN, errno.ETIMEDOUT, errno.ENODEV, errno.ENXIO),
    *(errno.EMFILE, errno.ENFILE),
}
# Libraries in other languages tell the system's error in words: "No space left on device (os error 28)".
_IN_WORDS = {
    code: re.compile(rf"{re.escape(os.strerror(code))}|\bos error {code}\b", re.IGNORECASE)
    for code in (*_LASTING, *_PASSING)
}
# A write that came to nothing, by those that do not say why: torch's zip writer, NumPy, SQLite.
_CUT_SHORT = re.compile(
    r"PytorchStreamWriter|unexpected pos \d+ vs \d+|\d+ requested and \d+ written|disk is full"
)
# Below this, whatever failed is taken to have failed for want of space.
STARVED_BYTES = 2**20
_GOES_ON = "the same command with -resume goes on from what was finished"


class MachineError(RuntimeError):
    """The machine failed; one message for people.

    Attributes:
        code: the exit code of the task, `NEEDS_A_PERSON` or `MAY_PASS`.
    """

    def __init__(self, message: str, code: int = NEEDS_A_PERSON) -> None:
        super().__init__(message)
        self.code = code


def trouble(error: BaseException, folders: Mapping[str, Path]) -> MachineError | None:
    """What the machine did to make this error; None where it did nothing that can be known.

    The error and all that it came from are looked at. Where none of them says, the folders do: one that is
    gone, or has less than `STARVED_BYTES` left.

    Args:
        error: what was raised.
        folders: those that are written to, by what they are to the user (`work folder`, `store`).
    """
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, MachineError):
            return one
    for one in chain:
        code = _code(one, folders)
        if code is not None:
            return _described(code, one, error, folders)
    short = any(_CUT_SHORT.search(str(one)) for one in chain)
    return _of_folders(error, folders, short)


def trouble_in(texts: Iterable[str]) -> MachineError | None:
    """The machine's trouble in messages that were made of what was raised; None where none tells of any."""
    found = [text for text in texts if any(words.search(text) for words in _IN_WORDS.values())]
    if not found:
        return None
    return MachineError("\n".join([*found, f"Once the disk or mount is there again, {_GOES_ON}"]), MAY_PASS)


@contextmanager
def told(folders: Mapping[str, Path]) -> Iterator[None]:
    """Ends the process where the machine fails it: the message, and the exit code.

    Raises:
        SystemExit: with the code of the `MachineError`; whatever else is raised goes through.
    """
    # One that is yet to be made cannot have gone away.
    there = {name: folder for name, folder in folders.items() if folder.exists()}
    try:
        yield
    except Exception as error:
        found = trouble(error, there)
        if found is None:
            raise
        with suppress(OSError):  # the disk may have no room for the message either
            print(f"The machine failed, not the search: {found}", file=sys.stderr, flush=True)
        raise SystemExit(found.code) from error


def free_space(folder: Path) -> tuple[int, int] | None:
    """Bytes that are free where a folder lies, and all there are; None where that is not told."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    # Some network file systems tell nothing.
    return (found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize) if found.f_blocks else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was raised from or while, also where that was hidden (`from None`)."""
    todo, seen = [error], set()
    while todo:
        one = todo.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [other for other in (one.__cause__, one.__context__) if other is not None]
        todo += [other for other in getattr(one, "exceptions", ()) if isinstance(other, BaseException)]


def _code(error: BaseException, folders: Mapping[str, Path]) -> int | None:
    """The system's number for what the machine did; None where it is not the machine's."""
    if isinstance(error, OSError) and error.errno is not None:
        if error.errno in _LASTING | _PASSING:
            return error.errno
        if error.errno in (errno.EACCES, errno.EPERM) and _place(error, folders):
            return error.errno
        return None
    # What an input error says of a file is the user's; what lies behind it was looked at by its number.
    if type(error).__name__ == "InputError":
        return None
    return next((code for code, words in _IN_WORDS.items() if words.search(str(error))), None)


def _described(
    code: int, cause: BaseException, error: BaseException, folders: Mapping[str, Path]
) -> MachineError:
    place = _place(cause, folders)
    if code in _SPACE:
        return _no_space(place or _fullest(folders), error, folders, os.strerror(code))
    file = getattr(cause, "filename", None)
    where = f"the {place} {_shown(folders[place])}: " if place else ""
    at = f" ({file})" if file else ""
    text = f"{where}{os.strerror(code).lower()}{at}: {_text(error)}"
    if code in _PASSING:
        return MachineError(f"{text}. Once the disk or mount is there again, {_GOES_ON}", MAY_PASS)
    return MachineError(f"{text}. Once it can be written to, {_GOES_ON}")


def _of_folders(error: BaseException, folders: Mapping[str, Path], short: bool) -> MachineError | None:
    """What the folders tell where the error does not.

    Args:
        short: it is known that a file could not be written whole.
    """
    for name, folder in folders.items():
        if not folder.exists():
            return MachineError(f"the {name} {folder} is gone: {_text(error)}", MAY_PASS)
    fullest = _fullest(folders)
    if fullest is None:
        return MachineError(f"a file could not be written whole: {_text(error)}") if short else None
    if short or _is_starved(folders[fullest]):
        return _no_space(fullest, error, folders, "a file could not be written whole")
    return None


def _no_space(name: str | None, error: BaseException, folders: Mapping[str, Path], what: str) -> MachineError:
    if name is None:
        return MachineError(f"{what.lower()}: {_text(error)}. Once there is space, {_GOES_ON}")
    found = free_space(folders[name])
    free = f": {_size(found[0])} free of {_size(found[1])}" if found else ""
    head = f"no space left in the {name} {_shown(folders[name])}{free}"
    return MachineError(f"{head} ({_text(error)}). Once there is space, {_GOES_ON}")


def _place(error: BaseException, folders: Mapping[str, Path]) -> str | None:
    """The folder that the file of an error is in; the innermost, where a store lies in a work folder."""
    resolved = {name: folder.resolve() for name, folder in folders.items()}
    files = [getattr(error, name, None) for name in ("filename", "filename2")]
    for file in (file for file in files if isinstance(file, str | os.PathLike) and os.fspath(file)):
        path = Path(os.fsdecode(file)).resolve()
        around = [name for name, folder in resolved.items() if path.is_relative_to(folder)]
        if around:
            return max(around, key=lambda name: len(resolved[name].parts))
    return None


def _fullest(folders: Mapping[str, Path]) -> str | None:
    """The folder with the least space; None where none tells."""
    free = {name: found[0] for name, folder in folders.items() if (found := free_space(folder))}
    return min(free, key=lambda name: free[name]) if free else None


def _is_starved(folder: Path) -> bool:
    found = os.statvfs(folder)
    no_files = found.f_files > 0 and found.f_favail == 0
    return no_files or found.f_bavail * found.f_frsize < STARVED_BYTES


def _shown(folder: Path) -> str:
    """Where it lies for the user, not the link that a task has to it."""
    return str(folder.resolve())


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _text(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
