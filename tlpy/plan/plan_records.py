"""What `plan.json` and `tasks.json` hold, as records: PLAN writes them, ranking and the report read them.

They stand apart from `tlpy.records`, since nothing here has a part in what a training gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tlpy.plain.fits import PlainFit, PlainPack
from tlpy.records import BY_MEAN, BY_SUBJECT, Component, Head, Pack, Record, Stage

FORMAT = 1


@dataclass(frozen=True)
class Replicate(Record):
    """One seed or fold of a variant: the ids of its stages, first to last."""

    seed: int
    fold: int | None
    stages: tuple[str, ...]


@dataclass(frozen=True)
class Variant(Record):
    """One full assignment of the search space, with the stages of each of its replicates.

    Attributes:
        settings: searched path → value; None where it has no effect.
        baseline: whether it is trained from scratch.
        scratch: the id of its from-scratch twin; None for a baseline, or where there is none.
        target: what it is ranked under: the data set of its last stage.
        chain: the names of its stages.
    """

    id: str
    label: str
    settings: dict[str, Any]
    baseline: bool
    scratch: str | None
    target: str
    metric: str
    chain: tuple[str, ...]
    replicates: tuple[Replicate, ...]

    @property
    def stages(self) -> tuple[str, ...]:
        """The ids of all its stages, each once."""
        return tuple(dict.fromkeys(stage for replicate in self.replicates for stage in replicate.stages))


@dataclass(frozen=True)
class PlainVariant(Record):
    """A plain baseline on one of the splits that a target's variants are on.

    Attributes:
        settings: of the search, those that tell it from the same baseline on other splits.
        replicates: as a variant's; the id of its fit stands where a variant has those of its stages.
    """

    id: str
    label: str
    target: str
    component: Component
    settings: dict[str, Any]
    metric: str
    replicates: tuple[Replicate, ...]


@dataclass(frozen=True)
class Counts(Record):
    """Images or groups of a data set, by part."""

    all: int
    train: int
    val: int
    test: int


@dataclass(frozen=True)
class LeftOut(Record):
    """An image that takes no part, and why."""

    where: str
    reason: str


@dataclass(frozen=True)
class DatasetFacts(Record):
    """What the plan found of a data set.

    Attributes:
        heads: what its labels can be learnt as, the first being the primary one.
        n, groups: of its first split, before any subset was taken.
        filter: which of its images take part, as in the params; None: all.
        images: their ids, where there is a filter: others may be in the cache.
        split_by: what its split keeps together, in words.
        within: whether it was split inside its subjects, so that its parts share people.
        own_people: whether its people are others than those of equal ids in other data sets.
        people_named: whether it tells whose images they are.
        split_given: the user's table of its parts.
        equal: how many of its images are equal to an image under another subject's id.
        external: whether it takes no part, and is scored once at the end.
        confounds: what its table says beside the labels, each as a label would be read.
        score_by, combine: what is one answer of all that it is scored by, as in a `Source`.
        repeated: how many of its subjects have several images.
        vectors: whether its images are vectors, features in no order.
    """

    reader: Component
    path: str
    heads: tuple[Head, ...]
    n: Counts
    groups: Counts
    cache: str
    channels: int
    size: tuple[int, ...]
    left_out: tuple[LeftOut, ...]
    official_split: bool
    filter: dict[str, Any] | None
    images: tuple[str, ...] | None
    split_by: str = "subject"
    within: bool = False
    own_people: bool = False
    people_named: bool = True
    equal: int = 0
    split_given: str | None = None
    external: bool = False
    confounds: tuple[Head, ...] = ()
    score_by: str = BY_SUBJECT
    combine: str = BY_MEAN
    repeated: int = 0
    vectors: bool = False


@dataclass(frozen=True)
class CacheFacts(Record):
    """Prepared images that data sets share, and how they are made.

    Attributes:
        columns: our names of the table's columns → the user's.
        preprocessing: the settings, with every default.
        images: how many.
        shards: how many tasks prepare them.
        stored: whether they were in the store when the plan was made.
    """

    datasets: tuple[str, ...]
    path: str
    reader: Component
    columns: dict[str, str]
    preprocessing: dict[str, Any]
    channels: int
    size: tuple[int, ...]
    on_bad_image: str
    images: int
    shards: int
    stored: bool


@dataclass(frozen=True)
class PlannedPack(Record):
    """The ids of the stages that one task trains.

    Attributes:
        depth: how many stages came before each of them.
        cpus: cores that it may use.
    """

    id: str
    role: str
    depth: int
    cpus: int
    stages: tuple[str, ...]


@dataclass(frozen=True)
class Sharing(Record):
    """How many stage runs and epochs sharing and the store saved."""

    variants: int
    stage_runs: int
    distinct: int
    stored: int
    to_train: int
    epochs_unshared: int
    epochs_distinct: int
    epochs_to_train: int


@dataclass(frozen=True)
class Inferred(Record):
    """A setting that the params file did not say, and how it was settled."""

    what: str
    value: str
    why: str


@dataclass(frozen=True)
class Dropped(Record):
    """A setting that was said, but has no effect."""

    what: str
    why: str


@dataclass(frozen=True)
class Software(Record):
    """The version of `tlpy`, and the digest of its code and the user's that trains."""

    version: str
    digest: str


