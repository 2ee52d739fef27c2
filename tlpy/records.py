"""What PLAN hands to TRAIN: stages with their data sets, heads and settings, as records with JSON both ways.

A record is read strictly: a key that it does not have, or lacks, is named. What follows from a record (the
data set that a stage is judged by, the columns of a head) is a property of it, and stands nowhere twice.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, Self

from tlpy.errors import Problems, nearest

# A part that is chosen by name or class path: "name", and its arguments. The one thing without fixed keys.
Component = dict[str, Any]
# The arguments of each term of an objective, by its name; the primary one first.
Terms = dict[str, dict[str, Any]]

REGRESSION, BINARY, MULTICLASS = "regression", "binary", "multiclass"
# What is one answer, where a subject has several images: see `tlpy.metrics.answers`.
BY_SUBJECT, BY_IMAGE = "subject", "image"
BY_MEAN = "mean"
# Several columns of 0 and 1 that are learnt as one; and no label at all.
MULTILABEL, NONE = "multilabel", "none"


class Record:
    """A frozen dataclass with JSON both ways: each field is a key of the same name, in the same order."""

    def to_json(self) -> dict[str, Any]:
        """Maps, lists and plain values alone; equal records give equal text."""
        return {name: _plain(getattr(self, name)) for name in _field_types(type(self))}  # type: ignore[arg-type]

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The record that `to_json` wrote.

        Raises:
            InputError: every key that is unknown or missing, and every value of another type, by its path.
        """
        problems = Problems()
        made = _read_record(cls, document, cls.__name__, problems)
        problems.raise_if_any()
        return typing.cast(Self, made)


@cache
def _field_types(record: type) -> dict[str, Any]:
    """The fields of a record and their types."""
    hints = typing.get_type_hints(record)
    return {one.name: hints[one.name] for one in fields(record)}


_LEAVES = (str, int, float, bool, type(None))


def _plain(value: Any) -> Any:
    # A plan of thousands of stages comes here millions of times: what is most frequent comes first.
    if value.__class__ in _LEAVES:
        return value
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _read_record(record: type[Record], value: object, where: str, problems: Problems) -> Any:
    if not isinstance(value, Mapping):
        problems.add(where, f"expected a map, found {value!r}")
        return None
    known = _field_types(record)  # type: ignore[arg-type]
    for key in value:
        if key not in known:
            problems.add(
                f"{where}.{key}", f"{record.__name__} has no such key", nearest(str(key), list(known))
            )
    before = len(problems)
    found = {}
    for key, wanted in known.items():
        if key in value:
            found[key] = _read(wanted, value[key], f"{where}.{key}", problems)
        else:
            problems.add(f"{where}.{key}", f"is missing in {record.__name__}")
    return record(**found) if len(problems) == before else None


def _read(wanted: Any, value: Any, where: str, problems: Problems) -> Any:
    """`value` as the type of its field."""
    origin, inner = typing.get_origin(wanted), typing.get_args(wanted)
    if wanted is Any:
        return value
    if origin is types.UnionType:
        (main,) = [kind for kind in inner if kind is not type(None)]
        return None if value is None else _read(main, value, where, problems)
    if isinstance(wanted, type) and issubclass(wanted, Record):
        return _read_record(wanted, value, where, problems)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_read(inner[0], item, f"{where}[{n}]", problems) for n, item in enumerate(value))
    if origin is dict and isinstance(value, Mapping):
        return {str(key): _read(inner[1], item, f"{where}.{key}", problems) for key, item in value.items()}
    if wanted in _SCALARS and _SCALARS[wanted](value):
        return value
    problems.add(where, f"expected {_NAMES[origin or wanted]}, found {value!r}")
    return None


_SCALARS: dict[type, Callable[[object], bool]] = {
    str: lambda value: isinstance(value, str),
    bool: lambda value: isinstance(value, bool),
    int: lambda value: isinstance(value, int) and not isinstance(value, bool),
    float: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}
_NAMES = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple: "a list",
    dict: "a map",
}


@dataclass(frozen=True)
class Head(Record):
    """What a network predicts of one label.

    Attributes:
        label: its name; of several columns that are learnt as one, their names joined by `+`.
        type: regression, binary, multiclass or multilabel.
        classes: the classes' names in the order of the outputs, of a multilabel head its columns; None for a
            regression. The positive class of two is the second.
    """

    label: str
    type: str
    classes: tuple[str, ...] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table that it learns."""
        return self.names if self.type == MULTILABEL else (self.label,)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its classes or columns; none for a regression."""
        return self.classes or ()

    @property
    def is_classification(self) -> bool:
        """Whether each image is of one class out of several."""
        return self.type in (BINARY, MULTICLASS)


def task_type(heads: typing.Sequence[Head]) -> str:
    """The type of the primary head; `none` where no label is learnt."""
    return heads[0].type if heads else NONE


@dataclass(frozen=True)
class Source(Record):
    """One data set of a stage, under one split.

    Attributes:
        dataset: its name in the params.
        cache: the id of its prepared images.
        subjects: the id of its table of subjects.
        labels: those that are learnt from it; of one without labels, those its test part is scored by.
        labelled: whether its labels are learnt.
        score_by: what is one answer, of all that it is scored by: `subject`, `image`, or the column that
            divides subjects into answers.
        combine: how what is predicted of an answer's images becomes one (`tlpy.metrics.combining.RULES`).
    """

    dataset: str
    cache: str
    subjects: str
    labels: tuple[str, ...]
    labelled: bool
    score_by: str = BY_SUBJECT
    combine: str = BY_MEAN


@dataclass(frozen=True)
class Input(Record):
    """The images as the network gets them: channels, and voxels along each axis."""

    channels: int
    size: tuple[int, ...]


