"""From a stage and its data sets to its record: everything that determines what it gives, and its id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tlpy.architectures.cost import estimate_seconds, threads_for
from tlpy.architectures.layer_names import block_names
from tlpy.architectures.registry import ARCHITECTURES, complete_architecture
from tlpy.digests import digest
from tlpy.errors import InputError, Problem, Problems
from tlpy.plan.packs import START_UP
from tlpy.plan.stages.adabn import adabn_idle
from tlpy.plan.stages.goals import complete_goal
from tlpy.plan.stages.joint_heads import common_input, merge_heads
from tlpy.plan.stages.parts import part_problems
from tlpy.plan.stages.ways import held_back_problems, layer_problems
from tlpy.plan.working import DataSet, StageData, StageSpec
from tlpy.records import Component, Head, Input, Source, Stage, Training, task_type
from tlpy.scenarios.registry import SCENARIOS
from tlpy.transfer.registry import TRANSFERS, complete_transfer

# What identifies a stage to people or to the scheduler, but does not change its result.
NOT_IN_ID = ("id", "name", "role", "depth", "fold", "cost", "stored")


def resolve_stage(
    spec: StageSpec,
    sources: Sequence[StageData],
    parent: Stage | None,
    seed: int,
    fold: int | None,
    metric: str | None,
    code: str,
    weights_digest: str | None = None,
) -> Stage:
    """One stage, as TRAIN receives it.

    Args:
        spec: the stage as resolved from the params.
        sources: its data sets, those with labels first.
        parent: the stage before; None where the chain starts.
        seed: the replicate's seed.
        fold: the replicate's fold.
        metric: the user's metric; taken where it fits the stage's task and epochs are chosen by it.
        code: the digest of the code that trains.
        weights_digest: the digest of the content of `spec.weights`.

    Raises:
        InputError: where architecture, transfer, objective or scenario do not fit the data, or the data sets
            each other.
    """
    heads = _heads(spec, sources)
    started = parent is not None or spec.weights is not None
    problems = Problems()
    fitted = _fit_images(spec, sources[0].data, started, problems)
    if not heads and fitted.transfer is not None and TRANSFERS.facts(fitted.transfer["name"]).heads_alone:
        message = f"stage '{spec.name}' learns no label, so that it has no head to train"
        problems.add(f"{spec.where}.transfer", message, "full or freeze")
    if started:
        problems.extend(held_back_problems(fitted.transfer, sources, f"{spec.where}.transfer"))
    try:
        objective, scenario = complete_goal(spec, sources, heads, fitted.size, fitted.training, started)
    except InputError as error:
        problems.extend(error.problems)
    problems.raise_if_any()
    channels = sources[0].data.channels
    stage = Stage(
        id="",
        name=spec.name,
        role=spec.role,
        depth=0 if parent is None else parent.depth + 1,
        parent=None if parent is None else parent.id,
        sources=tuple(_source(source) for source in sources),
        heads=heads,
        scenario=scenario,
        architecture=fitted.architecture,
        input=Input(channels, fitted.size),
        transfer=fitted.transfer if started else None,
        weights=spec.weights,
        loading=spec.loading,
        objective=objective,
        training=fitted.training,
        seed=seed,
        fold=fold,
        metric=metric_of(metric if _chooses(fitted.training, scenario) else None, heads),
        cost=0.0,
        stored=False,
    )
    if fitted.training.adabn and adabn_idle(stage):
        stage = replace(stage, training=replace(fitted.training, adabn=False))
    return replace(
        stage, id=_identity(stage, sources, weights_digest, code), cost=estimated_cost(stage, sources)
    )


def _heads(spec: StageSpec, sources: Sequence[StageData]) -> tuple[Head, ...]:
    """What the stage learns; raises where its data sets fit neither that nor each other."""
    problems = Problems()
    problems.extend(common_input([source.data for source in sources], f"{spec.where}.dataset"))
    problems.extend(_unnamed_labels(spec, sources))
    problems.extend(part_problems(spec, sources))
    problems.raise_if_any()
    return merge_heads([source.data for source in sources if source.labelled], f"{spec.where}.dataset")


@dataclass
class _Fitted:
    """What a stage says of its images and network, completed and checked for the images as far as they fit.

    Attributes:
        size: of the images that the network gets.
    """

    training: Training
    size: tuple[int, ...]
    architecture: Component
    transfer: Component | None


def _fit_images(spec: StageSpec, data: DataSet, started: bool, problems: Problems) -> _Fitted:
    """Complete what depends on the size of the images; `problems` takes what does not fit."""
    fitted = _Fitted(spec.training, data.size, spec.architecture, spec.transfer)
    fitted.training, fitted.size = _fit_batches(spec, data, problems)
    size, vectors = fitted.size, data.vectors
    try:
        architecture = complete_architecture(spec.architecture, "architecture", size, vectors)
        fitted.architecture = architecture
        if fitted.training.threads is None:
            batch, channels = fitted.training.batch_size, data.channels
            threads = threads_for(architecture, fitted.size, channels, batch)
            fitted.training = replace(fitted.training, threads=threads)
        if spec.transfer is not None and started and ARCHITECTURES.facts(architecture["name"]).planned:
            where = f"{spec.where}.transfer"
            transfer = complete_transfer(spec.transfer, where, len(block_names(architecture)))
            fitted.transfer = transfer
            problems.extend(layer_problems(transfer, architecture, where))
    except InputError as error:
        problems.extend(error.problems)
    return fitted


def _fit_batches(spec: StageSpec, data: DataSet, problems: Problems) -> tuple[Training, tuple[int, ...]]:
    """The training, what is done to batches checked against the images; the size they then have."""
    from tlpy.data.augmentation.registry import complete_augmentation
    from tlpy.data.modules.registry import complete_datamodule, input_size

    training, size, vectors = spec.training, tuple(data.size), data.vectors
    try:
        datamodule = complete_datamodule(training.datamodule, f"{spec.where}.datamodule", size, vectors)
        training, size = replace(training, datamodule=datamodule), tuple(input_size(datamodule, size))
    except InputError as error:
        problems.extend(error.problems)
    try:
        steps = complete_augmentation(training.augmentation, f"{spec.where}.augmentation", size, vectors)
        training = replace(training, augmentation=tuple(steps) if steps else None)
    except InputError as error:
        problems.extend(error.problems)
    return training, size


def _source(source: StageData) -> Source:
    return Source(
        dataset=source.data.name,
        cache=source.data.cache.id,
        subjects=source.subjects.id,
        labels=source.labels,
        labelled=source.labelled,
        score_by=source.data.answers.by,
        combine=source.data.answers.combine,
    )


def metric_of(metric: str | None, heads: Sequence[Head]) -> str:
    """The user's metric where it fits the primary task, else that task's own."""
    from tlpy.metrics.registry import METRICS, primary

    kind = task_type(heads)
    return metric if metric is not None and kind in METRICS[metric].tasks else primary(kind)


def _chooses(training: Training, scenario: Component) -> bool:
    """Whether the metric decides on what a stage gives. Of an own scenario nobody knows what it reads."""
    chosen = training.keep == "best" or training.early_stopping is not None
    return chosen or scenario["name"] not in SCENARIOS


def _identity(stage: Stage, sources: Sequence[StageData], weights_digest: str | None, code: str) -> str:
    """The id of a stage. Images count by their own content, not by the cache that they share with others."""
    content = {key: value for key, value in stage.to_json().items() if key not in NOT_IN_ID}
    # What is refused is never trained.
    del content["loading"]["at_least"]
    for source, opened in zip(content["sources"], sources, strict=True):
        del source["dataset"]
        source["cache"] = opened.data.wanted.digest
    return digest({**content, "weights": weights_digest, "code": code})


def _unnamed_labels(spec: StageSpec, sources: Sequence[StageData]) -> list[Problem]:
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


def estimated_cost(stage: Stage, sources: Sequence[StageData]) -> float:
    """Seconds of one core, good to a factor of about two: for packing only."""
    step = estimate_seconds(stage.architecture, stage.input.size, stage.input.channels)
    learnt = [source for source in sources if source.labelled] or sources
    train, val, test = (sum(s.subjects.counts[part] for s in learnt) for part in ("train", "val", "test"))
    beside = train * stage.unlabelled_ratio if len(learnt) < len(sources) else 0
    # Validation every epoch and the test at the end are forward passes: a third of a training step.
    way = TRANSFERS.facts(stage.transfer["name"]).cost if stage.transfer else 1.0
    seen = stage.training.epochs * ((train + beside) * way + val / 3) + test / 3
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
