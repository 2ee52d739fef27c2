"""What PLAN writes: `plan.json` and `variants.tsv` for people and RANK, `tasks.json` for Nextflow."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any

import tlpy
from tlpy.digests import canonical
from tlpy.errors import Problem
from tlpy.plan.data.catalogue import DataSet
from tlpy.plan.data.filters import in_words
from tlpy.plan.packs import caches_of
from tlpy.plan.planner import Plan

FORMAT = 1


def write_plan(plan: Plan, out: Path) -> None:
    """Write all files of a plan below `out`."""
    out.mkdir(parents=True, exist_ok=True)
    _write_json(out / "plan.json", plan_document(plan))
    _write_json(out / "tasks.json", task_document(plan))
    _write_variants(plan, out / "variants.tsv")
    (out / "subjects").mkdir(exist_ok=True)
    for key, table in plan.subjects.items():
        table.write(out / "subjects" / f"{key}.tsv")


def write_problems(problems: Iterable[Problem], out: Path) -> None:
    """Write the files of a plan that could not be made: the workflow stops with all of `problems`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "subjects").mkdir(exist_ok=True)
    told = [str(problem) for problem in problems]
    _write_json(out / "plan.json", {"format": FORMAT, "problems": told})
    _write_json(
        out / "tasks.json",
        {
            "problems": told,
            "summary": [],
            "prepare": [],
            "packs": [],
            "stored_stages": [],
            "stored_prepared": [],
        },
    )
    (out / "variants.tsv").write_text("variant\n")


def plan_document(plan: Plan) -> dict[str, Any]:
    """The content of `plan.json`."""
    return {
        "format": FORMAT,
        "tlpy": {"version": tlpy.__version__, "digest": plan.code},
        "components": plan.components,
        "seed": plan.seed,
        "params": plan.params,
        "metric": plan.metric,
        "datasets": {name: _dataset(name, data, plan) for name, data in plan.datasets.items()},
        "caches": {
            key: {
                "datasets": [name for name, data in plan.datasets.items() if data.cache.id == key],
                **{k: v for k, v in cache.request.items() if k != "cache"},
                "images": cache.images,
                "shards": cache.shards,
                "stored": key in plan.stored_caches,
            }
            for key, cache in plan.caches.items()
        },
        "stages": plan.stages,
        "variants": [variant.record(plan.stages) for variant in plan.variants],
        "packs": plan.packs,
        "sharing": sharing(plan),
        "inferred": inferred(plan),
        "normalised": plan.normalised,
        "warnings": plan.warnings,
    }


def sharing(plan: Plan) -> dict[str, int]:
    """How many stage runs and epochs sharing and the store saved."""
    epochs = {key: record["training"]["epochs"] for key, record in plan.stages.items()}
    to_train = [key for key, record in plan.stages.items() if not record["stored"]]
    return {
        "variants": len(plan.variants),
        "stage_runs": plan.stage_runs,
        "distinct": len(plan.stages),
        "stored": len(plan.stages) - len(to_train),
        "to_train": len(to_train),
        "epochs_unshared": plan.epochs_unshared,
        "epochs_distinct": sum(epochs.values()),
        "epochs_to_train": sum(epochs[key] for key in to_train),
    }


def task_document(plan: Plan) -> dict[str, Any]:
    """The content of `tasks.json`: what Nextflow is to run."""
    needed = {
        cache for pack in plan.packs for stage in pack["stages"] for cache in caches_of(plan.stages[stage])
    }
    stored_shards = [shard for key in sorted(plan.stored_caches) for shard in plan.caches[key].shard_ids()]
    in_packs = {stage for pack in plan.packs for stage in pack["stages"]}
    return {
        "problems": [],
        "summary": summary(plan),
        "prepare": [
            {
                "id": shard_id,
                "source": cache.request["path"],
                "beside": _absolute(cache.request["reader"]),
                "request": request,
            }
            for key, cache in plan.caches.items()
            # The report shows the quality of every data set, so a cache that no pack needs is still made.
            if key in needed or key not in plan.stored_caches
            for shard_id, request in cache.requests().items()
            if shard_id not in stored_shards
        ],
        "packs": [_pack_task(plan, pack, in_packs) for pack in plan.packs],
        "stored_stages": sorted(key for key, record in plan.stages.items() if record["stored"]),
        "stored_prepared": stored_shards,
    }


