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
import sample_records

from tlpy.metrics.registry import compute, primary
from tlpy.plan.plan_records import (
    FORMAT,
    CacheFacts,
    Counts,
    DatasetFacts,
    Dropped,
    Inferred,
    LeftOut,
    Plan,
    Replicate,
    Sharing,
    Software,
    Variant,
)
from tlpy.records import Head, Input, Source, Stage

ARCHITECTURES = ("resnet18", "vit")
RATES = (0.0001, 0.001, 0.01)
PENALTIES = (0, 0.01)
CONFOUNDS = (Head("weight", "regression"), Head("site", "binary", ("A", "B")))
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
        """Write the run; returns its folder, which holds plan.json, covariates/, stages/ and prepared/."""
        self.stages: dict[str, Stage] = {}
        self.quality: dict[str, float] = {}
        variants: list[Variant] = []
        for target in self.targets:
            variants += self._variants(target)
        for name in ("phantoms", *self.targets):
            self._prepare(name)
            self._covariates(name)
        for record in self.stages.values():
            self._train(record)
        plan = self._plan(variants)
        (self.root / "plan.json").write_text(json.dumps(plan.to_json(), indent=1))
        return self.root

    # PLAN

    def head_of(self, dataset: str) -> Head:
        if dataset == "phantoms" or self.task == "regression":
            return Head("age", "regression")
        if self.task == "multiclass":
            return Head("diagnosis", "multiclass", ("AD", "HC", "MCI"))
        return Head("sex", "binary", ("F", "M"))

    def _variants(self, target: str) -> list[Variant]:
        variants, scratch_ids = [], {}
        metric = primary(self.head_of(target).type)
        several = {"finetune.dataset": target} if len(self.targets) > 1 else {}
        keys: list[tuple[int, int | None]] = [(seed, None) for seed in range(self.seeds)]
        if self.folds:
            keys = [(0, fold) for fold in range(self.folds)]
        path = "finetune.objective.elastic_penalty"
        for net in ARCHITECTURES if self.baseline else ():
            for lr in RATES:
                scratch_ids[net, lr] = digest("scratch", target, net, lr)
                replicates = tuple(
                    Replicate(s, f, (self._stage("finetune", target, net, lr, 0, None, s, f),))
                    for s, f in keys
                )
                variants.append(
                    Variant(
                        id=scratch_ids[net, lr], label=f"from scratch: {net}, lr {lr:g}",
                        settings={"architecture": net, "lr": lr, path: None, **several}, baseline=True,
                        scratch=None, target=target, metric=metric, chain=("finetune",),
                        replicates=replicates,
                    )
                )  # fmt: skip
        for net in ARCHITECTURES:
            for lr in RATES:
                for penalty in PENALTIES:
                    replicates = ()
                    for s, f in keys:
                        parent = self._stage("pretrain", "phantoms", net, lr, 0, None, s, f)
                        last = self._stage("finetune", target, net, lr, penalty, parent, s, f)
                        replicates = (*replicates, Replicate(s, f, (parent, last)))
                    variants.append(
                        Variant(
                            id=digest("variant", target, net, lr, penalty),
                            label=f"{net}, lr {lr:g}, finetune elastic penalty {penalty:g}",
                            settings={"architecture": net, "lr": lr, path: penalty, **several},
                            baseline=False, scratch=scratch_ids.get((net, lr)), target=target,
                            metric=metric, chain=("pretrain", "finetune"), replicates=replicates,
                        )
                    )  # fmt: skip
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
        head, table = self.head_of(dataset), digest("subjects", dataset, fold)
        objective = {"mse" if head.type == "regression" else "cross_entropy": {"weight": 1.0}}
        if penalty:
            objective["elastic_penalty"] = {"alpha": penalty, "beta": penalty}
        training = sample_records.training(
            epochs=10 if name == "pretrain" else 5, lr=lr, batch_size=16,
            augmentation=({"name": "flip"}, {"name": "bias_field"}) if parent else None,
        )  # fmt: skip
        self.stages[id_] = sample_records.stage(
            id=id_, name=name, role=name, depth=int(parent is not None), parent=parent,
            sources=(Source(dataset, digest("cache", dataset), table, (head.label,), labelled=True),),
            heads=(head,), architecture={"name": net}, input=Input(1, (56, 72)),
            transfer={"name": "full"} if parent else None, objective=objective, training=training,
            seed=seed, fold=fold, metric=primary(head.type), cost=20.0,
        )  # fmt: skip
        best = 0.75 if net == "resnet18" else 0.55
        gain = 0.35 * (parent is not None) * (1.0 if net == "resnet18" else 0.6)
        self.quality[id_] = best + gain - 0.25 * abs(np.log10(lr) + 3) + 0.05 * (penalty > 0) + 0.02 * seed
        return id_

    def _plan(self, variants: list[Variant]) -> Plan:
        names = ("phantoms", *self.targets)
        runs = [
            stage for variant in variants for replicate in variant.replicates for stage in replicate.stages
        ]
        epochs = {id_: stage.training.epochs for id_, stage in self.stages.items()}
        return Plan(
            format=FORMAT, tlpy=Software("0.1.0", "0" * 16), components=None, seed=0, metric=None,
            params={
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
            datasets={name: self._facts(name) for name in names},
            caches={digest("cache", name): self._cache(name) for name in names},
            stages=self.stages, variants=tuple(variants), packs=(),
            sharing=Sharing(
                variants=len(variants), stage_runs=len(runs), distinct=len(self.stages), stored=0,
                to_train=len(self.stages), epochs_unshared=sum(epochs[id_] for id_ in runs),
                epochs_distinct=sum(epochs.values()), epochs_to_train=sum(epochs.values()),
            ),
            inferred=(
                Inferred("datasets.brains.task", "binary (F, M)", "sex has two values"),
                Inferred("datasets.phantoms.task", "regression", "age holds numbers"),
                Inferred("stages.finetune.objective", "cross_entropy", "binary target"),
                Inferred("input size", "1×56×72", "axial slices of 56×72×60"),
            ),
            normalised=(
                Dropped("finetune.objective.elastic_penalty",
                        "from scratch there is nothing to stay close to: 12 baselines became 6"),
            ),
            warnings=("brains: 7 test subjects; intervals will be wide",),
        )  # fmt: skip

    def _facts(self, name: str) -> DatasetFacts:
        n = Counts(sum(self.sizes[name]), *self.sizes[name])
        left_out = (LeftOut("participants.tsv:17", "no value for label 'sex' (n/a)"),)
        return DatasetFacts(
            reader={"name": "bids"}, path=f"data/{name}", heads=(self.head_of(name),), n=n, groups=n,
            cache=digest("cache", name), channels=1, size=(56, 72),
            left_out=left_out if name != "phantoms" else (), official_split=False, filter=None, images=None,
            confounds=CONFOUNDS,
        )  # fmt: skip

    def _covariates(self, name: str) -> None:
        """Everybody's label, weight and site; the label goes with the site."""
        head, rng = self.head_of(name), np.random.default_rng(len(name))
        people = [f"sub-{i + 1:03d}" for i in range(self.sizes[name][0])]
        for first, n in zip((300, 400), self.sizes[name][1:], strict=True):
            firsts = [first + 1000 * fold for fold in range(max(1, self.folds))]
            people += [f"sub-{start + i}" for start in firsts for i in range(n)]
        rows = []
        for person in people:
            site = int(rng.integers(0, 2))
            label = f"{30 + 20 * site + rng.normal(0, 8):.1f}"
            if head.names:
                label = head.names[site if rng.random() < 0.8 else int(rng.integers(0, len(head.names)))]
            row = {"image": f"{person}_T1w", "subject": person, "group": person, "unit": person}
            row |= {f"label:{head.label}": label, "confound:weight": f"{rng.normal(70, 9):.1f}"}
            rows.append(row | {"confound:site": "AB"[site]})
        (self.root / "covariates").mkdir(exist_ok=True)
        write_csv(self.root / "covariates" / f"{name}.tsv", rows, "\t")

    def _cache(self, name: str) -> CacheFacts:
        preprocessing = {"orient": "RAS", "spacing": None, "size": None, "normalise": "zscore"}
        preprocessing["slice"] = {"plane": "axial", "position": 0.5, "count": 1, "step": 1, "as": "channels"}
        return CacheFacts(
            datasets=(name,), path=f"data/{name}", reader={"name": "bids"}, columns={},
            preprocessing=preprocessing, channels=1, size=(56, 72), on_bad_image="error",
            images=sum(self.sizes[name]), shards=2 if name == "phantoms" else 1, stored=False,
        )  # fmt: skip

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

    def _train(self, record: Stage) -> None:
        folder = self.root / "stages" / record.id
        folder.mkdir(parents=True)
        (folder / "stage.json").write_text(json.dumps(record.to_json()))
        rng = np.random.default_rng(int(record.id, 16) % 2**32)
        vit_diverges = record.architecture["name"] == "vit" and record.training.lr == 0.01
        diverges = self.failed and vit_diverges and record.parent is not None and record.seed == 0
        if self.everything_fails or (diverges and "elastic_penalty" in record.objective):
            reason = "the loss became infinite in epoch 2; try a smaller lr"
            failure = {"id": record.id, "status": "failed", "reason": reason, "best_epoch": None}
            (folder / "metrics.json").write_text(json.dumps(failure | {"epochs_run": 2}))
            return
        epochs, quality = record.training.epochs, self.quality[record.id]
        (head,) = record.heads
        regression = head.type == "regression"
        floor, start = (0.25, 1.2) if regression else (0.25, 0.75)
        curve = floor + (start - floor) * np.exp(-np.arange(1, epochs + 1) * 0.25 * max(quality, 0.1))
        value = (4 + 8 * (curve - floor)) if regression else np.clip(1.05 - 0.7 * curve, 0, 1)
        history = [
            {
                "epoch": e + 1, "train_loss": curve[e] * 0.9, "val_loss": curve[e] + 0.05 * rng.random(),
                f"val_{record.metric}": value[e] + 0.02 * rng.normal(), "lr": record.training.lr,
            } for e in range(epochs)
        ]  # fmt: skip
        write_csv(folder / "history.csv", history)
        metrics, rows = {}, []
        _, n_val, n_test = self.sizes[record.dataset]
        for part, first, n in (("val", 300, n_val), ("test", 400, n_test)):
            people = np.random.default_rng([n, first, record.fold or 0])
            fold = record.fold if part == "test" and record.fold is not None else 0
            ids = [f"sub-{first + 1000 * fold + i}" for i in range(n)]
            true, score = simulate(head, quality, n, people, rng)
            metrics[part] = compute(head.type, true, score)
            rows += prediction_rows(head, ids, part, true, score)
        write_csv(folder / "predictions.csv", rows)
        total = 11171649 if record.architecture["name"] == "resnet18" else 5412000
        seconds = epochs * {"phantoms": 2.6}.get(record.dataset, 0.9) * (1.4 if total < 6e6 else 1.0)
        done = {
            "id": record.id, "status": "done", "reason": None, "best_epoch": epochs, "epochs_run": epochs,
            "stopped_early": False, "metrics": {"train": {}, **metrics},
            "n": dict(zip(("train", "val", "test"), self.sizes[record.dataset], strict=True)),
            "parameters": {"total": total, "trainable": total}, "device": "cpu", "peak_memory_mb": 812.0,
            "seconds": {"train": round(seconds, 1), "total": round(seconds + 1.2, 1)},
            "resumed_from_epoch": None, "versions": {"torch": "2.13.0"},
        }  # fmt: skip
        (folder / "metrics.json").write_text(json.dumps(done))
        start = {"source": record.parent, "share_of_encoder": 1.0, "preprocessing": []}
        start["heads"] = {head.label: "new: a head that the weights' contract does not have"}
        (folder / "load_report.json").write_text(json.dumps(start if record.parent else {"source": None}))


def simulate(
    head: Head, quality: float, n: int, people: np.random.Generator, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """True values (the same for all stages of a data set) and scores that fit them the better the quality."""
    strength = max(quality, 0.05) * 1.6
    if head.type == "regression":
        true = people.uniform(20, 80, n)
        return true, 50 + (true - 50) * min(strength, 0.95) + rng.normal(0, 6 / strength, n)
    classes = len(head.names)
    true = people.permutation(np.arange(n) % (4 if classes == 2 else classes))
    if classes == 2:
        true = (true == 0).astype(int)  # three of four are class 0, as in the real set
        return true, 1 / (1 + np.exp(-(strength * (2 * true - 1) * 1.5 + rng.normal(size=n) - 0.3)))
    logits = rng.normal(size=(n, classes)) + strength * 1.5 * np.eye(classes)[true]
    return true, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def prediction_rows(head: Head, ids: list[str], part: str, true: Any, score: Any) -> list[dict[str, Any]]:
    rows = []
    for at, subject in enumerate(ids):
        row = {"image": f"{subject}_T1w", "subject": subject, "group": subject, "split": part}
        row |= {"label": head.label}
        if head.type == "regression":
            row |= {"true": round(float(true[at]), 3), "prediction": float(score[at])}
        else:
            classes = head.names
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
