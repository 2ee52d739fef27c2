#!/usr/bin/env python3
"""One TLIMB search three ways, in one call: how long each takes, and that they score alike.

(a) sequential.py: a hand-written Lightning script, one variant after the other, reading NIfTI, fp32;
(b) this pipeline: fresh work folder, no store;
(c) bare.py: the bare loops of the distinct stages, data in memory, one thread on each core.

    . .venv/bin/activate
    python benchmarks/search.py --subjects 230 --seeds 3 --out benchmark.json
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from setting import Setting, simulate

from tlpy.plan.plan_records import Plan

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
WAYS = {"a": "sequential script", "b": "this pipeline", "c": "bare loops"}
Result = dict[str, Any]


def call(command: list[str], log: Path, cwd: Path, threads: int | None = None) -> float:
    """Run a command, its output into `log`; wall seconds. Stops with the log's end where it fails."""
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    started = time.perf_counter()
    with log.open("w", encoding="utf-8") as out:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=environment,
            check=False,
        )
    seconds = time.perf_counter() - started
    if done.returncode:
        end = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-25:])
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{end}")
    return seconds


def sequential(setting: Setting, work: Path) -> Result:
    """Way (a): the whole script's wall time, on as many threads as there are cores."""
    setting.write(work / "setting.json")
    script = [sys.executable, str(HERE / "sequential.py"), "setting.json", "result.json"]
    seconds = call(script, work / "log.txt", work, threads=len(os.sched_getaffinity(0)))
    return {"seconds": seconds, **json.loads((work / "result.json").read_text(encoding="utf-8"))}


def bare(setting: Setting, work: Path) -> Result:
    """Way (c): the loops alone; `wall` has the start-up too."""
    setting.write(work / "setting.json")
    script = [sys.executable, str(HERE / "bare.py"), "setting.json", "result.json"]
    wall = call(script, work / "log.txt", work)
    return {"wall": wall, **json.loads((work / "result.json").read_text(encoding="utf-8"))}


def pipeline(setting: Setting, work: Path) -> Result:
    """Way (b): `nextflow run` from its start to its report."""
    out = work / "results"
    (work / "params.json").write_text(json.dumps(setting.params(out)), encoding="utf-8")
    command = ["nextflow", "run", str(ROOT), "-params-file", "params.json", "-work-dir", str(work / "work")]
    seconds = call(command, work / "log.txt", work)
    plan = Plan.from_json(json.loads((out / "plan" / "plan.json").read_text(encoding="utf-8")))
    scores = {}
    for variant in plan.variants:
        last = variant.replicates[0].stages[-1]
        found = json.loads((out / "stages" / last / "metrics.json").read_text(encoding="utf-8"))
        if found["status"] != "done":
            sys.exit(f"variant {variant.label} failed: {found['reason']}")
        settings = variant.settings
        name = "{} lr={:g} penalty={:g}".format(
            settings["architecture"], settings["lr"], settings["finetune.objective.elastic_penalty"] or 0
        )
        scores[name] = {part: found["metrics"][part]["auroc"] for part in ("val", "test")}
    assert set(scores) == {wanted.name for wanted in setting.variants}
    return {"seconds": seconds, "scores": scores, "sharing": plan.sharing.to_json(), "tasks": trace(out)}


def trace(out: Path) -> list[dict[str, str]]:
    """Name, seconds and peak memory of each task, from Nextflow's trace."""
    files = sorted((out / "pipeline_info").glob("execution_trace*.txt"))
    if not files:
        return []
    lines = [line.split("\t") for line in files[-1].read_text(encoding="utf-8").splitlines()]
    rows = [dict(zip(lines[0], line, strict=False)) for line in lines[1:]]
    return [
        {key: row[key] for key in ("name", "duration", "realtime", "%cpu", "peak_rss") if key in row}
        for row in rows
    ]


RUN: dict[str, Callable[[Setting, Path], Result]] = {"a": sequential, "b": pipeline, "c": bare}