@dataclass(frozen=True)
class ExternalSet(Record):
    """A data set that takes no part, as it is scored for one target.

    Attributes:
        name: under which `Plan.datasets` has it.
        target: what the variants that are scored on it are ranked under.
        target_cache: the prepared images of the target's version that it goes with.
        cache, subjects: its own prepared images, and its table.
        labels: of the target's, those that it has; the first is the one that the target is judged by.
        differences: where its images are prepared in another way than the target's, as far as settings tell.
    """

    name: str
    target: str
    target_cache: str
    cache: str
    subjects: str
    labels: tuple[str, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True)
class Plan(Record):
    """`plan.json`: what PLAN found out and decided.

    Attributes:
        components: the digest of the folder of own components.
        params: as the user gave them.
        metric: the user's, or None.
        normalised: settings without effect.
        external: data sets that take no part, as each is scored.
        plain: the plain baselines beside the variants.
        plain_fits: what is fitted for them, by id.
    """

    format: int
    tlpy: Software
    components: str | None
    seed: int
    params: dict[str, Any]
    metric: str | None
    datasets: dict[str, DatasetFacts]
    caches: dict[str, CacheFacts]
    stages: dict[str, Stage]
    variants: tuple[Variant, ...]
    packs: tuple[PlannedPack, ...]
    sharing: Sharing
    inferred: tuple[Inferred, ...]
    normalised: tuple[Dropped, ...]
    warnings: tuple[str, ...]
    external: tuple[ExternalSet, ...] = ()
    plain: tuple[PlainVariant, ...] = ()
    plain_fits: dict[str, PlainFit] = field(default_factory=dict)


@dataclass(frozen=True)
class PrepareTask(Record):
    """One task of PREPARE.

    Attributes:
        source: the data set's path as the user wrote it.
        beside: absolute paths among the reader's arguments, which may be inputs of their own.
        request: what PREPARE is told.
    """

    id: str
    source: str
    beside: tuple[str, ...]
    request: dict[str, Any]


@dataclass(frozen=True)
class TrainTask(Record):
    """One task of TRAIN, and what is to be staged for it.

    Attributes:
        caches: ids of prepared images; `prepared` are those of their shards.
        subjects: ids of tables of subjects.
        parents: ids of stages that other tasks of this run train.
        stored_parents: those that are in the store.
        weights: the user's files, and the contracts beside them.
        pack: what TRAIN is told.
    """

    id: str
    role: str
    depth: int
    cpus: int
    caches: tuple[str, ...]
    prepared: tuple[str, ...]
    subjects: tuple[str, ...]
    parents: tuple[str, ...]
    stored_parents: tuple[str, ...]
    weights: tuple[str, ...]
    pack: Pack


@dataclass(frozen=True)
class ExternalTask(Record):
    """What the task that scores the chosen stages on an external data set needs beside them.

    Attributes:
        id: the data set's name in the plan.
        cpus: cores that it may use.
        prepared: ids of the shards of its prepared images.
        subjects: the id of its table.
    """

    id: str
    cpus: int
    prepared: tuple[str, ...]
    subjects: str


@dataclass(frozen=True)
class PlainTask(Record):
    """One task of PLAIN: the baselines of one target, and what is to be staged for them.

    Attributes:
        prepared: ids of shards of prepared images.
        subjects: ids of tables of subjects.
        pack: what PLAIN is told.
    """

    id: str
    prepared: tuple[str, ...]
    subjects: tuple[str, ...]
    pack: PlainPack


@dataclass(frozen=True)
class Tasks(Record):
    """`tasks.json`: what Nextflow is to run, or the problems that forbid it.

    Attributes:
        summary: the plan in a few lines, for the log.
        stored_stages, stored_prepared: what is taken from the store.
    """

    problems: tuple[str, ...]
    summary: tuple[str, ...]
    prepare: tuple[PrepareTask, ...]
    packs: tuple[TrainTask, ...]
    stored_stages: tuple[str, ...]
    stored_prepared: tuple[str, ...]
    external: tuple[ExternalTask, ...] = ()
    plain: tuple[PlainTask, ...] = ()
