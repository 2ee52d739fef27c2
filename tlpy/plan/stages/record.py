"""Stage records: everything that determines a trained stage, and the id that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tlpy.digests import digest
from tlpy.errors import InputError, Problem, Problems
from tlpy.plan.data.catalogue import DataSet
from tlpy.plan.data.split_tables import Subjects
from tlpy.plan.packs import START_UP
from tlpy.plan.stages.chain import StageSpec
from tlpy.plan.stages.goals import complete_goal
from tlpy.plan.stages.heads import common_input, merge_heads

# What identifies a stage to people or to the scheduler, but does not change its result.
NOT_IN_ID = ("name", "role", "depth", "dataset", "fold", "cost", "stored")


@dataclass(frozen=True)
class Source:
    """One data set of a stage, under one split.

    Attributes:
        labels: the heads that learn from it; of a source without labels, those its test part is scored by.
        labelled: whether its labels are learnt.
    """

    data: DataSet
    subjects: Subjects
    labels: tuple[str, ...]
    labelled: bool

    def record(self) -> dict[str, Any]:
        return {
            "dataset": self.data.name,
            "cache": self.data.cache.id,
            "subjects": self.subjects.id,
            "labels": list(self.labels),
            "labelled": self.labelled,
        }


def stage_record(
    spec: StageSpec,
    sources: Sequence[Source],
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
        sources: its data sets, those with labels first.
        parent: the record of the stage before; None where the chain starts.
        seed: the replicate's seed.
        fold: the replicate's fold.
        metric: the user's metric; taken where it fits the stage's task.
        code: the digest of the code that trains.
        weights_digest: the digest of the content of `spec.weights`.

    Raises:
        InputError: where architecture, transfer, objective or scenario do not fit the data, or the data sets
            each other.
    """
    from tlpy.architectures.layer_names import block_names, check_layer
    from tlpy.architectures.registry import ARCHITECTURES, complete_architecture
    from tlpy.metrics.registry import METRICS, primary
    from tlpy.transfer.registry import TRANSFERS, complete_transfer

    problems = Problems()
    data = sources[0].data
    problems.extend(common_input([source.data for source in sources], f"{spec.where}.dataset"))
    problems.extend(_unnamed_labels(spec, sources))
    problems.raise_if_any()
    tasks = merge_heads([source.data for source in sources if source.labelled], f"{spec.where}.dataset")
    task = primary_task(tasks)
    started = parent is not None or spec.weights is not None
    architecture, transfer = spec.architecture, spec.transfer
    objective: dict[str, Any] = {}
    scenario: dict[str, Any] = {}
    training, size = spec.training, data.size
    try:
        training, size = _images(spec, data.size)
        architecture = complete_architecture(spec.architecture, "architecture", size)
        if transfer is not None and started and ARCHITECTURES.facts(architecture["name"]).planned:
            transfer = complete_transfer(transfer, f"{spec.where}.transfer", len(block_names(architecture)))
            if transfer.get("up_to"):
                check_layer(architecture, transfer["up_to"], f"{spec.where}.transfer.up_to")
    except InputError as error:
        problems.extend(error.problems)
    if not tasks and transfer is not None and TRANSFERS.facts(transfer["name"]).heads_alone:
        message = f"stage '{spec.name}' learns no label, so that it has no head to train"
        problems.add(f"{spec.where}.transfer", message, "full or freeze")
    try:
        objective, scenario = complete_goal(spec, sources, task, tasks, size, training, started)
    except InputError as error:
        problems.extend(error.problems)
    problems.raise_if_any()
    fits = metric is not None and task["type"] in METRICS[metric].tasks
    record: dict[str, Any] = {
        "name": spec.name,
        "role": spec.role,
        "depth": 0 if parent is None else parent["depth"] + 1,
        "parent": None if parent is None else parent["id"],
        "dataset": data.name,
        "cache": data.cache.id,
        "subjects": sources[0].subjects.id,
        "task": task,
        "tasks": tasks,
        "sources": [source.record() for source in sources],
        "scenario": scenario,
        "architecture": architecture,
        "input": {"channels": data.channels, "size": list(size)},
        "transfer": transfer if started else None,
        "weights": spec.weights,
        "objective": objective,
        "training": training,
        "seed": seed,
        "fold": fold,
        "metric": metric if fits else primary(task["type"]),
        "cost": estimated_cost(architecture, size, data.channels, sources, scenario, training["epochs"]),
        "stored": False,
    }
    return {"id": _identity(record, sources, weights_digest, code), **record}