@dataclass(frozen=True)
class EarlyStopping(Record):
    """Epochs to wait for an improvement by more than `min_delta`."""

    patience: int
    min_delta: float


@dataclass(frozen=True)
class Training(Record):
    """How a stage is trained: the params' group `training_options`, each component completed.

    Attributes:
        batch_size: images a step, before `accumulate`.
        accumulate: batches a step.
        sampling: `shuffle` or `oversample`.
        keep: `best` (by validation) or `last`: whose weights are kept.
        threads: that a CPU computes with, part of the result; None until the size of a step is known.
        adabn: whether images without labels have statistics of batch normalisation of their own.
    """

    epochs: int
    lr: float
    batch_size: int
    accumulate: int
    optimizer: Component
    schedule: Component
    early_stopping: EarlyStopping | None
    gradient_clip: float | None
    sampling: str
    augmentation: tuple[Component, ...] | None
    datamodule: Component
    precision: str
    keep: str
    threads: int | None
    adabn: bool


class Judged(Record):
    """What is learnt from data sets and judged by them: by a training, or by a plain baseline."""

    id: str
    sources: tuple[Source, ...]
    heads: tuple[Head, ...]
    metric: str

    @property
    def dataset(self) -> str:
        """The data set that it is judged by."""
        return self.sources[0].dataset

    @property
    def cache(self) -> str:
        """The prepared images of the data set that it is judged by."""
        return self.sources[0].cache

    @property
    def caches(self) -> tuple[str, ...]:
        """The prepared images that it reads, sorted, each once."""
        return tuple(sorted({source.cache for source in self.sources}))

    @property
    def task_type(self) -> str:
        """The type of its primary head; `none` where it learns no label."""
        return task_type(self.heads)

    def judged_on(self, label: str) -> int:
        """The number of the source that a label is judged by: the first that it is learnt from."""
        places = (n for n, source in enumerate(self.sources) if source.labelled and label in source.labels)
        return next(places)

    def heads_of(self, source: Source) -> tuple[Head, ...]:
        """The heads that learn from a source, or are scored on it."""
        return tuple(head for head in self.heads if head.label in source.labels)


@dataclass(frozen=True)
class Loading(Record):
    """What a user's file of weights must give, and how it is fitted.

    Attributes:
        at_least: the share of the encoder's parameters, counted in numbers, that has to be found in the file.
        channels: `sum` or `mean` of the input channels, where there are others; None: that which leaves the
            response to an image whose channels are all alike as it was.
    """

    at_least: float = 0.0
    channels: str | None = None


@dataclass(frozen=True)
class Stage(Judged):
    """One training, with everything that determines what it gives.

    Attributes:
        id: the hash of what determines its weights.
        name: the user's.
        role: pretrain, adapt or finetune.
        depth: how many stages came before.
        parent: the id of the stage whose weights it starts from; None: it has none.
        sources: its data sets, those with labels first.
        heads: one for each label that is learnt; it is judged by the first.
        transfer: what is taken over and what may move; None where it starts at random.
        weights: a file of weights to start from, as the user wrote it.
        loading: what that file must give; has no effect where there is none.
        seed, fold: of the replicate.
        metric: what its epochs and variants are chosen by.
        cost: about how many seconds it takes on one core.
        stored: whether it was finished when the plan was made.
    """

    id: str
    name: str
    role: str
    depth: int
    parent: str | None
    sources: tuple[Source, ...]
    heads: tuple[Head, ...]
    scenario: Component
    architecture: Component
    input: Input
    transfer: Component | None
    weights: str | None
    loading: Loading
    objective: Terms
    training: Training
    seed: int
    fold: int | None
    metric: str
    cost: float
    stored: bool

    @property
    def learnt(self) -> tuple[str, ...]:
        """The data sets whose labels it learns."""
        return tuple(source.dataset for source in self.sources if source.labelled)

    @property
    def blind(self) -> tuple[str, ...]:
        """The data sets of which it learns no label."""
        return tuple(source.dataset for source in self.sources if not source.labelled)

    @property
    def unlabelled_ratio(self) -> float:
        """Images without a label for each that has one; 0: they are there to be scored on alone."""
        return float(self.scenario.get("unlabelled_ratio", 1.0))


@dataclass(frozen=True)
class ExecutionSettings(Record):
    """How trainings are carried out; changes no result.

    Attributes:
        devices: how many train one stage together.
        strategy: Lightning's name of how they do.
        logger: what writes besides history.csv.
        on_contract_mismatch: `warn`, or `error`: weights for images that were prepared in another way are
            refused.
    """

    devices: int = 1
    strategy: str = "auto"
    logger: str = "csv"
    on_contract_mismatch: str = "warn"


def contract_beside(weights: str) -> str:
    """The contract.json that belongs to a file of weights, its path written as theirs is."""
    return f"{weights.rpartition('/')[0]}/contract.json" if "/" in weights else "contract.json"


@dataclass(frozen=True)
class Pack(Record):
    """Stages that one task trains, one after another.

    Attributes:
        files: where a user's file of weights, and the contract beside it, lie in the task, by their paths as
            the user wrote them.
    """

    id: str
    role: str
    cpus: int
    stages: tuple[Stage, ...]
    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ScoredStage(Record):
    """A stage that is to be scored, and the labels that the data set has of those it learnt."""

    id: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class ExternalRequest(Record):
    """What is scored on one external data set.

    Attributes:
        name: of the data set; the folder of its results is called so.
        cache: the id of its prepared images.
        subjects: the id of its table, all of whose rows are scored.
        stages: those that were chosen.
        score_by, combine: as those of a `Source`.
    """

    name: str
    cache: str
    subjects: str
    stages: tuple[ScoredStage, ...]
    score_by: str = BY_SUBJECT
    combine: str = BY_MEAN
