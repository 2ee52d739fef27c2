"""A process that ends with the one that started it, whatever ends that one."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading

# The parent's number, and a pipe of which it has the writing end.
PARENT_VARIABLE = "TLPY_PARENT"
_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """From now on, this process is killed when its parent ends; nothing where it was started without one.

    On Linux the kernel does it (prctl(2)), also where this process hangs; elsewhere a thread does, which
    waits for the end of the parent's pipe.
    """
    parent, _, pipe = os.environ.pop(PARENT_VARIABLE, "").partition(" ")
    if not parent:
        return
    if sys.platform == "linux":
        kill_with(int(parent))
    threading.Thread(target=_watch, args=(int(pipe),), name="parent", daemon=True).start()


def kill_with(parent: int) -> None:
    """On Linux: SIGKILL for this process when `parent`, which started it, ends or has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)


def _watch(pipe: int) -> None:
    os.read(pipe, 1)
    os._exit(128 + signal.SIGKILL)
