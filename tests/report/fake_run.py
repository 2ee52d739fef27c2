"""A made-up but plausible TLIMB run: plan.json, stages/ and prepared/ as PLAN, TRAIN and PREPARE leave them.

The search of the paper: two architectures, three learning rates, elastic penalty on or off (12 variants and
six from-scratch baselines), pretrained on age, fine-tuned on sex. Curves, predictions and costs are drawn
from a seeded generator; nothing is trained.
"""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tlpy.metrics.registry import compute, primary

ARCHITECTURES = ("resnet18", "vit")
RATES = (0.0001, 0.001, 0.01)
PENALTIES = (0, 0.01)
SUBJECTS = {"phantoms": (280, 60, 60), "brains": (34, 7, 7)}


@dataclass
class FakeRun:
    """Settings of a made-up run; `write` lays it out."""

    root: Path
    seeds: int = 1
    folds: int = 0
    task: str = "binary"
    targets: tuple[str, ...] = ("brains",)
    sizes: dict[str, tuple[int, int, int]] = field(default_factory=lambda: dict(SUBJECTS))
    failed: bool = True
    everything_fails: bool = False
    baseline: bool = True

    def write(self) -> Path:
        """Write the run; returns its folder, which holds plan.json, stages/ and prepared/."""
        self.stages: dict[str, dict[str, Any]] = {}
        self.quality: dict[str, float] = {}
        variants: list[dict[str, Any]] = []
        for target in self.targets:
            variants += self._variants(target)
        for name in ("phantoms", *self.targets):
            self._prepare(name)
        for record in self.stages.values():
            self._train(record)
        plan = self._plan(variants)
        (self.root / "plan.json").write_text(json.dumps(plan, indent=1))
        return self.root

    # PLAN

    def task_of(self, dataset: str) -> dict[str, Any]:
        if dataset == "phantoms" or self.task == "regression":
            return {"type": "regression", "labels": ["age"], "classes": None}
        if self.task == "multiclass":
            return {"type": "multiclass", "labels": ["diagnosis"], "classes": ["AD", "HC", "MCI"]}
        return {"type": "binary", "labels": ["sex"], "classes": ["F", "M"]}

    def _variants(self, target: str) -> list[dict[str, Any]]:
        variants, scratch_ids = [], {}
        metric = primary(self.task_of(target)["type"])
        several = {"finetune.dataset": target} if len(self.targets) > 1 else {}
        keys = [(seed, None) for seed in range(self.seeds)]
        if self.folds:
            keys = [(0, fold) for fold in range(self.folds)]
        for net in ARCHITECTURES if self.baseline else ():
            for lr in RATES:
                settings = {
                    "architecture": net,
                    "lr": lr,
                    "finetune.objective.elastic_penalty": None,
                    **several,
                }
                replicates = [
                    {
                        "seed": s,
                        "fold": f,
                        "stages": [self._stage("finetune", target, net, lr, 0, None, s, f)],
                    }
                    for s, f in keys
                ]
                scratch_ids[net, lr] = digest("scratch", target, net, lr)
                label = f"from scratch: {net}, lr {lr:g}"
                common = {"baseline": True, "scratch": None, "target": target, "metric": metric}
                variants.append(
                    {"id": scratch_ids[net, lr], "label": label, "settings": settings, **common}
                    | {"chain": ["finetune"], "replicates": replicates}
                )
        for net in ARCHITECTURES:
            for lr in RATES:
                for penalty in PENALTIES:
                    replicates = []
                    for s, f in keys:
                        parent = self._stage("pretrain", "phantoms", net, lr, 0, None, s, f)
                        last = self._stage("finetune", target, net, lr, penalty, parent, s, f)
                        replicates.append({"seed": s, "fold": f, "stages": [parent, last]})
                    settings = {"architecture": net, "lr": lr, "finetune.objective.elastic_penalty": penalty}
                    settings |= several
                    common = {"baseline": False, "scratch": scratch_ids.get((net, lr)), "target": target}
                    variants.append(
                        {"id": digest("variant", target, net, lr, penalty), "settings": settings, **common}
                        | {
                            "label": f"{net}, lr {lr:g}, finetune elastic penalty {penalty:g}",
                            "metric": metric,
                        }
                        | {"chain": ["pretrain", "finetune"], "replicates": replicates}
                    )
        return variants

    def _stage(
        self,
        name: str,
        dataset: str,
        net: str,
        lr: float,
        penalty: float,
        parent: str | None,
        seed: int,
        fold: Any,
    ) -> str:
        id_ = digest("stage", name, dataset, net, lr, penalty, parent, seed, fold)
        task = self.task_of(dataset)
        primary_term = "mse" if task["type"] == "regression" else "cross_entropy"
        objective = {primary_term: {"weight": 1.0}}
        if penalty:
            objective["elastic_penalty"] = {"alpha": penalty, "beta": penalty}
        training = {"epochs": 10 if name == "pretrain" else 5, "lr": lr, "batch_size": 16, "precision": "32"}
        training |= {"optimizer": {"name": "adam"}, "schedule": {"name": "constant"}, "early_stopping": None}
        training["augmentation"] = [{"name": "flip"}, {"name": "bias_field"}] if parent else None
        self.stages[id_] = {
            "id": id_, "name": name, "role": name, "depth": int(parent is not None), "parent": parent,
            "dataset": dataset, "cache": digest("cache", dataset),
            "subjects": digest("subjects", dataset, fold),
            "task": task, "architecture": {"name": net}, "input": {"channels": 1, "size": [56, 72]},
            "transfer": {"name": "full"} if parent else None, "weights": None, "objective": objective,
            "training": training | {"keep": "best", "sampling": "shuffle"}, "seed": seed, "fold": fold,
            "metric": primary(task["type"]), "cost": 20.0, "stored": False,
        }  # fmt: skip
        best = 0.75 if net == "resnet18" else 0.55
        gain = 0.35 * (parent is not None) * (1.0 if net == "resnet18" else 0.6)
        self.quality[id_] = best + gain - 0.25 * abs(np.log10(lr) + 3) + 0.05 * (penalty > 0) + 0.02 * seed
        return id_

    def _plan(self, variants: list[dict[str, Any]]) -> dict[str, Any]:
        datasets = {}
        for name in ("phantoms", *self.targets):
            parts = dict(zip(("train", "val", "test"), self.sizes[name], strict=True))
            n = {"all": sum(parts.values()), **parts}
            left_out = [{"where": "participants.tsv:17", "reason": "no value for label 'sex' (n/a)"}]
            datasets[name] = {
                "reader": {"name": "bids"}, "path": f"data/{name}", "task": self.task_of(name),
                "n": n, "groups": n, "cache": digest("cache", name), "channels": 1, "size": [56, 72],
                "left_out": left_out if name != "phantoms" else [], "official_split": False,
            }  # fmt: skip
        runs = sum(len(r["stages"]) for v in variants for r in v["replicates"])
        epochs = {id_: s["training"]["epochs"] for id_, s in self.stages.items()}
        unshared = sum(epochs[id_] for v in variants for r in v["replicates"] for id_ in r["stages"])
        preprocessing = {"orient": "RAS", "spacing": None, "size": None, "normalise": "zscore"}
        preprocessing["slice"] = {"plane": "axial", "position": 0.5, "count": 1, "step": 1, "as": "channels"}
        return {
            "format": 1, "tlpy": {"version": "0.1.0", "digest": "0" * 16}, "seed": 0, "metric": None,
            "params": {
                "outdir": "results/tlimb", "architecture": "resnet18",
                "datasets": {
                    "phantoms": {"reader": "bids", "path": "data/phantoms", "label": "age",
                                 "preprocessing": {"slice": "axial"}},
                    "brains": {"reader": "bids", "path": "../shared/data/ds002748", "label": "sex",
                               "preprocessing": {"slice": "axial"}},
                },
                "stages": [{"name": "pretrain", "dataset": "phantoms", "epochs": 10},
                           {"name": "finetune", "dataset": "brains", "epochs": 5}],
                "search": {"space": {"architecture": list(ARCHITECTURES), "lr": list(RATES),
                                     "finetune.objective.elastic_penalty": list(PENALTIES)}},
                "replicates": {"folds": self.folds} if self.folds else {"seeds": self.seeds},
            },
            "datasets": datasets,
            "caches": {
                digest("cache", name): {
                    "datasets": [name], "reader": {"name": "bids"}, "path": f"data/{name}", "channels": 1,
                    "preprocessing": preprocessing, "size": [56, 72], "images": sum(self.sizes[name]),
                    "shards": 2 if name == "phantoms" else 1, "stored": False,
                } for name in ("phantoms", *self.targets)
            },
            "stages": self.stages, "variants": variants, "packs": [],
            "sharing": {
                "variants": len(variants), "stage_runs": runs, "distinct": len(self.stages), "stored": 0,
                "to_train": len(self.stages), "epochs_unshared": unshared,
                "epochs_distinct": sum(epochs.values()),
                "epochs_to_train": sum(epochs.values()),
            },
            "inferred": [
                {"what": "datasets.brains.task", "value": "binary (F, M)", "why": "sex has two values"},
                {"what": "datasets.phantoms.task", "value": "regression", "why": "age holds numbers"},
                {"what": "stages.finetune.objective", "value": "cross_entropy", "why": "binary target"},
                {"what": "input size", "value": "1 × 56 × 72", "why": "axial slices of 56 × 72 × 60"},
            ],
            "normalised": [{"what": "finetune.objective.elastic_penalty",
                            "why": "from scratch there is nothing to stay close to: 12 baselines became 6"}],
            "warnings": ["brains: 7 test subjects; intervals will be wide"],
        }  # fmt: skip

    # PREPARE

    def _prepare(self, name: str) -> None:
        from PIL import Image

        rng = np.random.default_rng(len(name))
        images = [f"sub-{i + 1:03d}_T1w" for i in range(sum(self.sizes[name]))]
        shards = np.array_split(np.array(images), 2 if name == "phantoms" else 1)
        for shard, ids in enumerate(shards):
            folder = self.root / "prepared" / f"{digest('cache', name)}-{shard + 1}of{len(shards)}"
            (folder / "pictures").mkdir(parents=True)
            rows = []
            for index, image in enumerate(ids):
                left_out = name != "phantoms" and index == 3
                mean = rng.normal(120 if name == "phantoms" else 430, 20)
                rows.append({
                    "image": image, "index": "" if left_out else index,
                    "status": "left_out" if left_out else "ok",
                    "reason": "all voxels are zero" if left_out else "",
                    "file": f"{image[:7]}/anat/{image}.nii.gz",
                    "shape": "56x72x60", "spacing": "3x3x3", "minimum": 0, "maximum": round(mean * 4, 1),
                    "mean": round(mean, 2), "sd": round(mean * rng.uniform(0.8, 1.0), 2),
                    "foreground": round(rng.normal(0.38, 0.03), 3),
                })  # fmt: skip
            write_csv(folder / "images.tsv", rows, "\t")
            (folder / "problems.json").write_text("[]")
            for image in ids[:4] if shard == 0 else []:
                Image.fromarray(slice_picture(rng)).save(folder / "pictures" / f"{image}.png")

    # TRAIN

    def _train(self, record: dict[str, Any]) -> None:
        folder = self.root / "stages" / record["id"]
        folder.mkdir(parents=True)
        (folder / "stage.json").write_text(json.dumps(record))
        rng = np.random.default_rng(int(record["id"], 16) % 2**32)
        vit_diverges = record["architecture"]["name"] == "vit" and record["training"]["lr"] == 0.01
        diverges = self.failed and vit_diverges and record["parent"] is not None and record["seed"] == 0
        if self.everything_fails or (diverges and "elastic_penalty" in record["objective"]):
            reason = "the loss became infinite in epoch 2; try a smaller lr"
            failure = {"id": record["id"], "status": "failed", "reason": reason, "best_epoch": None}
            (folder / "metrics.json").write_text(json.dumps(failure | {"epochs_run": 2}))
            return
        epochs, quality = record["training"]["epochs"], self.quality[record["id"]]
        regression = record["task"]["type"] == "regression"
        floor, start = (0.25, 1.2) if regression else (0.25, 0.75)
        curve = floor + (start - floor) * np.exp(-np.arange(1, epochs + 1) * 0.25 * max(quality, 0.1))
        value = (4 + 8 * (curve - floor)) if regression else np.clip(1.05 - 0.7 * curve, 0, 1)
        history = [
            {
                "epoch": e + 1, "train_loss": curve[e] * 0.9, "val_loss": curve[e] + 0.05 * rng.random(),
                f"val_{record['metric']}": value[e] + 0.02 * rng.normal(), "lr": record["training"]["lr"],
            } for e in range(epochs)
        ]  # fmt: skip
        write_csv(folder / "history.csv", history)
        metrics, rows = {}, []
        _, n_val, n_test = self.sizes[record["dataset"]]
        for part, first, n in (("val", 300, n_val), ("test", 400, n_test)):
            people = np.random.default_rng([n, first, record["fold"] or 0])
            fold = record["fold"] if part == "test" and record["fold"] is not None else 0
            ids = [f"sub-{first + 1000 * fold + i}" for i in range(n)]
            true, score = simulate(record["task"], quality, n, people, rng)
            metrics[part] = compute(record["task"]["type"], true, score)
            rows += prediction_rows(record["task"], ids, part, true, score)
        write_csv(folder / "predictions.csv", rows)
        total = 11171649 if record["architecture"]["name"] == "resnet18" else 5412000
        seconds = epochs * {"phantoms": 2.6}.get(record["dataset"], 0.9) * (1.4 if total < 6e6 else 1.0)
        done = {
            "id": record["id"], "status": "done", "reason": None, "best_epoch": epochs, "epochs_run": epochs,
            "stopped_early": False, "metrics": {"train": {}, **metrics},
            "n": dict(zip(("train", "val", "test"), self.sizes[record["dataset"]], strict=True)),
            "parameters": {"total": total, "trainable": total}, "device": "cpu", "peak_memory_mb": 812.0,
            "seconds": {"train": round(seconds, 1), "total": round(seconds + 1.2, 1)},
            "resumed_from_epoch": None, "versions": {"torch": "2.13.0"},
        }  # fmt: skip
        (folder / "metrics.json").write_text(json.dumps(done))


