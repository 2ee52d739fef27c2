"""A pack: stages that share their data sets, trained one after another in one process."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlpy import machine
from tlpy.checksums import faults, has_checksums, write_checksums
from tlpy.errors import InputError
from tlpy.files import read_json
from tlpy.metrics.registry import METRICS
from tlpy.records import Pack, Stage, contract_beside
from tlpy.scenarios.attempts import Attempts
from tlpy.scenarios.checkpoints import StageCheckpoint
from tlpy.scenarios.device import (
    check_devices,
    choose_accelerator,
    configure,
    is_device_lost,
    is_out_of_memory,
    out_of_host_memory,
    use_threads,
)
from tlpy.scenarios.execution import Execution
from tlpy.scenarios.guard import Guard
from tlpy.scenarios.keeper import DivergedError
from tlpy.scenarios.loggers import check_logger
from tlpy.scenarios.opened import OpenedFolders
from tlpy.scenarios.outputs import write_failed
from tlpy.scenarios.processes import ProcessError, SharedJob, free_port, train_in_processes
from tlpy.scenarios.stage import divide_batch, train_stage
from tlpy.store import Store, check


class StageOutOfMemoryError(MemoryError):
    """A stage did not fit into memory; a retry halves its batch on the device."""


class ParentFailedError(RuntimeError):
    """The stage that this one starts from did not finish."""


def train_pack(
    pack: Pack,
    caches: Path,
    subjects: Path,
    parents: Path,
    out: Path,
    checkpoints: Path,
    store: Path | None = None,
    accelerator: str = "auto",
    attempt: int = 1,
    start: int = 1,
) -> dict[str, str]:
    """Train a pack's stages into `out/<id>/` and keep each finished one in the store at once.

    A stage that the store holds is laid out, not trained. One failed stage fails alone: its folder says why,
    its children fail with it, the others go on.

    Args:
        pack: what to train.
        caches: holds a folder for each PREPARE request.
        subjects: holds `<subjects id>.tsv`.
        parents: holds folders of finished stages by id; may be missing.
        out: where stages go.
        checkpoints: where stages under way are kept for a retry, by id.
        store: the store's folder, if there is one.
        accelerator: `auto`, `cpu` or `gpu`.
        attempt: 1, or which retry of the task this is.
        start: which start of the training process within the task this is, from 1.

    Returns:
        Status (`done`, `failed`) by stage id.

    Raises:
        InputError: a GPU was asked for and there is none; a stage's cache is not among `caches`.
        StageOutOfMemoryError: after which a new start with a smaller batch makes sense.
        MoreMemoryError: all is done but what a retry of the task tries with more memory.
        MachineError: the machine failed a stage (a full disk, a damaged file), which then is no result.
    """
    execution = Execution.of(pack.execution, choose_accelerator(accelerator))
    check_logger(execution.logger)
    check_devices(execution.accelerator, execution.devices)
    configure(execution.accelerator)
    # Without a store, stages that finish before a task is killed wait for its retry beside the checkpoints.
    waiting = checkpoints / f"{pack.id}.finished"
    run = _Run(
        OpenedFolders(caches, subjects),
        [parents, out],
        out,
        checkpoints,
        Store(store or waiting),
        execution,
        pack.files,
        {"work folder": out.parent, "store" if store else "folder of checkpoints": store or checkpoints},
    )
    attempts = Attempts(checkpoints / f"{pack.id}.json", attempt + start - 1)
    out.mkdir(parents=True, exist_ok=True)
    ids = [stage.id for stage in pack.stages]
    guard = Guard(checkpoints, pack.id, attempt, start)
    with guard.present(ids):
        status = {stage.id: run.guarded(stage, attempts, guard) for stage in pack.stages}
    guard.close(ids)
    if guard.is_last():
        attempts.close()
        shutil.rmtree(waiting, ignore_errors=True)
    return status


@dataclass(frozen=True)
class _Run:
    """Where a pack's things lie.

    Attributes:
        parents: folders that finished stages may be in.
        files: where a user's file of weights lies, by its path as the user wrote it.
        written: folders that are written to, by what they are to the user.
    """

    folders: OpenedFolders
    parents: Sequence[Path]
    out: Path
    checkpoints: Path
    store: Store
    execution: Execution
    files: Mapping[str, str]
    written: Mapping[str, Path]

    def guarded(self, stage: Stage, attempts: Attempts, guard: Guard) -> str:
        """`stage`, while nobody else trains it."""
        folder = self.out / stage.id

        def is_done() -> bool:
            return _status(folder) == "done" or self.store.has_stage(stage.id)

        return guard.run(stage, folder, is_done, lambda: self.stage(stage, attempts))

    def stage(self, stage: Stage, attempts: Attempts) -> str:
        """Train one stage, or find it done; its status."""
        folder = self.out / stage.id
        if _status(folder) == "done" and not (has_checksums(folder) and faults(folder)):
            return "done"
        if self.store.has_stage(stage.id):
            shutil.rmtree(folder, ignore_errors=True)
            if self.store.take("stages", stage.id, folder):
                return "done"
        for source in stage.sources:
            self.folders.images(source.cache)
        checkpoint = StageCheckpoint(self.checkpoints / stage.id)
        halvings = attempts.halvings(stage.id)
        aside = self.out / f".{stage.id}"
        for left in (aside, folder):
            shutil.rmtree(left, ignore_errors=True)
        try:
            found = self.train(stage, self.start(stage), self.contract(stage), aside, checkpoint, halvings)
            write_checksums(aside)
            aside.rename(folder)
            self.store.keep("stages", stage.id, folder)
        except Exception as error:
            if is_out_of_memory(error) and divide_batch(stage.training.batch_size, halvings)[0] > 1:
                attempts.out_of_memory(stage.id)
                raise StageOutOfMemoryError(f"stage {stage.name} ({stage.id}): {error}") from error
            if is_device_lost(error) and attempts.attempt == 1:
                raise
            self.stop_where_the_machine_failed(error, aside)
            reason = _reason(error, halvings)
            write_failed(folder, stage, reason, traceback.format_exc())
            print(f"{stage.id} {stage.name}: failed: {reason}", flush=True)
            checkpoint.remove()
            return "failed"
        checkpoint.remove()
        print(f"{stage.id} {stage.name}: {_summary(stage, found)}", flush=True)
        return "done"

    def stop_where_the_machine_failed(self, error: Exception, aside: Path) -> None:
        """Raise `MachineError` where it did; what is left in `aside` would only take the message's room."""
        found = machine.trouble(error, self.written)
        if found:
            shutil.rmtree(aside, ignore_errors=True)
            raise found from error

    def train(
        self,
        stage: Stage,
        start: Path | None,
        contract: Path | None,
        folder: Path,
        checkpoint: StageCheckpoint,
        halvings: int,
    ) -> dict[str, Any]:
        """Train the stage into `folder`, here or, on several devices, in processes of its own."""
        use_threads(stage.training.threads or 1)
        if self.execution.devices == 1:
            opened = self.folders.open(stage)
            return train_stage(stage, opened, start, folder, self.execution, checkpoint, halvings, contract)
        job = SharedJob(
            stage=stage,
            caches=str(self.folders.caches),
            subjects=str(self.folders.subjects),
            checkpoint=str(checkpoint.folder),
            start=str(start) if start else None,
            contract=str(contract) if contract else None,
            folder=str(folder),
            halvings=halvings,
            execution=self.execution,
            port=free_port(),
        )
        return train_in_processes(job)

    def start(self, stage: Stage) -> Path | None:
        """The weights the stage starts from; None: at random.

        Raises:
            ParentFailedError: the parent did not finish, or is nowhere.
            DamagedError: its files are not as they were written.
        """
        parent, weights = stage.parent, stage.weights
        if not parent:
            return Path(self.files.get(weights, weights)) if weights else None
        places = [*(folder / parent for folder in self.parents), self.store.path("stages", parent)]
        for place in places:
            check([place])
            if _status(place) == "done":
                return place / "weights.safetensors"
        known = any(_status(place) == "failed" for place in places)
        raise ParentFailedError(f"parent {parent} failed" + ("" if known else ": it left no files"))

    def contract(self, stage: Stage) -> Path | None:
        """Where the contract of a user's weights was staged; None: it lies beside them, or there is none."""
        staged = self.files.get(contract_beside(stage.weights)) if stage.weights else None
        return Path(staged) if staged else None


def _status(folder: Path) -> str | None:
    """`done` or `failed`, as a stage's metrics.json says; None where there is none."""
    try:
        return str(read_json(folder / "metrics.json")["status"])
    except (OSError, ValueError, KeyError):
        return None


def _summary(stage: Stage, result: Mapping[str, Any]) -> str:
    """One line for the task's log; the test part stays out of sight until the ranking."""
    metric = stage.metric
    value = METRICS[metric].show(result["metrics"]["val"].get(metric))
    epochs = f"epoch {result['best_epoch']} of {result['epochs_run']}"
    return f"validation {metric} {value} ({epochs}, {result['seconds']['total']:.1f} s)"


def _reason(error: BaseException, halvings: int = 0) -> str:
    """One line for the leaderboard, the first cause first."""
    if memory := out_of_host_memory(error):
        return memory
    if halvings:
        return f"out of memory, and with fewer images at once: {_reason(error)}"
    if isinstance(error, InputError):
        return "; ".join(str(problem) for problem in error.problems)
    lines = str(error).strip().splitlines()
    if isinstance(error, DivergedError | ParentFailedError | ProcessError) and lines:
        return lines[0]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
