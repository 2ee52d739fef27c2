#!/usr/bin/env python3
"""How far it scales: variants end to end, subjects, a full store, RANK by test cases, one large image.

. .venv/bin/activate
python benchmarks/scale.py --out scale.json                            # half an hour on a quiet machine
python benchmarks/scale.py --parts subjects,store --subjects 200,2000  # a quick look

CPU seconds (user and system) are told beside wall seconds: they depend less on what else the machine does.
Peak memory is the kernel's (resident, files that are mapped included), and beside it what no file stands
behind, sampled.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from tlpy.files import read_json, write_json
from tlpy.plan.plan_records import Plan, Tasks

ROOT = Path(__file__).resolve().parents[1]
MB = 2**20
SMALL = (8, 8, 8)
LARGE = (160, 192, 160)
Found = dict[str, float]


def measured(command: list[str], cwd: Path, log: str) -> Found:
    """Run a command; its CPU and wall seconds and its peak memory in MB, without those of its children."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONNOUSERSITE": "1"}
    started = time.perf_counter()
    with (cwd / f"{log}.log").open("w") as out:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=out, stderr=out)
        found: Found = {}
        sampler = threading.Thread(target=_sample, args=(process, found))
        sampler.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    sampler.join()
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}: see {cwd / log}.log")
    cpu = usage.ru_utime + usage.ru_stime
    return {"cpu_s": round(cpu, 2), "wall_s": round(seconds, 2), **found}


def _sample(process: subprocess.Popen[bytes], found: Found) -> None:
    status = Path(f"/proc/{process.pid}/status")
    wanted = {"VmHWM": "peak_mb", "RssAnon": "anonymous_mb"}
    while process.returncode is None:
        try:
            lines = [line.split() for line in status.read_text().splitlines()]
        except OSError:
            return
        for line in lines:
            name = wanted.get(line[0].rstrip(":"))
            if name:
                found[name] = max(found.get(name, 0.0), round(int(line[1]) / 1024, 1))
        time.sleep(0.02)


def script(name: str, cwd: Path, *options: object) -> Found:
    """Run bin/NAME.py as a task does."""
    return measured([sys.executable, str(ROOT / "bin" / f"{name}.py"), *map(str, options)], cwd, name)


def tell(what: str, found: Found) -> Found:
    said = ", ".join(f"{name} {value:,}" for name, value in found.items())
    print(f"{what:46} {said}", flush=True)
    return found


