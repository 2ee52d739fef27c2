"""A stage on several devices: one process each, of which the first writes the results.

Every process does what a single one would do, on its share of each training batch; Lightning's DDP averages
the gradients. Validation and test are done by all on the whole part, and the first one's count.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tlpy.errors import InputError, Problem
from tlpy.scenarios.execution import Execution, join_processes
from tlpy.scenarios.keeper import DivergedError

# How long the others may take to notice that one has failed.
GRACE_SECONDS = 15.0


class ProcessError(RuntimeError):
    """One of a stage's processes failed; the message is its own."""


def train_in_processes(job: Mapping[str, Any], execution: Execution, folder: Path) -> dict[str, Any]:
    """Train a stage with `execution.devices` processes; what metrics.json holds.

    Args:
        job: what `tlpy.scenarios.pack.train_share` takes, as JSON: paths as text.
        execution: the devices and threads.
        folder: where the first process writes the stage; the others' folders beside it are taken away.

    Raises:
        InputError, DivergedError, MemoryError, OSError: as in one process.
        ProcessError: anything else.
    """
    scratch = folder.with_name(f"{folder.name}.processes")
    scratch.mkdir(parents=True)
    port = _free_port()
    request = scratch / "job.json"
    request.write_text(json.dumps({**job, "execution": execution.as_dict(), "port": port}), encoding="utf-8")
    # Own parts may be on a path that this process alone knows.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "tlpy.scenarios.processes", str(request)]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for rank in range(execution.devices):
            processes.append(subprocess.Popen([*command, str(rank)], env=environment))
        failed = _wait(processes)
        if failed is not None:
            _raise_as_it_was(scratch / f"error-{failed}.json", processes[failed].returncode)
        found: dict[str, Any] = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
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
        told = json.loads(file.read_text(encoding="utf-8"))
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
    if kind == "system":
        raise OSError(told["errno"], text)
    raise ProcessError(text)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _tell(error: BaseException, file: Path) -> None:
    """Write what happened for the process that started this one."""
    from tlpy.scenarios.device import is_out_of_memory

    kind = "other"
    extra: dict[str, Any] = {}
    if isinstance(error, InputError):
        kind, extra = "input", {"problems": [[p.where, p.message, p.hint] for p in error.problems]}
    elif isinstance(error, DivergedError):
        kind = "diverged"
    elif is_out_of_memory(error):
        kind = "memory"
    elif isinstance(error, OSError) and error.errno is not None:
        kind, extra = "system", {"errno": error.errno}
    text = str(error) if kind != "other" else f"{type(error).__name__}: {error}"
    told = {"kind": kind, "text": text, "trace": traceback.format_exc(), **extra}
    file.write_text(json.dumps(told), encoding="utf-8")


def main(request: Path, rank: int) -> int:
    """One process of a stage: its exit code."""
    job = json.loads(request.read_text(encoding="utf-8"))
    # Where the process that started this one goes, this one goes too.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    execution = Execution(**{**job.pop("execution"), "rank": rank})
    join_processes(rank, execution.devices, job.pop("port"))
    try:
        from tlpy.scenarios.pack import train_share

        train_share(job, execution, request.parent)
    except BaseException as error:
        _tell(error, request.parent / f"error-{rank}.json")
        return 1
    return 0


if __name__ == "__main__":
    # Torch's process group need not be taken apart: the process ends.
    os._exit(main(Path(sys.argv[1]), int(sys.argv[2])))
