#!/usr/bin/env python3
"""What a step of each way of transfer costs, over a step of `full`: time, and memory at its peak.

Each way trains in a process of its own, by the pipeline's own loop, on images at random: the numbers do
not depend on what is learnt. Time is that of the steps alone, the median of all but the first ones; on a CPU
it is the processor's, in one thread, so that a busy machine does not count. Memory is what the process (on a
GPU: torch) took at most while training, over what it held before the first step. Ways take turns.

    python benchmarks/ways_of_transfer.py --out ways.json
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

WAYS: dict[str, Any] = {
    "full": {"name": "full"},
    "head": {"name": "head"},
    "discriminative": {"name": "discriminative"},
    "gradual": {"name": "gradual"},
    "autolr": {"name": "autolr"},
    "metalr": {"name": "metalr"},
    "metalr (released)": {"name": "metalr", "variant": "released"},
    "lora": {"name": "lora"},
}
SEX = ("sex", "binary", ("F", "M"))
# Steps that warm up caches and memory.
_WARM = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ways", default=",".join(WAYS), help="of those in WAYS")
    parser.add_argument("--architecture", default="resnet18")
    parser.add_argument("--size", type=int, nargs="+", default=[48, 48])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--optimizer", default="adam")
    parser.add_argument("--rounds", type=int, default=3, help="trainings of each way")
    parser.add_argument("--steps", type=int, default=6, help="an epoch")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", help="measure this way in this process, and print it as JSON")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(WAYS[given.one], given)))
        return
    names = [name for name in WAYS if name in ["full", *(part.strip() for part in given.ways.split(","))]]
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(given.rounds):
        for name in names:
            done = subprocess.run(
                [sys.executable, *sys.argv, "--one", name], capture_output=True, text=True, check=True
            )
            found[name].append(json.loads(done.stdout.splitlines()[-1]))
    rows: dict[str, dict[str, float]] = {}
    for name, some in found.items():
        rows[name] = {key: statistics.median(one[key] for one in some) for key in some[0]}
    for name, row in rows.items():
        seconds, memory = (row[key] / rows["full"][key] for key in ("seconds", "memory"))
        took = f"{1000 * row['seconds']:8.1f} ms  ×{seconds:.2f}"
        print(f"{name:18} {took}   {row['memory']:8.0f} MB  ×{memory:.2f}")
    if given.out:
        setting = {key: str(value) for key, value in vars(given).items()}
        given.out.write_text(json.dumps({"setting": setting, "ways": rows}, indent=1))


def measure(way: dict[str, Any], given: argparse.Namespace) -> dict[str, float]:
    """Seconds of a step, and MB that training took."""
    import numpy as np
    import torch

    from tlpy.data.subjects import SubjectRow
    from tlpy.records import Head

    torch.set_num_threads(1)
    gpu = torch.cuda.is_available()
    count = given.batch * given.steps * 5 // 4
    labels = ["FM"[number % 2] for number in range(count + 8)]
    rows = [
        SubjectRow(f"i{n}", f"i{n}", f"i{n}", "", "train" if n < count else "val", {"sex": sex})
        for n, sex in enumerate(labels)
    ]
    images = np.random.default_rng(0).normal(size=(len(rows), 1, *given.size)).astype(np.float32)
    with TemporaryDirectory() as folder:
        watch = Watch(gpu)
        with watch.watching():
            run(way, images, rows, Head(*SEX), given, Path(folder))
    return {"seconds": statistics.median(watch.steps[_WARM:]), "memory": watch.memory}


class Watch:
    """The time of each step, and what training took at most over what was held before."""

    def __init__(self, gpu: bool) -> None:
        self.gpu, self.steps, self.memory = gpu, [], 0.0

    def watching(self) -> Any:
        """Within, each step of a scenario is timed, from its batch to the end of the optimizer's step."""
        from contextlib import contextmanager

        from tlpy.scenarios.sequential import SequentialScenario

        began, before = [0.0], [0.0]
        start, step = SequentialScenario.on_train_batch_start, SequentialScenario.optimizer_step

        def starting(scenario: Any, *arguments: Any) -> Any:
            if not self.steps and not before[0]:
                before[0] = self._held()
            self._wait()
            began[0] = self._now()
            return start(scenario, *arguments)

        def stepping(scenario: Any, *arguments: Any, **options: Any) -> Any:
            found = step(scenario, *arguments, **options)
            self._wait()
            self.steps.append(self._now() - began[0])
            return found

        @contextmanager
        def patched() -> Any:
            SequentialScenario.on_train_batch_start = starting  # type: ignore[method-assign]
            SequentialScenario.optimizer_step = stepping  # type: ignore[method-assign]
            try:
                yield
            finally:
                SequentialScenario.on_train_batch_start = start  # type: ignore[method-assign]
                SequentialScenario.optimizer_step = step  # type: ignore[method-assign]
            self.memory = self._peak() - before[0]

        return patched()

    def _now(self) -> float:
        return time.perf_counter() if self.gpu else time.process_time()

    def _wait(self) -> None:
        if self.gpu:
            import torch

            torch.cuda.synchronize()

    def _held(self) -> float:
        """MB held now; on a CPU what was held at most so far."""
        import torch

        return torch.cuda.memory_allocated() / 2**20 if self.gpu else self._peak()

    def _peak(self) -> float:
        import torch

        if self.gpu:
            return torch.cuda.max_memory_allocated() / 2**20
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(way: Any, images: Any, rows: Any, head: Any, given: argparse.Namespace, folder: Path) -> None:
    """Two epochs by the pipeline's own `train_stage`."""
    import torch

    from tlpy.data.dataset import ImageSource
    from tlpy.objectives.complete import complete_objective
    from tlpy.optimizers.registry import complete_optimizer, complete_schedule
    from tlpy.records import Input, Source, Stage, Training
    from tlpy.scenarios.execution import Execution
    from tlpy.scenarios.material import Opened
    from tlpy.scenarios.stage import train_stage
    from tlpy.transfer.registry import complete_transfer

    stage = Stage(
        id="s", name="finetune", role="finetune", depth=0, parent=None,
        sources=(Source("d", "c", "s", ("sex",), labelled=True),),
        heads=(head,),
        scenario={"name": "sequential"},
        architecture={"name": given.architecture},
        input=Input(1, tuple(given.size)),
        transfer=complete_transfer(way, "transfer"),
        weights=None,
        objective=complete_objective(None, (head,), "objective", False),
        training=Training(
            epochs=2, lr=1e-3, batch_size=given.batch, accumulate=1,
            optimizer=complete_optimizer(given.optimizer, "optimizer"),
            schedule=complete_schedule(None, "schedule"),
            early_stopping=None, gradient_clip=None, sampling="shuffle", augmentation=None,
            datamodule={"name": "base"}, precision="32", keep="last", threads=1, adabn=False,
        ),
        seed=0, fold=None, metric="auroc", cost=0.0, stored=False,
    )  # fmt: skip
    source: Any = Prepared(images, [row.image for row in rows])
    opened = [Opened(ImageSource(source), rows, {})]
    accelerator = "gpu" if torch.cuda.is_available() else "cpu"
    train_stage(stage, opened, None, folder, Execution(accelerator))


class Prepared:
    """Images in memory, as an opened cache has them."""

    def __init__(self, images: Any, ids: list[str]) -> None:
        self.images, self.ids = images, ids
        self.channels, self.size = images.shape[1], images.shape[2:]
        self._row = {name: row for row, name in enumerate(ids)}

    def gather(self, names: list[str]) -> Any:
        return self.images[[self._row[name] for name in names]]


if __name__ == "__main__":
    main()