def plan(folder: Path, params: dict[str, Any], *more: object) -> Found:
    """Plan in a folder; what it took. Ends the benchmark where the plan has problems."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {spec["path"] for spec in params["datasets"].values()}
    write_json(folder / "params.json", params)
    write_json(folder / "data.json", {path: path for path in paths})
    options = ["--params", "params.json", "--schema", ROOT / "nextflow_schema.json", "--data", "data.json"]
    found = script("plan", folder, *options, "--slots", 2, *more)
    tasks = read_json(folder / "tasks.json")
    if tasks["problems"]:
        sys.exit("\n".join(tasks["problems"]))
    return found


def people(folder: Path, count: int) -> Path:
    """A table of vectors: 16 features that tell something of age and sex."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    features = generator.normal(size=(count, 16))
    age = 50 + 8 * features[:, 0] + 4 * generator.normal(size=count)
    sex = np.where(features[:, 1] + generator.normal(size=count) > 0, "M", "F")
    rows = [
        f"p{number:06},{age[number]:.2f},{sex[number]}," + ",".join(f"{value:.4f}" for value in row)
        for number, row in enumerate(features)
    ]
    header = "subject,age,sex," + ",".join(f"f{n}" for n in range(16))
    (folder / "people.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder / "people.csv"


def search(data: Path, variants: int) -> dict[str, Any]:
    """A chain of two stages of a perceptron for one epoch; so many variants, and baselines from scratch."""
    first = max(1, int(variants**0.5 / 3))
    source = {"reader": {"name": "vectors", "without": ["age", "sex"]}, "path": str(data)}
    space = {
        "pretrain.lr": [1e-3 * (1 + step) for step in range(first)],
        "finetune.lr": [round(1e-4 * (1 + step), 6) for step in range(max(1, variants // first))],
    }
    return {
        "outdir": "results",
        "datasets": {"age": {**source, "label": "age"}, "sex": {**source, "label": "sex"}},
        "architecture": "mlp",
        "epochs": 1,
        "stages": [{"name": "pretrain", "dataset": "age"}, {"name": "finetune", "dataset": "sex"}],
        "search": {"space": space},
    }


def end_to_end(work: Path, variants: int) -> dict[str, Any]:
    """A whole run through Nextflow: its head, each task by the trace, the report, files left."""
    work.mkdir(parents=True)
    write_json(work / "params.json", search(people(work, 200), variants))
    command = [
        "nextflow",
        "run",
        str(ROOT),
        "-params-file",
        "params.json",
        "-w",
        "work",
        "-ansi-log",
        "false",
    ]
    found: dict[str, Any] = {
        "head": tell(f"{variants} variants: run and head", measured(command, work, "run"))
    }
    (trace,) = (work / "results" / "pipeline_info").glob("execution_trace*.txt")
    lines = [line.split("\t") for line in trace.read_text().splitlines()]
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    found["tasks"] = {row["name"]: f"{row['realtime']}, {row['%cpu']}, {row['peak_rss']}" for row in rows}
    for name, said in found["tasks"].items():
        print(f"  {name:44} {said}")
    report = work / "results" / "multiqc" / "multiqc_report.html"
    found["report_mb"] = round(report.stat().st_size / MB, 2)
    found["files"] = {name: sum(1 for _ in (work / name).rglob("*")) for name in ("work", "results")}
    print(f"  report {found['report_mb']} MB, files {found['files']}", flush=True)
    return found


def images(folder: Path, count: int, shape: tuple[int, ...]) -> Path:
    """BIDS of images of noise, each its own, one a subject."""
    generator = np.random.default_rng(0)
    rows = ["participant_id\tage\tsex"]
    for number in range(count):
        name = f"sub-{number:06}"
        (folder / name / "anat").mkdir(parents=True)
        noise = generator.integers(1, 1000, size=shape, dtype=np.int16)
        nib.save(
            nib.Nifti1Image(noise, np.diag([1.0, 1, 1, 1])), folder / name / "anat" / f"{name}_T1w.nii.gz"
        )
        rows.append(f"{name}\t{generator.uniform(45, 80):.1f}\t{'MF'[number % 2]}")
    (folder / "participants.tsv").write_text("\n".join(rows) + "\n")
    described = {"Name": "noise", "BIDSVersion": "1.8.0"}
    write_json(folder / "dataset_description.json", described)
    return folder


def subjects(work: Path, count: int) -> dict[str, Any]:
    """PLAN, one shard of PREPARE (of as many as PLAN wants), and a stage of one epoch."""
    data = images(work / "brains", count, SMALL)
    params = {
        "outdir": "results",
        "datasets": {"brains": {"reader": "bids", "path": str(data), "label": "age"}},
        "architecture": {"name": "sfcn", "filters": [4, 8]},
        "epochs": 1,
        "batch_size": 64,
        "stages": [{"name": "train", "dataset": "brains"}],
    }
    found: dict[str, Any] = {"plan": tell(f"{count} subjects: PLAN", plan(work, params))}
    tasks = Tasks.from_json(read_json(work / "tasks.json"))
    (work / "caches").mkdir()
    shards = []
    for task in tasks.prepare:
        write_json(work / "request.json", task.request)
        options = ["--request", "request.json", "--data", data, "--out", f"caches/{task.id}"]
        shards.append(script("prepare", work, *options))
    totals = {name: round(sum(shard[name] for shard in shards), 2) for name in ("cpu_s", "wall_s")}
    peaks = {name: max(shard[name] for shard in shards) for name in ("peak_mb", "anonymous_mb")}
    found["prepare"] = tell(f"{count} subjects: PREPARE", {"shards": len(shards), **totals, **peaks})
    found["train"] = tell(f"{count} subjects: TRAIN, one epoch", train(work, tasks))
    size = sum(file.stat().st_size for file in (work / "caches").rglob("*") if file.is_file())
    tables = sum(file.stat().st_size for file in (work / "subjects").iterdir())
    found["bytes"] = {"cache": size // count, "tables": tables // count}
    found["bytes"]["tasks.json"] = (work / "tasks.json").stat().st_size // count
    tell(f"{count} subjects: bytes a subject", found["bytes"])
    return found


def train(work: Path, tasks: Tasks) -> Found:
    """A training task of one stage."""
    pack = next(task.pack for task in tasks.packs if not task.parents)
    write_json(work / "pack.json", replace(pack, stages=pack.stages[:1]).to_json())
    (work / "parents").mkdir(exist_ok=True)
    inputs = ["--pack", "pack.json", "--caches", "caches", "--subjects", "subjects", "--parents", "parents"]
    return script("train", work, *inputs, "--checkpoints", "checkpoints", "--out", "stages")


def full_store(work: Path, entries: int) -> dict[str, Any]:
    """Plans beside a store of so many stages: none of the plan's own, and all of them."""
    found: dict[str, Any] = {}
    data = people(work, 200)
    for name, variants in (("small", 36), ("large", entries * 1000 // 1210)):
        params, folder = search(data, variants), work / name
        found[f"{name}_without"] = tell(f"plan of {variants} variants, no store", plan(folder, params))
        store = work / f"store-{name}"
        stages = sorted(read_json(folder / "plan.json")["stages"])
        others = [f"{number:016x}" for number in range(entries - len(stages))]
        for id_ in [*stages, *others]:
            entry = store / "stages" / id_
            entry.mkdir(parents=True)
            write_json(entry / "metrics.json", {"id": id_, "status": "done", "metrics": {}})
            (entry / "weights.safetensors").write_bytes(bytes(64))
        for kind in ("cache", "checkpoints", "plain"):
            (store / kind).mkdir()
        what = f"the same, {entries} in the store, {len(stages)} its own"
        found[f"{name}_with"] = tell(what, plan(folder, params, "--store", store))
    return found


def rank(work: Path, variants: int, cases: int) -> dict[str, Any]:
    """RANK of made-up predictions: so many variants, each with so many cases to validate and to test on."""
    plan(work, search(people(work, 200), variants))
    record = Plan.from_json(read_json(work / "plan.json"))
    generator = np.random.default_rng(0)
    true = generator.integers(0, 2, size=2 * cases)
    for id_, stage in record.stages.items():
        folder = work / "stages" / id_
        folder.mkdir(parents=True)
        metrics = {"id": id_, "status": "done", "seconds": {"total": 1.0}, "parameters": {"trainable": 10}}
        scores = {"auroc": 0.7 + 0.01 * generator.random()}
        metrics["metrics"] = {"train": scores, "val": scores, "test": {}}
        write_json(folder / "metrics.json", metrics)
        if stage.metric != "auroc":
            continue
        score = 1 / (1 + np.exp(-(true + generator.normal(size=2 * cases))))
        rows = ["image,subject,group,split,label,true,prediction,p:F,p:M"]
        for number in range(2 * cases):
            id_of, part = f"p{number:06}", "val" if number < cases else "test"
            named, p = "FM"[true[number]], score[number]
            rows.append(
                f"{id_of},{id_of},{id_of},{part},sex,{named},{'FM'[int(p > 0.5)]},{1 - p:.5f},{p:.5f}"
            )
        (folder / "predictions.csv").write_text("\n".join(rows) + "\n")
    options = ["--plan", "plan.json", "--covariates", "covariates", "--stages", "stages", "--out", "ranking"]
    return {"rank": tell(f"RANK, {variants} variants, {cases} test cases", script("rank", work, *options))}


def large_images(work: Path, count: int) -> dict[str, Any]:
    """PREPARE of images of the size of UK Biobank's."""
    data = images(work / "brains", count, LARGE)
    params = {
        "outdir": "results",
        "datasets": {"brains": {"reader": "bids", "path": str(data), "label": "age"}},
        "architecture": "sfcn",
        "stages": [{"name": "train", "dataset": "brains"}],
    }
    plan(work, params)
    tasks = Tasks.from_json(read_json(work / "tasks.json"))
    found = []
    for task in tasks.prepare:
        write_json(work / "request.json", task.request)
        options = ["--request", "request.json", "--data", data, "--out", f"caches/{task.id}"]
        found.append(script("prepare", work, *options))
    each = {"cpu_s_each": round(sum(one["cpu_s"] for one in found) / count, 2)}
    peaks = {name: max(one[name] for one in found) for name in ("peak_mb", "anonymous_mb")}
    size = sum(file.stat().st_size for file in (work / "caches").rglob("*.npy")) / count / MB
    said = {"shards": len(found), **each, **peaks, "cache_mb_each": round(size, 1)}
    return {"prepare": tell(f"{count} images of 160 x 192 x 160: PREPARE", said)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = "variants,subjects,store,rank,large"
    parser.add_argument("--parts", default=parts, help="which to measure (default: %(default)s)")
    parser.add_argument("--variants", default="1000", help="of the runs end to end (default: %(default)s)")
    parser.add_argument("--subjects", default="2000,20000", help="how many (default: %(default)s)")
    parser.add_argument("--entries", type=int, default=10000, help="of the store (default: %(default)s)")
    parser.add_argument("--rank", default="100x200,100x5000,400x200", help="variants x test cases")
    parser.add_argument("--large", type=int, default=8, help="large images (default: %(default)s)")
    parser.add_argument("--work", type=Path, help="keep everything below this folder")
    parser.add_argument("--out", type=Path, help="also write all numbers to this JSON file")
    said = parser.parse_args()
    wanted = said.parts.split(",")
    with tempfile.TemporaryDirectory(prefix="tlimb-scale-") as scratch:
        work = said.work or Path(scratch)
        found: dict[str, Any] = {"load": os.getloadavg(), "cores": len(os.sched_getaffinity(0))}
        for count in map(int, said.variants.split(",")) if "variants" in wanted else ():
            found[f"variants {count}"] = end_to_end(work / f"variants-{count}", count)
        for count in map(int, said.subjects.split(",")) if "subjects" in wanted else ():
            found[f"subjects {count}"] = subjects(work / f"subjects-{count}", count)
        if "store" in wanted:
            found["store"] = full_store(work / "store", said.entries)
        for pair in said.rank.split(",") if "rank" in wanted else ():
            variants, cases = map(int, pair.split("x"))
            found[f"rank {pair}"] = rank(work / f"rank-{pair}", variants, cases)
        if "large" in wanted:
            found["large"] = large_images(work / "large", said.large)
    found["load at the end"] = os.getloadavg()
    print(f"load {found['load']} to {found['load at the end']} on {found['cores']} cores")
    if said.out:
        write_json(said.out, found)


if __name__ == "__main__":
    main()
