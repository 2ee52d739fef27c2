"""A pack: stages that share their data sets, trained one after another in one process."""

from __future__ import annotations

import errno
import json
import shutil
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlpy.data.cache import PreparedImages
from tlpy.data.dataset import ImageSource
from tlpy.data.shards import shard_folders
from tlpy.data.subjects import columns_of, read_subjects
from tlpy.errors import InputError, Problem
from tlpy.metrics.registry import METRICS
from tlpy.scenarios.attempts import Attempts
from tlpy.scenarios.checkpoints import StageCheckpoint
from tlpy.scenarios.device import (
    check_devices,
    choose_accelerator,
    configure,
    is_device_lost,
    is_out_of_memory,
)
from tlpy.scenarios.execution import Execution
from tlpy.scenarios.keeper import DivergedError
from tlpy.scenarios.loggers import check_logger
from tlpy.scenarios.material import Opened
from tlpy.scenarios.outputs import write_failed
from tlpy.scenarios.processes import ProcessError, train_in_processes
from tlpy.scenarios.stage import divide_batch, train_stage
from tlpy.store import Store

# The machine's trouble, not the stage's: the task fails as a whole, and its retry goes on from the
# checkpoints.
_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE, errno.EMFILE, errno.ENFILE}


class StageOutOfMemoryError(MemoryError):
    """A stage did not fit into memory; a retry halves its batch on the device."""


class ParentFailedError(RuntimeError):
    """The stage that this one starts from did not finish."""


def train_pack(
    pack: Mapping[str, Any],
    caches: Path,
    subjects: Path,
    parents: Path,
    out: Path,
    checkpoints: Path,
    store: Path | None = None,
    threads: int = 1,
    accelerator: str = "auto",
    attempt: int = 1,
) -> dict[str, str]:
    """Train a pack's stages into `out/<id>/` and keep each finished one in the store at once.

    A stage that the store holds is laid out, not trained. One failed stage fails alone: its folder says why,
    its children fail with it, the others go on.

    Args:
        pack: pack.json; `files` in it says where a user's file of weights lies in the task.
        caches: holds a folder for each PREPARE request.
        subjects: holds `<subjects id>.tsv`.
        parents: holds folders of finished stages by id; may be missing.
        out: where stages go.
        checkpoints: where stages under way are kept for a retry, by id.
        store: the store's folder, if there is one.
        threads: torch's threads.
        accelerator: `auto`, `cpu` or `gpu`.
        attempt: 1, or which retry this is.

    Returns:
        Status (`done`, `failed`) by stage id.

    Raises:
        InputError: a GPU was asked for and there is none; a stage's cache is not among `caches`.
        StageOutOfMemoryError: after which a retry with a smaller batch makes sense.
    """
    execution = Execution.of_pack(pack, choose_accelerator(accelerator), threads)
    check_logger(execution.logger)
    check_devices(execution.accelerator, execution.devices)
    configure(execution.accelerator, threads)
    # Without a store, stages that finish before a task is killed wait for its retry beside the checkpoints.
    waiting = checkpoints / f"{pack['id']}.finished"
    files = pack.get("files", {})
    run = _Run(caches, subjects, parents, out, checkpoints, Store(store or waiting), execution, files)
    attempts = Attempts(checkpoints / f"{pack['id']}.json", attempt)
    out.mkdir(parents=True, exist_ok=True)
    status = {stage["id"]: run.stage(stage, attempts) for stage in pack["stages"]}
    attempts.close()
    shutil.rmtree(waiting, ignore_errors=True)
    return status