def _absolute(reader: Mapping[str, Any]) -> list[str]:
    """Arguments of a reader that are absolute paths: they may be inputs of their own (a table's `images`)."""
    return [value for value in reader.values() if isinstance(value, str) and PurePath(value).is_absolute()]


def _pack_task(plan: Plan, pack: dict[str, Any], in_packs: set[str]) -> dict[str, Any]:
    stages = [plan.stages[stage] for stage in pack["stages"]]
    caches = sorted({cache for stage in stages for cache in caches_of(stage)})
    parents = sorted({stage["parent"] for stage in stages if stage["parent"]})
    return {
        "id": pack["id"],
        "role": pack["role"],
        "depth": pack["depth"],
        "cpus": pack["cpus"],
        "caches": caches,
        "prepared": [shard for cache in caches for shard in plan.caches[cache].shard_ids()],
        "subjects": sorted({source["subjects"] for stage in stages for source in stage["sources"]}),
        "parents": [parent for parent in parents if parent in in_packs],
        "stored_parents": [parent for parent in parents if parent not in in_packs],
        "weights": sorted({stage["weights"] for stage in stages if stage["weights"]}),
        "pack": {
            **{key: pack[key] for key in ("id", "role", "cpus")},
            "stages": stages,
            **({"execution": plan.execution} if plan.execution else {}),
        },
    }


def _dataset(name: str, data: DataSet, plan: Plan) -> dict[str, Any]:
    base = plan.base_subjects[name]
    return {
        "reader": data.cache.request["reader"],
        "path": data.spec["path"],
        "task": {
            "type": data.task.type,
            "labels": [data.label] if data.tasks else [],
            "classes": data.task.classes,
        },
        "tasks": [
            {"label": label, "type": task.type, "classes": task.classes} for label, task in data.tasks.items()
        ],
        "n": {"all": sum(base.counts.values()), **base.counts},
        "groups": {"all": sum(base.groups.values()), **base.groups},
        "cache": data.cache.id,
        "channels": data.channels,
        "size": list(data.size),
        "left_out": [{"where": p.where, "reason": p.message} for p in data.left_out],
        "official_split": data.has_official_split,
        # Of a filtered data set, whose images they are: others may be in the cache.
        **(
            {"filter": data.spec["filter"], "images": [r.image for r in data.records]}
            if data.filtered
            else {}
        ),
    }


def inferred(plan: Plan) -> list[dict[str, str]]:
    """What was not said in the params file and how it was settled: nothing is guessed silently."""
    found = []
    for name, data in plan.datasets.items():
        where = f"datasets.{name}"
        if data.filtered:
            kept = f"{len(data.filtered.records)} of {data.filtered.of} images"
            found.append({"what": f"{where} filter", "value": kept, "why": in_words(data.spec["filter"])})
        if data.tasks and not data.label_said:
            found.append({"what": f"{where}.label", "value": data.label, "why": "the reader's own"})
        for label, task in data.tasks.items():
            classes = f" ({', '.join(task.classes)})" if task.classes else ""
            known = sum(any(r.labels.get(c) for c in task.columns(label)) for r in data.records)
            why = "as said" if data.spec.get("task") else f"from the {known} values of '{label}'"
            what = f"{where}.task" if len(data.tasks) == 1 else f"{where}.task of {label}"
            found.append({"what": what, "value": f"{task.type}{classes}", "why": why})
        if not data.tasks:
            found.append({"what": f"{where}.task", "value": "none", "why": "no label is named"})
        size = "×".join(map(str, data.size))
        channels = f", {data.channels} channels" if data.channels > 1 else ""
        found.append(
            {
                "what": f"{where} input",
                "value": f"{size}{channels}",
                "why": "from the headers and preprocessing",
            }
        )
        base = plan.base_subjects[name]
        parts = " / ".join(str(base.counts[part]) for part in ("train", "val", "test"))
        why = (
            "official parts" + (f" ({data.spec['split']})" if isinstance(data.spec.get("split"), str) else "")
            if data.has_official_split
            else f"by {data.grouped_by}"
            + (f", stratified by {data.label}" if data.tasks else "")
            + f", seed {plan.seed}"
        )
        found.append({"what": f"{where} split", "value": f"{parts} (train / val / test)", "why": why})
        found += [{"what": where, "value": note, "why": "the reader"} for note in data.notes]
    found += _joint(plan)
    for target in sorted({variant.target for variant in plan.variants}):
        metric = next(v.record(plan.stages)["metric"] for v in plan.variants if v.target == target)
        why = "as said" if plan.metric else "the default for this task"
        found.append({"what": f"metric for {target}", "value": metric, "why": why})
    return found