def _identity(
    record: Mapping[str, Any], sources: Sequence[Source], weights_digest: str | None, code: str
) -> str:
    """The id of a stage. Images count by their own content, not by the cache that they share with others."""
    content = {key: value for key, value in record.items() if key not in NOT_IN_ID}
    content["cache"] = sources[0].data.wanted.digest
    content["sources"] = [
        {
            **{key: value for key, value in source.record().items() if key != "dataset"},
            "cache": source.data.wanted.digest,
        }
        for source in sources
    ]
    return digest({**content, "weights": weights_digest, "code": code})


def _images(spec: StageSpec, size: Sequence[int]) -> tuple[dict[str, Any], tuple[int, ...]]:
    """The training record, what is done to batches checked against the images; the size they then have."""
    from tlpy.data.augmentation.registry import complete_augmentation
    from tlpy.data.modules.registry import complete_datamodule, input_size

    datamodule = complete_datamodule(spec.training["datamodule"], f"{spec.where}.datamodule", size)
    given = input_size(datamodule, size)
    augmentation = complete_augmentation(spec.training["augmentation"], f"{spec.where}.augmentation", given)
    return {**spec.training, "datamodule": datamodule, "augmentation": augmentation}, given


def primary_task(tasks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The task that a stage is judged by: that of its first head."""
    if not tasks:
        return {"type": "none", "labels": [], "classes": None}
    first = tasks[0]
    return {"type": first["type"], "labels": [first["label"]], "classes": first["classes"]}


def _unnamed_labels(spec: StageSpec, sources: Sequence[Source]) -> list[Problem]:
    """Data sets that a stage is to learn labels of, but that name none."""
    lacking = [source.data.name for source in sources if source.labelled and not source.data.tasks]
    several = len(lacking) < sum(source.labelled for source in sources)
    hint = (
        f"name it, or list the data set under {spec.where}.unlabelled"
        if several
        else "name the column to predict, or give the stage an objective without labels, such as simclr"
    )
    return [
        Problem(f"datasets.{name}.label", f"is missing, but stage '{spec.name}' learns it", hint)
        for name in lacking
    ]


def estimated_cost(
    architecture: Mapping[str, Any],
    size: Sequence[int],
    channels: int,
    sources: Sequence[Source],
    scenario: Mapping[str, Any],
    epochs: int,
) -> float:
    """Seconds of one core, good to a factor of about two: for packing only."""
    from tlpy.architectures.cost import estimate_seconds

    step = estimate_seconds(architecture, size, channels)
    learnt = [source for source in sources if source.labelled] or sources
    train, val, test = (sum(s.subjects.counts[part] for s in learnt) for part in ("train", "val", "test"))
    if len(learnt) < len(sources):
        train *= 1 + scenario.get("unlabelled_ratio", 1.0)
    # Validation every epoch and the test at the end are forward passes: a third of a training step.
    seen = epochs * (train + val / 3) + test / 3
    return round(step * seen + START_UP / 10, 3)


def metric_problems(metric: str | None, targets: Mapping[str, DataSet]) -> list[Problem]:
    """Targets whose task the metric does not fit."""
    if metric is None:
        return []
    from tlpy.metrics.registry import METRICS

    return [
        Problem(
            "metric",
            f"{metric} is not defined for {data.task.type} (data set '{name}')",
            "use one of: " + ", ".join(m for m in METRICS if data.task.type in METRICS[m].tasks),
        )
        for name, data in sorted(targets.items())
        if data.task.type not in METRICS[metric].tasks
    ]
