"""One of the processes that train a stage together: `python -m tlpy.scenarios.worker JOB RANK`."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

from tlpy import machine
from tlpy.errors import InputError
from tlpy.files import read_json, write_json
from tlpy.scenarios.checkpoints import StageCheckpoint
from tlpy.scenarios.device import configure, is_out_of_memory, use_threads
from tlpy.scenarios.execution import Execution, join_processes
from tlpy.scenarios.keeper import DivergedError
from tlpy.scenarios.opened import OpenedFolders
from tlpy.scenarios.processes import SharedJob, error_file
from tlpy.scenarios.stage import train_stage
from tlpy.supervision.parent import kill_with


def train_share(job: SharedJob, execution: Execution, scratch: Path) -> None:
    """What one process does of a stage: all that a single one would, on its share of each batch.

    Args:
        job: what all of them do.
        execution: with this process's rank.
        scratch: where the results of all but the first process go, which nobody reads.
    """
    configure(execution.accelerator)
    use_threads(max(1, (job.stage.training.threads or 1) // execution.devices))
    folder = Path(job.folder) if execution.leads else scratch / f"rank-{execution.rank}"
    train_stage(
        job.stage,
        OpenedFolders(Path(job.caches), Path(job.subjects)).open(job.stage),
        Path(job.start) if job.start else None,
        folder,
        execution,
        StageCheckpoint(Path(job.checkpoint)),
        job.halvings,
        Path(job.contract) if job.contract else None,
    )


def _tell(error: BaseException, file: Path) -> None:
    """Write what happened for the process that started this one."""
    kind = "other"
    extra: dict[str, Any] = {}
    stopped = None if is_out_of_memory(error) else machine.trouble(error, {"work folder": file.parent})
    if stopped:
        kind, extra, error = "machine", {"code": stopped.code}, stopped
    elif isinstance(error, InputError):
        kind, extra = "input", {"problems": [[p.where, p.message, p.hint] for p in error.problems]}
    elif isinstance(error, DivergedError):
        kind = "diverged"
    elif is_out_of_memory(error):
        kind = "memory"
    text = str(error) if kind != "other" else f"{type(error).__name__}: {error}"
    told = {"kind": kind, "text": text, "trace": traceback.format_exc(), **extra}
    write_json(file, told)


def main(request: Path, rank: int) -> int:
    """One process of a stage: its exit code."""
    job = SharedJob.from_json(read_json(request))
    # Where the process that started this one goes, this one goes too.
    kill_with(os.getppid())
    signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    join_processes(rank, job.execution.devices, job.port)
    try:
        train_share(job, replace(job.execution, rank=rank), request.parent)
    except BaseException as error:
        _tell(error, error_file(request.parent, rank))
        return 1
    return 0


if __name__ == "__main__":
    # Torch's process group need not be taken apart: the process ends.
    os._exit(main(Path(sys.argv[1]), int(sys.argv[2])))
