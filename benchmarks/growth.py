#!/usr/bin/env python3
"""How the cost around the training grows: seconds to plan, to prepare, and until a task starts to work.

. .venv/bin/activate
python benchmarks/growth.py --out growth.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from tlpy.plan.plan_records import PrepareTask, Tasks
from tlpy.simulate import simulate_bids

ROOT = Path(__file__).resolve().parents[1]
CORES = len(os.sched_getaffinity(0))
# A small image: a brain of 24 cubed voxels.
SHAPE, SPACING = (24, 24, 24), 7.5


def script(name: str, cwd: Path, *options: object) -> float:
    """Run bin/NAME.py as a task does, on one thread; wall seconds."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONNOUSERSITE": "1"}
    command = [sys.executable, str(ROOT / "bin" / f"{name}.py"), *map(str, options)]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-1000:]}{done.stderr[-3000:]}"
        )
    return time.perf_counter() - started


def plan(folder: Path, data: Path, variants: int) -> tuple[float, Tasks]:
    """Plan a search of so many variants: seconds and tasks.json."""
    folder.mkdir()
    source = {"reader": "bids", "path": str(data)}
    params = {
        "outdir": "results",
        "datasets": {"age": {**source, "label": "age"}, "sex": {**source, "label": "sex"}},
        "stages": [{"name": "pretrain", "dataset": "age"}, {"name": "finetune", "dataset": "sex"}],
        "architecture": "resnet10",
        "epochs": 1,
        "baseline": False,
        "search": {"space": {"lr": [1e-4 + 1e-6 * step for step in range(variants)]}},
    }
    (folder / "params.json").write_text(json.dumps(params), encoding="utf-8")
    (folder / "data.json").write_text(json.dumps({str(data): str(data)}), encoding="utf-8")
    options = ["--params", "params.json", "--schema", ROOT / "nextflow_schema.json", "--data", "data.json"]
    seconds = script("plan", folder, *options, "--slots", CORES)
    tasks = Tasks.from_json(json.loads((folder / "tasks.json").read_text(encoding="utf-8")))
    if tasks.problems:
        sys.exit("\n".join(tasks.problems))
    return seconds, tasks


def prepare(folder: Path, data: Path, tasks: Tasks) -> float:
    """Prepare all shards, as many beside each other as there are cores; seconds."""

    def one(task: PrepareTask) -> float:
        request = folder / f"{task.id}.json"
        request.write_text(json.dumps(task.request), encoding="utf-8")
        return script("prepare", folder, "--request", request, "--data", data, "--out", f"caches/{task.id}")

    (folder / "caches").mkdir()
    started = time.perf_counter()
    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(one, tasks.prepare))
    return time.perf_counter() - started


def start_up(folder: Path, tasks: Tasks) -> float:
    """Seconds of a training task that are not its stage's: interpreter, imports, end."""
    pack = next(task.pack for task in tasks.packs if not task.parents)
    stage = pack.stages[0]
    alone = replace(pack, stages=(stage,))
    (folder / "pack.json").write_text(json.dumps(alone.to_json()), encoding="utf-8")
    (folder / "parents").mkdir(exist_ok=True)
    inputs = ["--pack", "pack.json", "--caches", "caches", "--subjects", "subjects", "--parents", "parents"]
    out = f"out-{time.perf_counter_ns()}"
    seconds = script(
        "train", folder, *inputs, "--checkpoints", f"{out}/checkpoints", "--out", f"{out}/stages"
    )
    metrics = json.loads((folder / out / "stages" / stage.id / "metrics.json").read_text(encoding="utf-8"))
    if metrics["status"] != "done":
        sys.exit(f"stage {stage.id}: {metrics['reason']}")
    return seconds - metrics["seconds"]["total"]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variants", default="10,100,1000", help="how many to plan (default: %(default)s)")
    parser.add_argument("--images", default="50,500,5000", help="how many to prepare (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="start-ups of a task")
    parser.add_argument("--out", type=Path, help="also write all numbers to this JSON file")
    arguments = parser.parse_args()
    variants, images = ([int(n) for n in text.split(",")] for text in (arguments.variants, arguments.images))
    found: dict[str, Any] = {"cores": CORES, "plan": {}, "prepare": {}, "start_up": []}
    with tempfile.TemporaryDirectory(prefix="tlimb-growth-") as scratch:
        work = Path(scratch)
        for count in images:
            data = simulate_bids(work / f"brains-{count}", subjects=count, shape=SHAPE, spacing=SPACING)
            _, tasks = plan(work / f"prepare-{count}", data, 1)
            seconds = prepare(work / f"prepare-{count}", data, tasks)
            found["prepare"][count] = seconds
            print(
                f"prepare {count:5} images   {seconds:7.2f} s ({1000 * seconds / count:.2f} ms each)",
                flush=True,
            )
            if count == images[0]:
                for variant_count in variants:
                    seconds, _ = plan(work / f"plan-{variant_count}", data, variant_count)
                    found["plan"][variant_count] = seconds
                    print(f"plan    {variant_count:5} variants {seconds:7.2f} s", flush=True)
                for _ in range(arguments.repeats):
                    found["start_up"].append(start_up(work / f"prepare-{count}", tasks))
                    print(f"start-up of a task     {found['start_up'][-1]:7.2f} s", flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
