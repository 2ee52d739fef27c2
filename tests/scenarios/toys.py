"""Tiny prepared images, subjects and stage records for the tests of scenarios."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sample_records

from tlpy.records import ExecutionSettings, Head, Input, Pack, Record, Source, Stage

Train = Callable[..., dict[str, str]]
COLUMNS = [
    *("image", "index", "status", "reason", "file", "shape", "spacing"),
    *("minimum", "maximum", "mean", "sd", "foreground"),
]
PREPROCESSING = {"orient": "RAS", "spacing": None, "size": None, "normalise": "zscore", "slice": None}


def images_and_ages(n: int, size: Sequence[int], channels: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Noise images (n, channels, *size) whose brightness follows an age (n,) in years."""
    draw = np.random.default_rng(7)
    ages = draw.uniform(20, 80, n)
    images = draw.normal(0, 0.3, (n, channels, *size)) + (ages.reshape(n, *[1] * (len(size) + 1)) - 50) / 17
    return images.astype(np.float32), ages


def write_cache(folder: Path, images: np.ndarray, left_out: Sequence[int] = (), cache: str = "cache") -> Path:
    """A PREPARE folder of one shard, as the contract has it."""
    shard = folder / f"{cache}-1of1"
    shard.mkdir(parents=True)
    kept = [row for row in range(len(images)) if row not in left_out]
    np.save(shard / "images.npy", images[kept])
    with (shard / "images.tsv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t")
        writer.writeheader()
        for row in range(len(images)):
            ok = row in kept
            figures = dict.fromkeys(("minimum", "maximum", "mean", "sd", "foreground"), 0.0)
            writer.writerow(
                {
                    "image": f"sub-{row:03d}",
                    "index": kept.index(row) if ok else "",
                    "status": "ok" if ok else "left_out",
                    "reason": "" if ok else "truncated",
                    "shape": "8x8",
                    "spacing": "1x1",
                    **figures,
                }
            )
    contract = {
        "format": 1,
        "dims": images.ndim - 2,
        "channels": images.shape[1],
        "size": list(images.shape[2:]),
        "axes": None,
        "preprocessing": PREPROCESSING,
        "steps": [],
        "observed": {"images": len(kept), "spacing": None, "intensity": None},
    }
    (shard / "contract.json").write_text(json.dumps(contract))
    return folder


def write_subjects(folder: Path, ages: np.ndarray, name: str = "subjects") -> Path:
    """A subjects table with `age` and `sex` (M above 50 years): 60 % train, 20 % val, 20 % test."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = ("train", "train", "train", "val", "test")
    lines = ["image\tsubject\tgroup\tsite\tsplit\tlabel:age\tlabel:sex"]
    for row, age in enumerate(ages):
        sub, sex = f"sub-{row:03d}", "M" if age > 50 else "F"
        lines.append(f"{sub}\t{sub}\t{sub}\tA\t{parts[row % 5]}\t{age:.3f}\t{sex}")
    (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    return folder


def stage(
    stage_id: str = "s1",
    label: str = "age",
    size: Sequence[int] = (8, 8),
    *,
    heads: Sequence[Head] | None = None,
    cache: str = "cache",
    subjects: str = "subjects",
    **changes: Any,
) -> Stage:
    """A stage of the plan; `training__epochs=3` changes a nested key."""
    head = Head("age", "regression") if label == "age" else Head(label, "binary", ("F", "M"))
    heads = (head,) if heads is None else heads
    source = Source("toys", cache, subjects, tuple(head.label for head in heads), bool(heads))
    training = {"epochs": 3, "lr": 0.01, "batch_size": 8}
    record = sample_records.stage(
        id=stage_id,
        name="pretrain",
        role="pretrain",
        sources=(source,),
        heads=tuple(heads),
        architecture={"name": "resnet10", "filters": 4, "kernel": 3, "dropout": 0.2},
        input=Input(1, tuple(size)),
        objective={"mse" if label == "age" else "cross_entropy": {"weight": 1.0}},
        training=sample_records.training(**training),
        metric="mae" if label == "age" else "auroc",
    ).to_json()
    for path, value in changes.items():
        target: Any
        target, keys = record, path.split("__")
        for key in keys[:-1]:
            target = target[key]
        target[keys[-1]] = plain(value)
    return Stage.from_json(record)


def plain(value: Any) -> Any:
    """A record, or several, as JSON has them."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value.to_json() if isinstance(value, Record) else value


def pack(*stages: Stage, **execution: Any) -> Pack:
    return Pack("pack", "pretrain", 1, stages, ExecutionSettings(**execution))


def read(folder: Path, name: str = "metrics.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text())
    return found


def results(folder: Path) -> dict[str, bytes]:
    """All of a stage that must be equal, bit for bit, when it is trained again."""
    names = ("weights.safetensors", "history.csv", "predictions.csv", "learning_rates.csv")
    return {name: (folder / name).read_bytes() for name in names}


@contextmanager
def killed_in_third_epoch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine goes away in the third epoch: nothing catches a SystemExit; each has a checkpoint."""
    from tlpy.scenarios import checkpoints
    from tlpy.scenarios.keeper import Keeper

    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    monkeypatch.setattr(checkpoints, "TIMES_ITS_COST", 0.0)
    start = Keeper.on_train_epoch_start

    def dies(self: Keeper, trainer: Any, pl_module: Any) -> None:
        if trainer.current_epoch == 2:
            raise SystemExit(143)
        start(self, trainer, pl_module)

    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "on_train_epoch_start", dies)
        with pytest.raises(SystemExit):
            yield