def simulate(
    task: dict[str, Any], quality: float, n: int, people: np.random.Generator, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """True values (the same for all stages of a data set) and scores that fit them the better the quality."""
    strength = max(quality, 0.05) * 1.6
    if task["type"] == "regression":
        true = people.uniform(20, 80, n)
        return true, 50 + (true - 50) * min(strength, 0.95) + rng.normal(0, 6 / strength, n)
    classes = len(task["classes"])
    true = people.permutation(np.arange(n) % (4 if classes == 2 else classes))
    if classes == 2:
        true = (true == 0).astype(int)  # three of four are class 0, as in the real set
        return true, 1 / (1 + np.exp(-(strength * (2 * true - 1) * 1.5 + rng.normal(size=n) - 0.3)))
    logits = rng.normal(size=(n, classes)) + strength * 1.5 * np.eye(classes)[true]
    return true, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def prediction_rows(
    task: dict[str, Any], ids: list[str], part: str, true: Any, score: Any
) -> list[dict[str, Any]]:
    rows = []
    for at, subject in enumerate(ids):
        row = {"image": f"{subject}_T1w", "subject": subject, "group": subject, "split": part}
        row |= {"label": task["labels"][0]}
        if task["type"] == "regression":
            row |= {"true": round(float(true[at]), 3), "prediction": float(score[at])}
        else:
            classes = task["classes"]
            p = [1 - score[at], score[at]] if len(classes) == 2 else score[at]
            row |= {"true": classes[int(true[at])], "prediction": classes[int(np.argmax(p))]}
            row |= {f"p:{name}": float(value) for name, value in zip(classes, p, strict=True)}
        rows.append(row)
    return rows


def slice_picture(rng: np.random.Generator) -> np.ndarray:
    """An axial slice that looks enough like a brain to judge a contact sheet by: (216, 168) uint8."""
    y, x = np.mgrid[-1:1:216j, -1:1:168j]
    radius = np.hypot(x / 0.82, y / 0.9)
    folds = 0.12 * np.sin(14 * np.arctan2(y, x) + rng.uniform(0, 6)) * (radius > 0.6)
    tissue = 0.55 + 0.25 * (radius + folds < 0.72)
    ventricle = np.hypot((np.abs(x) - 0.12) / 0.1, y / 0.3) < 1
    picture = np.where(radius < 0.95, np.where(ventricle, 0.15, tissue), 0.0)
    return np.uint8(np.clip(picture + 0.03 * rng.normal(size=picture.shape) * (picture > 0), 0, 1) * 255)


def digest(*parts: Any) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()


def write_csv(path: Path, rows: list[dict[str, Any]], delimiter: str = ",") -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