def mean_sd(values: list[float]) -> tuple[float, float]:
    """Mean, and standard deviation (NaN for one value)."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return math.nan, math.nan
    return statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else math.nan


def show(results: dict[str, list[Result]]) -> dict[str, Any]:
    """Print times, ratios and scores; what was printed, as numbers."""
    seconds = {way: statistics.fmean(r["seconds"] for r in runs) for way, runs in results.items()}
    print("\nseconds a search (mean over seeds)")
    for way, runs in results.items():
        each = ", ".join(f"{run['seconds']:.1f}" for run in runs)
        print(f"  ({way}) {WAYS[way]:18} {seconds[way]:8.1f}   [{each}]")
    pairs = [(x, y) for x, y in (("a", "b"), ("b", "c"), ("a", "c")) if {x, y} <= set(seconds)]
    ratios = {f"{x}/{y}": seconds[x] / seconds[y] for x, y in pairs}
    for pair, ratio in ratios.items():
        print(f"  ({pair[0]})/({pair[2]}) = {ratio:.2f}")

    print("\ntest AUROC, mean ± sd over seeds")
    ways = list(results)
    print(f"  {'':34}" + "".join(f"{'(' + way + ')':>16}" for way in ways))
    scores: dict[str, dict[str, tuple[float, float]]] = {}
    for name in next(iter(results.values()))[0]["scores"]:
        scores[name] = {way: mean_sd([run["scores"][name]["test"] for run in results[way]]) for way in ways}
    overall = {
        way: mean_sd([statistics.fmean(s["test"] for s in run["scores"].values()) for run in results[way]])
        for way in ways
    }
    for name, row in {**scores, "mean of all variants": overall}.items():
        print(f"  {name:34}" + "".join(f"{row[way][0]:9.3f} ±{row[way][1]:5.3f}" for way in ways))
    for first, second in pairs:
        gap = overall[first][0] - overall[second][0]
        spread = math.hypot(overall[first][1], overall[second][1])
        print(f"  ({first}) - ({second}): {gap:+.3f}, spread over seeds {spread:.3f}")
    return {"seconds": seconds, "ratios": ratios, "test_auroc": scores, "mean_test_auroc": overall}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--ways", default="a,b,c", help="which of a, b, c, in this order (default: %(default)s)"
    )
    parser.add_argument(
        "--subjects", type=int, default=230, help="simulated brains, 70%% of them to train on"
    )
    parser.add_argument("--pretrain-epochs", type=int, default=10)
    parser.add_argument("--finetune-epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--architectures", default="resnet18,vit")
    parser.add_argument("--lrs", default="0.0001,0.001,0.01")
    parser.add_argument(
        "--precision", default="32", choices=["32", "bf16-mixed"], help="of (b) and (c); (a) is fp32"
    )
    parser.add_argument("--seeds", type=int, default=1, help="repeat all with seeds 0, 1, …")
    parser.add_argument("--data", type=Path, help="keep the simulated brains here (default: thrown away)")
    parser.add_argument("--work", type=Path, help="keep logs and results here (default: thrown away)")
    parser.add_argument("--out", type=Path, help="also write all numbers to this JSON file")
    arguments = parser.parse_args()
    ways = arguments.ways.split(",")
    if unknown := [way for way in ways if way not in WAYS]:
        parser.error(f"--ways: {', '.join(unknown)}; expected some of {', '.join(WAYS)}")
    if "b" in ways and not shutil.which("nextflow"):
        parser.error("no nextflow on PATH: make setup, then . .venv/bin/activate")

    with tempfile.TemporaryDirectory(prefix="tlimb-benchmark-") as scratch:
        work = (arguments.work or Path(scratch)).resolve()
        data = simulate((arguments.data or work / "brains").resolve(), arguments.subjects)
        results: dict[str, list[Result]] = {way: [] for way in ways}
        for seed in range(arguments.seeds):
            setting = Setting(
                data=str(data),
                pretrain_epochs=arguments.pretrain_epochs,
                finetune_epochs=arguments.finetune_epochs,
                batch_size=arguments.batch_size,
                architectures=arguments.architectures.split(","),
                lrs=[float(lr) for lr in arguments.lrs.split(",")],
                precision=arguments.precision,
                seed=seed,
            )
            for way in ways:
                folder = work / f"{way}-{seed}"
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                results[way].append(RUN[way](setting, folder))
                print(f"seed {seed} ({way}) {WAYS[way]}: {results[way][-1]['seconds']:.1f} s", flush=True)
        summary = show(results)
    if arguments.out:
        machine = {"cores": len(os.sched_getaffinity(0)), "platform": platform.platform()}
        options = {key: str(value) for key, value in vars(arguments).items() if value is not None}
        content = {"machine": machine, "options": options, **summary, "runs": results}
        arguments.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
