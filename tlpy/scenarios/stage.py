"""One stage, start to end: build, take over, train, score, write."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tlpy.architectures.base import count_parameters
from tlpy.architectures.build import build
from tlpy.data.augmentation.pipeline import build_augmentation
from tlpy.data.contract import check
from tlpy.data.dataset import ImageSource, PreparedDataset
from tlpy.data.modules.build import build_datamodule
from tlpy.data.subjects import PARTS, Row, encode, fit_scaling, split_rows
from tlpy.errors import InputError, Problem
from tlpy.objectives.build import build_objective
from tlpy.scenarios import outputs
from tlpy.scenarios.checkpoints import StageCheckpoint
from tlpy.scenarios.device import (
    device_name,
    memory_format,
    peak_memory_mb,
    reset_peak_memory,
    seed_everything,
)
from tlpy.scenarios.fit import fit
from tlpy.scenarios.scores import heads, metrics
from tlpy.scenarios.sequential import SequentialScenario
from tlpy.transfer.apply import apply
from tlpy.weights.load import LoadReport, load_weights
from tlpy.weights.read import WEIGHTS, read_weights
from tlpy.weights.save import save_weights

_NO_VAL = "the epoch to keep is chosen by it: give one, or set keep: last and no early_stopping"


def train_stage(
    stage: Mapping[str, Any],
    source: ImageSource,
    rows: Sequence[Row],
    preprocessing: Mapping[str, Any],
    start: Path | None,
    folder: Path,
    accelerator: str = "cpu",
    checkpoint: StageCheckpoint | None = None,
    halvings: int = 0,
) -> dict[str, Any]:
    """Train `stage` and write its files into `folder`.

    Nothing that ran before in this process changes the numbers: the seed is set anew, and used for the start,
    the order of images and dropout.

    Args:
        stage: the record in the plan.
        source: the opened cache.
        rows: the stage's subjects.
        preprocessing: the contract that PREPARE wrote.
        start: weights to start from (a parent's safetensors, or a user's file); None: at random.
        folder: where to write; made.
        accelerator: `cpu` or `gpu`.
        checkpoint: what to continue from, and where to write.
        halvings: how often to halve the batch on the device; as many more of them make a step.

    Returns:
        What metrics.json holds.

    Raises:
        InputError: a part of the data is empty or has one class only.
        DivergedError: the loss is not a number.
    """
    began = time.perf_counter()
    if accelerator == "gpu":
        reset_peak_memory()
    task, training, size = stage["task"], stage["training"], stage["input"]["size"]
    seed_everything(stage["seed"])
    architecture = build(stage["architecture"], stage["input"]["channels"], size, heads(task))
    report = load_weights(architecture, read_weights(start)) if start else None
    architecture.to(memory_format=memory_format(len(size)))
    groups = apply(stage["transfer"], architecture)

    parts = {part: found for part, found in split_rows(rows, source, task, stage["dataset"]).items() if found}
    if "val" not in parts and (training["keep"] == "best" or training["early_stopping"]):
        raise InputError([Problem(f"datasets.{stage['dataset']}", "there is no validation part", _NO_VAL)])
    scaling = (
        {label: fit_scaling(parts["train"], label) for label in task["labels"]}
        if task["type"] == "regression"
        else {}
    )
    sets = {
        part: PreparedDataset(source, found, encode(found, task, scaling)) for part, found in parts.items()
    }
    objective = build_objective(stage["objective"], task)
    objective.start(architecture, report.loaded if report else frozenset(), sets["train"].targets)

    physical, accumulate = divide_batch(training["batch_size"], halvings)
    scenario = SequentialScenario(stage, architecture, objective, groups, parts, scaling)
    data = build_datamodule(
        training["datamodule"],
        (stage["input"]["channels"], *size),
        parts=sets,
        batch_size=physical,
        seed=stage["seed"],
        sampling=training["sampling"],
        pin_memory=accelerator == "gpu",
        augmentation=build_augmentation(training["augmentation"], stage["seed"]),
    )
    fitted = fit(
        scenario,
        data,
        training,
        stage["metric"],
        accelerator,
        accumulate,
        checkpoint,
    )
    total, trainable = count_parameters(architecture)
    keeper = fitted.keeper
    scored = {part: metrics(task, parts[part], found) for part, found in fitted.predicted.items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(architecture, folder / WEIGHTS)
    outputs.write_json(folder / "stage.json", stage)
    outputs.write_json(folder / "contract.json", outputs.contract(stage, preprocessing, scaling))
    outputs.write_json(folder / "load_report.json", describe_start(report, start, preprocessing))
    outputs.write_history(folder, keeper.history, stage["metric"])
    outputs.write_table(folder / "learning_rates.csv", keeper.learning_rates, ["epoch", "group", "lr"])
    outputs.write_predictions(folder, task, parts, fitted.predicted)
    result = {
        "id": stage["id"],
        "status": "done",
        "reason": None,
        "best_epoch": fitted.kept_epoch,
        "epochs_run": len(keeper.history),
        "stopped_early": keeper.stopped_early,
        "metrics": {"train": {}, "val": scored.get("val", {}), "test": scored.get("test", {})},
        "n": {part: len(parts.get(part, ())) for part in PARTS},
        "parameters": {"total": total, "trainable": trainable},
        "seconds": {"train": fitted.train_seconds, "total": time.perf_counter() - began},
        "device": device_name(accelerator),
        "peak_memory_mb": peak_memory_mb(accelerator),
        "physical_batch": physical,
        "resumed_from_epoch": keeper.resumed_from_epoch,
        "versions": outputs.versions(),
    }
    outputs.write_json(folder / "metrics.json", result)
    return result


def divide_batch(batch_size: int, halvings: int) -> tuple[int, int]:
    """Images at once on the device, and how many such batches make a step.

    The largest divisor of the batch that is at most its `halvings`-th half keeps the step exactly as large; a
    batch without such a divisor (a prime) is cut into nearly equal parts.
    """
    wanted = max(1, batch_size >> halvings)
    physical = next(size for size in range(wanted, 0, -1) if batch_size % size == 0)
    if physical == 1 < wanted:
        physical = wanted
    return physical, -(-batch_size // physical)


def describe_start(
    report: LoadReport | None, start: Path | None, preprocessing: Mapping[str, Any]
) -> dict[str, Any]:
    """load_report.json; `source` is null for a network that starts at random.

    `preprocessing` lists where these images were prepared in another way than those that the weights come
    from; null where the weights came without a contract.
    """
    if report is None or start is None:
        return {"source": None}
    source = start.parent.name if start.name == WEIGHTS else start.name
    try:
        contract = json.loads((start.parent / "contract.json").read_text(encoding="utf-8"))
        differences = check(contract["images"], preprocessing)
    except (OSError, ValueError, KeyError):
        differences = None
    return {"source": source, "preprocessing": differences, **report.as_dict()}
