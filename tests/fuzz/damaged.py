"""Files that nobody should be given: whole ones with a few changes; and a bound on what reading may take."""

from __future__ import annotations

import io
import resource
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hostile
from hypothesis import strategies as st

MEGABYTE = 1 << 20
# What a reader may take beside the file, of files of a few kilobytes.
ROOM = 512 * MEGABYTE
# Numbers as headers hold them, at their ends.
_ENDS = [b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff", b"\xff\x7f", b"\0" * 4, b"\xff" * 4, b"\xff" * 8]


@st.composite
def damaged(draw: st.DrawFn, whole: bytes, pieces: tuple[bytes, ...] = ()) -> bytes:
    """The content with one to five changes: bytes replaced, cut out, doubled, put in; or its end cut off."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 5))):
        # Headers stand at the start, a zip's at the end.
        near = draw(st.integers(0, min(len(data), 400)))
        at = draw(st.sampled_from([near, len(data) - near, draw(st.integers(0, len(data)))]))
        what = draw(st.sampled_from(["flip", "number", "piece", "cut", "double", "end", "bytes"]))
        length = draw(st.integers(1, 64))
        if what == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif what == "number":
            put = draw(st.sampled_from(_ENDS))
            data[at : at + len(put)] = put
        elif what == "piece" and pieces:
            data[at:at] = draw(st.sampled_from(pieces))
        elif what == "cut":
            del data[at : at + length]
        elif what == "double":
            data[at:at] = data[at : at + length]
        elif what == "end":
            del data[at:]
        else:
            data[at:at] = draw(st.binary(max_size=16))
    return bytes(data)


def zipped(members: dict[str, bytes], way: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these members."""
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w", way) as archive:
        warnings.simplefilter("ignore")
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def memory() -> int:
    """Bytes of memory that this process has reserved."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


@contextmanager
def bounded(aside: Path, seconds: float = 20, room: int = ROOM) -> Iterator[None]:
    """Within, no file is written (but temporary ones in `aside`), nothing run, and memory is short.

    Raises:
        ForbiddenError: it was tried all the same, or took longer than `seconds`.
        MemoryError: more than `room` bytes were asked for.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    before, tempfile.tempdir = tempfile.tempdir, str(aside)
    resource.setrlimit(resource.RLIMIT_AS, (memory() + room, hard))
    try:
        with hostile.nothing_is_run(seconds, aside):
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        tempfile.tempdir = before