class _Run:
    """Where a pack's things lie."""

    def __init__(
        self,
        caches: Path,
        subjects: Path,
        parents: Path,
        out: Path,
        checkpoints: Path,
        store: Store | None,
        execution: Execution,
        files: Mapping[str, str],
    ) -> None:
        self.caches, self.subjects, self.parents, self.out = caches, subjects, parents, out
        self.checkpoints, self.store, self.execution = checkpoints, store, execution
        self.files = files
        self._sources: dict[str, tuple[ImageSource, dict[str, Any]]] = {}

    def stage(self, stage: Mapping[str, Any], attempts: Attempts) -> str:
        """Train one stage, or find it done; its status."""
        folder = self.out / stage["id"]
        if _status(folder) == "done":
            return "done"
        assert self.store is not None  # only a process of a group has none, and it comes in by `train`
        if self.store.has_stage(stage["id"]):
            self.store.fetch("stages", stage["id"], folder)
            return "done"
        for source in stage["sources"]:
            self.source(source["cache"])
        checkpoint = StageCheckpoint(self.checkpoints / stage["id"])
        halvings = attempts.halvings(stage["id"])
        aside = self.out / f".{stage['id']}"
        for left in (aside, folder):
            shutil.rmtree(left, ignore_errors=True)
        try:
            found = self.train(stage, self.start(stage), aside, checkpoint, halvings)
            aside.rename(folder)
            self.store.keep("stages", stage["id"], folder)
        except Exception as error:
            if is_out_of_memory(error) and divide_batch(stage["training"]["batch_size"], halvings)[0] > 1:
                attempts.out_of_memory(stage["id"])
                raise StageOutOfMemoryError(f"stage {stage['name']} ({stage['id']}): {error}") from error
            lost = is_device_lost(error) and attempts.attempt == 1
            if lost or (isinstance(error, OSError) and error.errno in _MACHINE):
                raise
            write_failed(folder, stage, _reason(error), traceback.format_exc())
            print(f"{stage['id']} {stage['name']}: failed: {_reason(error)}", flush=True)
            checkpoint.remove()
            return "failed"
        checkpoint.remove()
        print(f"{stage['id']} {stage['name']}: {_summary(stage, found)}", flush=True)
        return "done"

    def train(
        self,
        stage: Mapping[str, Any],
        start: Path | None,
        folder: Path,
        checkpoint: StageCheckpoint,
        halvings: int,
    ) -> dict[str, Any]:
        """Train the stage into `folder`, here or, on several devices, in processes of its own."""
        if self.execution.devices == 1 or self.execution.in_group:
            opened = [self.open(stage, number) for number in range(len(stage["sources"]))]
            return train_stage(stage, opened, start, folder, self.execution, checkpoint, halvings)
        job = {
            "stage": stage,
            "caches": str(self.caches),
            "subjects": str(self.subjects),
            "checkpoints": str(self.checkpoints),
            "start": str(start) if start else None,
            "folder": str(folder),
            "halvings": halvings,
        }
        return train_in_processes(job, self.execution, folder)

    def open(self, stage: Mapping[str, Any], number: int) -> Opened:
        """One data set of a stage."""
        source = stage["sources"][number]
        images, preprocessing = self.source(source["cache"])
        heads = [head for head in stage["tasks"] if head["label"] in source["labels"]]
        columns = [column for head in heads for column in columns_of(head)]
        table = self.subjects / f"{source['subjects']}.tsv"
        return Opened(images, read_subjects(table, columns, number), preprocessing)

    def source(self, cache: str) -> tuple[ImageSource, dict[str, Any]]:
        """The opened cache and its preprocessing contract."""
        if cache not in self._sources:
            folders = shard_folders(self.caches, cache)
            if not folders:
                raise InputError([Problem("caches", f"no prepared images of cache {cache} in {self.caches}")])
            prepared = PreparedImages.open(folders)
            self._sources[cache] = (ImageSource(prepared), prepared.contract)
        return self._sources[cache]

    def start(self, stage: Mapping[str, Any]) -> Path | None:
        """The weights the stage starts from; None: at random.

        Raises:
            ParentFailedError: the parent did not finish, or is nowhere.
        """
        if not stage["parent"]:
            weights = stage["weights"]
            return Path(self.files.get(weights, weights)) if weights else None
        parent = stage["parent"]
        places = [self.parents / parent, self.out / parent]
        if self.store is not None:
            places.append(self.store.path("stages", parent))
        for place in places:
            if _status(place) == "done":
                return place / "weights.safetensors"
        known = any(_status(place) == "failed" for place in places)
        raise ParentFailedError(f"parent {parent} failed" + ("" if known else ": it left no files"))


def train_share(job: Mapping[str, Any], execution: Execution, scratch: Path) -> None:
    """What one of several processes does of a stage; see `tlpy.scenarios.processes`.

    Args:
        job: as `_Run.train` writes it.
        execution: with this process's rank.
        scratch: where the results of all but the first process go, which nobody reads.
    """
    configure(execution.accelerator, max(1, execution.threads // execution.devices))
    nowhere = scratch / f"rank-{execution.rank}"
    paths = {name: Path(job[name]) for name in ("caches", "subjects", "checkpoints")}
    run = _Run(**paths, parents=nowhere, out=nowhere, store=None, execution=execution, files={})
    stage, folder = job["stage"], Path(job["folder"]) if execution.leads else nowhere
    checkpoint = StageCheckpoint(paths["checkpoints"] / stage["id"])
    run.train(stage, Path(job["start"]) if job["start"] else None, folder, checkpoint, job["halvings"])


def _status(folder: Path) -> str | None:
    """`done` or `failed`, as a stage's metrics.json says; None where there is none."""
    try:
        return str(json.loads((folder / "metrics.json").read_text(encoding="utf-8"))["status"])
    except (OSError, ValueError, KeyError):
        return None


def _summary(stage: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """One line for the task's log; the test part stays out of sight until the ranking."""
    metric = stage["metric"]
    value = METRICS[metric].show(result["metrics"]["val"].get(metric))
    epochs = f"epoch {result['best_epoch']} of {result['epochs_run']}"
    return f"validation {metric} {value} ({epochs}, {result['seconds']['total']:.1f} s)"


def _reason(error: BaseException) -> str:
    """One line for the leaderboard."""
    if isinstance(error, InputError):
        return "; ".join(str(problem) for problem in error.problems)
    lines = str(error).strip().splitlines()
    if isinstance(error, DivergedError | ParentFailedError | ProcessError) and lines:
        return lines[0]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