def _joint(plan: Plan) -> list[dict[str, str]]:
    """What stages with several data sets or labels learn from each, and what images without labels do."""
    found: dict[str, dict[str, str]] = {}
    for record in plan.stages.values():
        if len(record["sources"]) == 1 and len(record["tasks"]) == 1:
            continue
        learnt = [f"{', '.join(s['labels'])} of {s['dataset']}" for s in record["sources"] if s["labelled"]]
        blind = [source for source in record["sources"] if not source["labelled"]]
        seen = bool(record["scenario"].get("unlabelled_ratio", 1.0)) or not learnt
        for source in blind:
            scored = f"scored by {', '.join(source['labels'])}" if source["labels"] else "not scored"
            use = "training images" if seen else "no images, since no term of the objective looks at them,"
            learnt.append(f"{use} of {source['dataset']}" + (f" ({scored})" if record["tasks"] else ""))
        item = {
            "what": f"stage {record['name']}",
            "value": f"{record['scenario']['name']}: {'; '.join(learnt)}",
            "why": "from its data sets and labels",
        }
        found.setdefault(canonical(item), item)
    return sorted(found.values(), key=lambda item: (item["what"], item["value"]))


# Images left out that the log names, of each data set.
_TOLD = 5


def summary(plan: Plan) -> list[str]:
    """The plan in a few lines, for the log."""
    saved = sharing(plan)
    searched = len(plan.variants) - plan.baselines
    lines = [f"{item['what']}: {item['value']} ({item['why']})" for item in inferred(plan)]
    lines.append(
        f"{searched} variants and {plan.baselines} from-scratch baselines: {saved['stage_runs']} stage runs, "
        f"{saved['distinct']} of them distinct, {saved['stored']} in the store, {saved['to_train']} to train "
        f"in {len(plan.packs)} tasks"
    )
    lines += [f"{item['what']} has no effect: {item['why']}" for item in plan.normalised]
    lines += [f"warning: {warning}" for warning in plan.warnings]
    told: set[Problem] = set()
    for name, data in plan.datasets.items():
        left_out = [problem for problem in data.left_out if problem not in told]
        told.update(left_out)
        lines += [f"warning: left out: {problem.where}: {problem.message}" for problem in left_out[:_TOLD]]
        if len(left_out) > _TOLD:
            rest = len(left_out) - _TOLD
            lines.append(f"warning: left out: and {rest} more of {name}; plan.json and the report list them")
    return lines


def _write_variants(plan: Plan, file: Path) -> None:
    paths = list(dict.fromkeys(path for variant in plan.variants for path in variant.settings))
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
        writer.writerow(["variant", "label", "target", "baseline", *paths, "seed", "fold", "stages"])
        for variant in plan.variants:
            values = [_cell(variant.settings.get(path)) for path in paths]
            for replicate in variant.replicates:
                fold = "" if replicate["fold"] is None else replicate["fold"]
                writer.writerow(
                    [
                        variant.id,
                        variant.label,
                        variant.target,
                        str(variant.baseline).lower(),
                        *values,
                        replicate["seed"],
                        fold,
                        ",".join(replicate["stages"]),
                    ]
                )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _write_json(file: Path, document: Any) -> None:
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
