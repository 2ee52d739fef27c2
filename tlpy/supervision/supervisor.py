"""A task's training process, watched: what it died of is written down, and it is started again.

The process that watches imports next to nothing, so that it is not the one that runs out of memory.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from tlpy.files import read_json
from tlpy.supervision.deaths import Death, Deaths, death_of
from tlpy.supervision.lease import Leases
from tlpy.supervision.limits import memory_limit, oom_kills
from tlpy.supervision.parent import PARENT_VARIABLE

# The exit code of a training process that asks to be started again: with a smaller batch, or since its device
# was lost. No other part of the pipeline ends with it.
AGAIN = 121
# What is passed on to the training process; and how long that may take to end.
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2)
GRACE_SECONDS = 20.0
# How often a training process may be killed while no stage is under way.
STARTS_WITHOUT_STAGE = 2


class _Stopped(BaseException):
    """The task is told to end."""

    def __init__(self, number: int) -> None:
        self.number = number


def supervise(
    command: Callable[[int], Sequence[str]], stages: Sequence[str], checkpoints: Path, attempt: int
) -> int:
    """Run a pack's training process until it ends by its own will.

    When it dies with a stage under way (its lease lies beside the checkpoints), the death is written down and
    the process started again: it finds what is finished, goes on with that stage from its checkpoint, and
    calls it failed after its second death (`tlpy.scenarios.guard`).

    Args:
        command: of the training process, by the number of its start in this task, from 1.
        stages: ids of the pack.
        checkpoints: where these lie.
        attempt: which try of the task this is, from 1.

    Returns:
        The exit code of the task: the training process's own; 128 and the number of a signal that ended it
        outside any stage, or that told the task to end.
    """
    deaths, leases = Deaths(checkpoints), Leases(checkpoints)
    start, without_stage = 1, 0
    while True:
        kills = oom_kills()
        try:
            child = _Child(command(start))
            code = child.wait()
        except _Stopped as stop:
            # It was told to end: no fault of the stage that was under way.
            leases.left_by(list(stages), child.pid)
            return 128 + stop.number
        under_way = leases.left_by(list(stages), child.pid)
        if under_way is not None:
            death = death_of(code, oom_kills() > kills, memory_limit(), attempt)
            deaths.add(under_way, death)
            _say(under_way, death, len(deaths.of(under_way)))
        elif code < 0:
            without_stage += 1
            death = death_of(code, oom_kills() > kills, memory_limit(), attempt)
            print(f"no stage was under way: {death.reason}", flush=True)
            if without_stage >= STARTS_WITHOUT_STAGE:
                return 128 - code
        elif code != AGAIN:
            return code
        start += 1


def stage_ids(pack: Path) -> list[str]:
    """The ids of a pack's stages; none where the file is no pack, which the training process tells."""
    try:
        return [str(stage["id"]) for stage in read_json(pack)["stages"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _say(stage: str, death: Death, count: int) -> None:
    print(f"{stage}: {death.reason}; death {count} of this stage", flush=True)


class _Child:
    """A process that ends when this one does, and is told to end when this one is."""

    def __init__(self, command: Sequence[str]) -> None:
        # For systems on which a process is not told of its parent's end: the reading end is at its end then.
        reading, self._writing = os.pipe()
        environment = os.environ | {PARENT_VARIABLE: f"{os.getpid()} {reading}"}
        try:
            self._process = subprocess.Popen(list(command), env=environment, pass_fds=[reading])
        finally:
            os.close(reading)
        self.pid = self._process.pid

    def wait(self) -> int:
        """Its exit code, of a signal the number with a minus; raises `_Stopped` once it has ended."""
        told: list[int] = []

        def end(*_: object) -> None:
            self._process.kill()

        def tell(number: int, _: FrameType | None) -> None:
            told.append(number)
            self._process.send_signal(signal.SIGTERM)
            signal.setitimer(signal.ITIMER_REAL, GRACE_SECONDS)

        before = {number: signal.signal(number, tell) for number in PASSED_ON}
        before[signal.SIGALRM] = signal.signal(signal.SIGALRM, end)
        try:
            code = self._process.wait()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self._writing)
        if told:
            raise _Stopped(told[0])
        return code
