"""Values and changes that no params file should hold, and a watch over what planning does with them."""

from __future__ import annotations

import copy
import datetime
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

CLASS_PATHS = [
    "os.system",
    "subprocess.Popen",
    "subprocess.getoutput",
    "builtins.eval",
    "builtins.exec",
    "builtins.open",
    "shelve.open",
    "runpy.run_path",
    "torch.hub.load",
    "torch.load",
    "torch.optim.ASGD",
    "torch.optim.lr_scheduler.StepLR",
    "torch.nn.Linear",
    "numpy.load",
    "monai.networks.nets.UNet",
    "trap.function",
    "trap.Other",
    "tlpy.files.os.system",
    "tlpy.store.Store",
    "tlpy.data.readers.base.Reader",
    "tlpy.optimizers.schedules.step",
    "no_such.Thing",
    "../../etc/passwd",
    "..",
    ".a",
    "a.",
    "__main__.x",
    "os.system:x",
    "tr\0ap.Other",
]

TEXTS = [
    *(
        "",
        " ",
        "none",
        "null",
        "true",
        "nan",
        "1e999",
        "-1",
        "'",
        '"',
        "\n",
        "\0",
        "\ud800",
        "\u202e",
        "ＲＥＳＮＥＴ",
    ),
    *(
        "é" * 3,
        "💥",
        "a" * 5000,
        "${HOME}",
        "$(touch called)",
        "`touch called`",
        "; touch called",
        "<script>",
    ),
    *(
        "__class__",
        "finetune",
        "pretrain",
        "finetune.lr",
        "lr",
        "name",
        "datasets.source.path",
        "....",
        "%s%n",
    ),
    *(
        "best",
        "joint",
        "grid",
        "random",
        "freeze",
        "head",
        "masked_autoencoder",
        "simclr",
        "dann",
        "vit",
        "bids",
    ),
]

NUMBERS = [
    *(0, -1, 1, 2, 7, 0.5, -0.0, 1e-320, 1e308, -1e308, 2**31, 2**63, 2**64, 10**30, 10**400, -(10**400)),
    *(float("nan"), float("inf"), float("-inf"), True, False),
]

# YAML has these too.
OTHERS = [None, datetime.date(2020, 2, 30 - 1), datetime.datetime(2020, 1, 1), b"\xff", {1, 2}, (1, 2)]

keys = st.one_of(st.sampled_from(TEXTS), st.sampled_from([0, 1.5, None, True, datetime.date(2020, 1, 1)]))
plain = st.one_of(
    st.sampled_from(CLASS_PATHS),
    st.sampled_from(TEXTS),
    st.sampled_from(NUMBERS),
    st.sampled_from(OTHERS),
    st.text(max_size=8),
    st.integers(),
    st.floats(),
)
components = st.builds(
    lambda name, more: {"name": name, **more},
    st.one_of(st.sampled_from(CLASS_PATHS), plain),
    st.dictionaries(
        st.sampled_from(["command", "args", "p", "size", "lr", "weight", "cmd"]), plain, max_size=2
    ),
)
values = st.one_of(
    plain,
    components,
    st.lists(components, max_size=2),
    st.lists(st.lists(components, max_size=2), max_size=2),
    st.recursive(
        plain, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3))
    ),
    st.integers(10, 400).map(lambda depth: _deep(depth, [])),
    st.integers(10, 400).map(lambda depth: _deep(depth, {})),
)


def _deep(depth: int, kind: Any) -> Any:
    made: Any = "flip"
    for _ in range(depth):
        made = [made] if isinstance(kind, list) else {"name": made}
    return made


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each value in nested maps and lists, but for the whole."""
    inner = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, value in inner:
        yield (*path, key)
        yield from places(value, (*path, key))


@st.composite
def mutated(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """A document with one to four changes: a value replaced, dropped, wrapped, or one added beside it."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 4))):
        found = list(places(changed))
        if not found:
            break
        *outer, last = draw(st.sampled_from(found))
        holder: Any = changed
        for key in outer:
            holder = holder[key]
        what = draw(st.sampled_from(["replace"] * 6 + ["component", "drop", "wrap", "add", "rename"]))
        if what == "replace":
            holder[last] = draw(values)
        elif what == "component":
            holder[last] = draw(components)
        elif what == "drop":
            del holder[last]
        elif what == "wrap":
            holder[last] = [holder[last]]
        elif isinstance(holder, dict):
            added = holder.pop(last) if what == "rename" else draw(values)
            holder[draw(st.one_of(keys, st.sampled_from(CLASS_PATHS)))] = added
    return changed


class ForbiddenError(BaseException):
    """Planning did what it must not do. No `Exception`: nothing on the way may handle it."""


_FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "subprocess.Popen",
    "pty.spawn",
)
_CHANGING = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "socket.connect",
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_watching = [False, False]
_seen: list[str] = []
_aside: list[str] = [""]


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching[0]:
        return
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
    if writes and _aside[0] and str(arguments[0]).startswith(_aside[0]):
        return
    if writes or event.startswith(_FORBIDDEN):
        _seen.append(f"{event}{arguments!r}")
        raise ForbiddenError(_seen[-1])


@contextmanager
def nothing_is_run(seconds: float, aside: Path | None = None) -> Iterator[None]:
    """Within, no program is started, no file written, nothing connected to, and no more than `seconds` taken.

    Args:
        seconds: of wall time.
        aside: a folder in which files may be written all the same.

    Raises:
        ForbiddenError: the first of these.
    """
    if not _watching[1]:
        sys.addaudithook(_watch)  # which stays: it can be put to rest alone
        _watching[1] = True

    def late(*_: object) -> None:
        raise ForbiddenError(f"took more than {seconds:g} s")

    _seen.clear()
    _aside[0] = str(aside or "")
    before, bytecode = signal.signal(signal.SIGALRM, late), sys.dont_write_bytecode
    signal.setitimer(signal.ITIMER_REAL, seconds)
    _watching[0] = sys.dont_write_bytecode = True
    try:
        yield
    finally:
        _watching[0], sys.dont_write_bytecode = False, bytecode
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if _seen:
        raise ForbiddenError(_seen[0])
