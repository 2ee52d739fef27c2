"""A stage on several devices: one process each, of which the first writes the results.

Every process does what a single one would do, on its share of each training batch; Lightning's DDP averages
the gradients. Validation and test are done by all on the whole part, and the first one's count.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlpy.components.sources import COMPONENTS_VARIABLE, sources
from tlpy.errors import InputError, Problem
from tlpy.files import read_json, write_json
from tlpy.machine import MachineError
from tlpy.records import Record, Stage
from tlpy.scenarios.execution import Execution
from tlpy.scenarios.keeper import DivergedError

# How long the others may take to notice that one has failed.
GRACE_SECONDS = 15.0


class ProcessError(RuntimeError):
    """One of a stage's processes failed; the message is its own."""


@dataclass(frozen=True)
class SharedJob(Record):
    """What the processes of a stage do together (`tlpy.scenarios.worker`); paths as text.

    Attributes:
        caches, subjects: where prepared images and tables lie.
        checkpoint: the folder of the stage's checkpoint.
        start: the weights to start from; None: at random.
        contract: theirs; None: it lies beside them, or there is none.
        folder: where the first process writes the stage.
        halvings: how often to halve the batch on the device.
        port: where they find each other.
    """

    stage: Stage
    caches: str
    subjects: str
    checkpoint: str
    start: str | None
    contract: str | None
    folder: str
    halvings: int
    execution: Execution
    port: int


def free_port() -> int:
    """A port on this machine that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def error_file(scratch: Path, rank: int) -> Path:
    """Where a process says what it failed of."""
    return scratch / f"error-{rank}.json"


def train_in_processes(job: SharedJob) -> dict[str, Any]:
    """Train a stage with `job.execution.devices` processes; what metrics.json holds.

    Folders that the processes need beside the stage's are taken away.

    Raises:
        InputError, DivergedError, MemoryError, MachineError: as in one process.
        ProcessError: anything else.
    """
    folder = Path(job.folder)
    scratch = folder.with_name(f"{folder.name}.processes")
    scratch.mkdir(parents=True)
    request = scratch / "job.json"
    write_json(request, job.to_json())
    # Own parts may be on a path that this process alone knows.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    if sources.folder is not None:
        environment[COMPONENTS_VARIABLE] = str(sources.folder)
    command = [sys.executable, "-m", "tlpy.scenarios.worker", str(request)]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for rank in range(job.execution.devices):
            processes.append(subprocess.Popen([*command, str(rank)], env=environment))
        failed = _wait(processes)
        if failed is not None:
            _raise_as_it_was(error_file(scratch, failed), processes[failed].returncode)
        found: dict[str, Any] = read_json(folder / "metrics.json")
        return found
    finally:
        _stop(processes)
        shutil.rmtree(scratch, ignore_errors=True)


def _wait(processes: Sequence[subprocess.Popen[bytes]]) -> int | None:
    """Wait for all; the number of the first that failed, after the others had time to notice."""
    failed, since = None, 0.0
    while any(process.poll() is None for process in processes):
        if failed is None:
            failed = next((n for n, process in enumerate(processes) if process.returncode), None)
            since = time.monotonic()
        elif time.monotonic() - since > GRACE_SECONDS:
            break
        time.sleep(0.05)
    if failed is None:
        failed = next((n for n, process in enumerate(processes) if process.returncode), None)
    return failed


def _stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _raise_as_it_was(file: Path, code: int) -> None:
    """Raise what the process raised, so that it is handled as if it were of this one."""
    try:
        told = read_json(file)
    except (OSError, ValueError):
        if code == -signal.SIGKILL:
            raise MemoryError(
                "a training process was killed, as the system does when memory runs out"
            ) from None
        raise ProcessError(f"a training process ended with exit code {code} and no message") from None
    kind, text = told["kind"], told["text"]
    print(told["trace"], file=sys.stderr, flush=True)
    if kind == "input":
        raise InputError(Problem(*fields) for fields in told["problems"])
    if kind == "diverged":
        raise DivergedError(text)
    if kind == "memory":
        raise MemoryError(text)
    if kind == "machine":
        raise MachineError(text, told["code"])
    raise ProcessError(text)
