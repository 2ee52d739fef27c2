"""What stands around the training of each stage of a pack: one owner at a time, and no third death.

A stage under way is leased (`tlpy.supervision.lease`): a twin, as of a run that was resumed while a task of
the killed one trains on, waits for it, and takes over what it finished. A lease that its owner could not give
back tells what a process died with.
"""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from tlpy.records import Stage
from tlpy.scenarios.outputs import write_failed
from tlpy.supervision.deaths import ENOUGH, Deaths, death_with_task, reason_of
from tlpy.supervision.lease import LeaseLost, Leases
from tlpy.supervision.owner import Owner

DEFERRED = "deferred"


class MoreMemoryError(MemoryError):
    """A stage's process was killed once, as happens when memory runs out: a retry of the task has more."""


class Guard:
    """Guards the stages of one pack.

    Args:
        checkpoints: where checkpoints lie, and leases and deaths beside them.
        pack: the pack's id.
        attempt: 1, or which retry of the task this is.
        start: which start of the training process within the task this is, from 1.
    """

    def __init__(self, checkpoints: Path, pack: str, attempt: int, start: int) -> None:
        self._checkpoints, self._attempt, self._start = checkpoints, attempt, start
        self._leases = Leases(checkpoints, attempt)
        self._deaths = Deaths(checkpoints)
        self._pack = pack
        self._deferred: set[str] = set()

    @contextlib.contextmanager
    def present(self, stages: list[str]) -> Iterator[None]:
        """Within it, other tasks of the same pack keep for this one what they have finished."""
        if self._is_new:
            # What a stage died of in another run says nothing about this one: it may have more memory.
            for stage in stages:
                if not self._leases.is_held(stage):
                    self._deaths.forget(stage)
        with self._leases.hold(f"{self._pack}.{uuid.uuid4().hex}"):
            yield

    def is_last(self) -> bool:
        """Whether no other task of this pack is at work; ask once this one is."""
        last = True
        for path in self._checkpoints.glob(f"{self._pack}.*.lease"):
            if self._leases.is_held(path.name.removesuffix(".lease")):
                last = False
            else:
                path.unlink(missing_ok=True)
        return last

    def run(self, stage: Stage, folder: Path, is_done: Callable[[], bool], train: Callable[[], str]) -> str:
        """Train a stage, alone, unless it has died too often; its status.

        Args:
            stage: the record.
            folder: where its files go.
            is_done: whether it needs no training: asked once nobody else trains it.
            train: trains it, or lays it out where it is done; gives its status.
        """
        while True:
            try:
                with self._leases.hold(stage.id) as before:
                    self._count(stage, before)
                    return (None if is_done() else self._doomed(stage, folder)) or train()
            except LeaseLost:
                print(f"{stage.id} {stage.name}: this process did nothing for too long", flush=True)

    def close(self, stages: list[str]) -> None:
        """The pack is done: forget what its stages died of.

        Raises:
            MoreMemoryError: some wait for a retry of the task.
        """
        if self._deferred:
            raise MoreMemoryError(
                f"{', '.join(sorted(self._deferred))}: killed once, and tried again by the task's retry"
            )
        for stage in stages:
            self._deaths.forget(stage)

    @property
    def _is_new(self) -> bool:
        return self._attempt == self._start == 1

    def _count(self, stage: Stage, before: Owner | None) -> None:
        """A lease that was left behind is a death, where it is one of an earlier try of this very task."""
        if before is not None and not self._is_new and before.run == Owner.here().run:
            self._deaths.add(stage.id, death_with_task(before.limit, before.attempt))

    def _doomed(self, stage: Stage, folder: Path) -> str | None:
        """The status of a stage that is not to be tried, here or at all; None of any other."""
        deaths = self._deaths.of(stage.id)
        if len(deaths) >= ENOUGH:
            return self._fail(stage, folder, reason_of(deaths))
        # Killed in the first try of the task, whose retry has more memory: the others go on before.
        once = bool(deaths) and deaths[-1].memory and deaths[-1].attempt == self._attempt == 1
        if once or stage.parent in self._deferred:
            self._deferred.add(stage.id)
            return DEFERRED
        return None

    def _fail(self, stage: Stage, folder: Path, reason: str) -> str:
        shutil.rmtree(folder, ignore_errors=True)
        write_failed(folder, stage, reason)
        print(f"{stage.id} {stage.name}: failed: {reason}", flush=True)
        shutil.rmtree(self._checkpoints / stage.id, ignore_errors=True)
        return "failed"
