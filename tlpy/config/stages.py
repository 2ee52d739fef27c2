"""Stage records: everything that determines a trained stage, and the id that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlpy.config.catalogue import DataSet
from tlpy.config.chain import StageSpec
from tlpy.config.digests import digest
from tlpy.config.packs import START_UP
from tlpy.config.subjects import Subjects
from tlpy.errors import InputError, Problem, Problems

# What identifies a stage to people or to the scheduler, but does not change its result.
NOT_IN_ID = ("name", "role", "depth", "dataset", "fold", "cost", "stored")


def stage_record(
    spec: StageSpec,
    data: DataSet,
    subjects: Subjects,
    parent: Mapping[str, Any] | None,
    seed: int,
    fold: int | None,
    metric: str | None,
    code: str,
    weights_digest: str | None = None,
) -> dict[str, Any]:
    """The record of one stage, as TRAIN receives it.

    Args:
        spec: the stage as resolved from the params.
        data: its data set.
        subjects: its split.
        parent: the record of the stage before; None where the chain starts.
        seed: the replicate's seed.
        fold: the replicate's fold.
        metric: the user's metric; taken where it fits the stage's task.
        code: the digest of the code that trains.
        weights_digest: the digest of the content of `spec.weights`.

    Raises:
        InputError: where architecture, transfer or objective do not fit the data.
    """
    from tlpy.architectures.registry import block_names, complete_architecture
    from tlpy.evaluation.metrics import METRICS, primary
    from tlpy.objectives.registry import complete_objective
    from tlpy.transfer.registry import complete_transfer

    problems = Problems()
    task = {"type": data.task.type, "labels": [data.label], "classes": data.task.classes}
    started = parent is not None or spec.weights is not None
    architecture, objective, transfer = spec.architecture, {}, spec.transfer
    training, size = spec.training, data.size
    try:
        training, size = _images(spec, data.size)
        architecture = complete_architecture(spec.architecture, "architecture", size)
        if transfer is not None and started and "." not in architecture["name"]:
            transfer = complete_transfer(transfer, f"{spec.where}.transfer", len(block_names(architecture)))
    except InputError as error:
        problems.extend(error.problems)
    try:
        objective = complete_objective(spec.objective, task, f"{spec.where}.objective", started)
    except InputError as error:
        problems.extend(error.problems)
    problems.raise_if_any()
    fits = metric is not None and data.task.type in METRICS[metric].tasks
    record = {
        "name": spec.name,
        "role": spec.role,
        "depth": 0 if parent is None else parent["depth"] + 1,
        "parent": None if parent is None else parent["id"],
        "dataset": data.name,
        "cache": data.cache.id,
        "subjects": subjects.id,
        "task": task,
        "architecture": architecture,
        "input": {"channels": data.channels, "size": list(size)},
        "transfer": transfer if started else None,
        "weights": spec.weights,
        "objective": objective,
        "training": training,
        "seed": seed,
        "fold": fold,
        "metric": metric if fits else primary(data.task.type),
        "cost": estimated_cost(architecture, size, data.channels, subjects, training["epochs"]),
        "stored": False,
    }
    content = {key: value for key, value in record.items() if key not in NOT_IN_ID and key != "weights"}
    stage_id = digest({**content, "weights": weights_digest, "code": code})
    return {"id": stage_id, **record}


def _images(spec: StageSpec, size: Sequence[int]) -> tuple[dict[str, Any], tuple[int, ...]]:
    """The training record, what is done to batches checked against the images; the size they then have."""
    from tlpy.data.augmentation.registry import complete_augmentation
    from tlpy.data.modules.registry import complete_datamodule, input_size

    datamodule = complete_datamodule(spec.training["datamodule"], f"{spec.where}.datamodule", size)
    given = input_size(datamodule, size)
    augmentation = complete_augmentation(spec.training["augmentation"], f"{spec.where}.augmentation", given)
    return {**spec.training, "datamodule": datamodule, "augmentation": augmentation}, given


def estimated_cost(
    architecture: Mapping[str, Any], size: Sequence[int], channels: int, subjects: Subjects, epochs: int
) -> float:
    """Seconds of one core, good to a factor of about two: for packing only."""
    from tlpy.architectures.cost import estimate_seconds

    step = estimate_seconds(architecture, size, channels)
    # Validation every epoch and the test at the end are forward passes: a third of a training step.
    seen = epochs * (subjects.counts["train"] + subjects.counts["val"] / 3) + subjects.counts["test"] / 3
    return round(step * seen + START_UP / 10, 3)


def metric_problems(metric: str | None, targets: Mapping[str, DataSet]) -> list[Problem]:
    """Targets whose task the metric does not fit."""
    if metric is None:
        return []
    from tlpy.evaluation.metrics import METRICS

    return [
        Problem(
            "metric",
            f"{metric} is not defined for {data.task.type} (data set '{name}')",
            "use one of: " + ", ".join(m for m in METRICS if data.task.type in METRICS[m].tasks),
        )
        for name, data in sorted(targets.items())
        if data.task.type not in METRICS[metric].tasks
    ]
