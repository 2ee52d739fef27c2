"""Trainings that end without a word, as own parts, and tasks that hold them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scenarios import toys

from tlpy.records import Stage

ROOT = Path(__file__).parents[2]
# Each dies in the third of its epochs; checkpoints are written after every epoch.
OWN_PART = '''
import ctypes, os, signal, time
from tlpy.scenarios import checkpoints
from tlpy.scenarios.sequential import SequentialScenario

checkpoints.StageCheckpoint.due = lambda self: True

class Dies(SequentialScenario):
    """Tells each epoch it trains, and dies in the third, where there is a gate once that is there."""

    def training_step(self, batch, batch_idx):
        if batch_idx == 0:
            with open(os.environ["EPOCHS"], "a") as file:
                file.write(f"{type(self).__name__} {self.current_epoch + 1}\\n")
            if self.current_epoch == 2:
                while "GATE" in os.environ and not os.path.exists(os.environ["GATE"]):
                    time.sleep(0.05)
                self.die()
        return super().training_step(batch, batch_idx)

    def die(self):
        pass

class Segfault(Dies):
    """Reads address 0."""
    def die(self):
        ctypes.string_at(0)

class Exits(Dies):
    """Leaves as if all were well."""
    def die(self):
        os._exit(0)

class Killed(Dies):
    """Is killed, as if memory had run out."""
    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)

class KilledWithItsTask(Dies):
    """So is the process that watches over it."""
    def die(self):
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()

class Greedy(Dies):
    """Takes memory until there is none."""
    def die(self):
        self.taken = []
        while True:
            self.taken.append(bytearray(b"x" * 2**25))

class Asks(Dies):
    """Asks for more memory than there is."""
    def die(self):
        bytearray(2**45)

class DiesOnce(Dies):
    """Dies the first time only."""
    def die(self):
        mark = os.environ["EPOCHS"] + ".once"
        if not os.path.exists(mark):
            open(mark, "w").close()
            ctypes.string_at(0)
'''


def crashing(stage_id: str, how: str, **changes: Any) -> Stage:
    """A stage of four epochs that dies in the third."""
    return toys.stage(stage_id, scenario={"name": f"crash.{how}"}, training__epochs=4, **changes)


class Tasks:
    """Tries of one pack's task, as Nextflow makes them: each in a folder of its own.

    Args:
        folder: where all lies.
        stages: of the pack.
    """

    def __init__(self, folder: Path, stages: Sequence[Stage]) -> None:
        self.folder, self.checkpoints = folder, folder / "checkpoints"
        self.epochs = folder / "epochs.txt"
        (folder / "own").mkdir(parents=True)
        (folder / "own/crash.py").write_text(OWN_PART)
        images, ages = toys.images_and_ages(40, (8, 8))
        toys.write_cache(folder / "caches", images)
        toys.write_subjects(folder / "subjects", ages)
        (folder / "pack.json").write_text(json.dumps(toys.pack(*stages).to_json()))

    def start(self, name: str, attempt: int = 1, **options: Any) -> subprocess.Popen[str]:
        """The process of a try that writes into `<folder>/<name>/stages`."""
        work = self.folder / name
        work.mkdir()
        command = [sys.executable, str(ROOT / "bin/train.py"), "--pack", str(self.folder / "pack.json")]
        for key in ("caches", "subjects", "parents", "checkpoints"):
            command += [f"--{key}", str(self.folder / key)]
        command += ["--out", "stages", "--accelerator", "cpu", "--attempt", str(attempt)]
        own = str(self.folder / "own")
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(ROOT), own]),
            "TLPY_COMPONENTS": own,
            "OMP_NUM_THREADS": "1",
            "EPOCHS": str(self.epochs),
        }
        environment |= options.pop("environment", {})
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, cwd=work, env=environment, **(pipes | options))

    def run(self, name: str, attempt: int = 1, **options: Any) -> tuple[int, str]:
        """A whole try: its exit code, and what it said."""
        process = self.start(name, attempt, **options)
        said, _ = process.communicate(timeout=900)
        return process.returncode, said

    def stage(self, name: str, stage_id: str) -> Path:
        return self.folder / name / "stages" / stage_id

    def reason(self, name: str, stage_id: str) -> str | None:
        """Why a stage failed; None: it did not."""
        found: str | None = toys.read(self.stage(name, stage_id))["reason"]
        return found

    def trained(self) -> list[str]:
        """Each epoch that a crashing stage began, in order: `Segfault 1`."""
        return self.epochs.read_text().splitlines() if self.epochs.exists() else []

    def left(self) -> list[str]:
        """What lies beside the checkpoints."""
        return sorted(path.name for path in self.checkpoints.iterdir())


def undisturbed(folder: Path, *stages: Stage) -> Tasks:
    """The same stages where nothing happens, in the try `whole`."""
    tasks = Tasks(folder, stages)
    calm = (folder / "own/crash.py").read_text().split("class Segfault")[0]
    names = {str(stage.scenario["name"]).removeprefix("crash.") for stage in stages}
    classes = "".join(f"class {name}(Dies):\n    pass\n\n" for name in sorted(names) if name.isidentifier())
    (folder / "own/crash.py").write_text(calm + classes)
    code, said = tasks.run("whole")
    assert code == 0, said
    return tasks


def memory_group(name: str, limit: int) -> Path | None:
    """A control group with a limit of memory, of version 1, where this machine lets one be made."""
    group = Path("/sys/fs/cgroup/memory") / name
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(limit))
    except OSError:
        shutil.rmtree(group, ignore_errors=True)
        return None
    return group
