"""What a plan is made from: opened data sets, their tables under a split, stages that wait for their data.

They hold what is not written down (tables, problems, settings as given); what is, are records
(`tlpy.records`, `tlpy.plan.plan_records`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlpy.data.labels import Task
from tlpy.errors import Problem
from tlpy.files import write_table
from tlpy.plan.data.answers import Answering
from tlpy.plan.data.caches import Cache, Wanted
from tlpy.plan.data.confounds import Confounds
from tlpy.plan.data.filters import Filtered
from tlpy.plan.data.given_splits import GivenSplit
from tlpy.plan.data.tasks import strata_of
from tlpy.plan.plan_records import Replicate
from tlpy.records import NONE, Component, Head, Loading, Training

if TYPE_CHECKING:
    from tlpy.data.readers.base import ImageRecord

COLUMNS = ("image", "subject", "group", "site", "split")


@dataclass(frozen=True)
class DataSet:
    """A data set as the plan sees it: its usable records, what is learnt from it, its cache.

    Attributes:
        tasks: by head: the label's name, or those of a multilabel task joined by `+`; empty where only the
            images are used.
        wanted: its images, as they are prepared.
        cache: where they are found; shared with the run's other data sets by `Catalogue.share`.
        filtered: what its filter left, and of how many images; None where it has none.
        grouped_by: what splits keep together, in words.
        within: whether it is split inside its subjects, so that its parts share people.
        own_people: whether its people are others than those of equal ids in other data sets.
        people_named: whether it tells whose images they are.
        answers: what is one answer of all that it is scored by.
        contents: a digest of each image that equal images share.
        given: its parts, where the user gave them in a table.
        vectors: whether its images are vectors, as its reader says.
        features: of vectors, the names of the features in order; () where they have none.
        external: whether it takes no part, and is scored once at the end.
        confounds: what its table says beside the labels.
    """

    name: str
    spec: dict[str, Any]
    records: tuple[ImageRecord, ...]
    tasks: dict[str, Task]
    wanted: Wanted
    cache: Cache
    channels: int
    size: tuple[int, ...]
    left_out: tuple[Problem, ...]
    fractions: dict[str, float]
    notes: tuple[str, ...] = ()
    label_said: bool = True
    filtered: Filtered | None = None
    grouped_by: str = "subject"
    within: bool = False
    own_people: bool = False
    people_named: bool = True
    answers: Answering = field(default_factory=Answering)
    contents: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    given: GivenSplit | None = None
    vectors: bool = False
    features: tuple[str, ...] = field(default=(), repr=False)
    external: bool = False
    confounds: Confounds = field(default_factory=Confounds, compare=False, repr=False)

    @property
    def label(self) -> str:
        """The first label, by which splits are stratified; empty where there is none."""
        return next(iter(self.tasks), "")

    @property
    def task(self) -> Task:
        """What is learnt from the first label."""
        return self.tasks[self.label] if self.tasks else Task(NONE)

    @property
    def heads(self) -> tuple[Head, ...]:
        """What its labels can be learnt as."""
        return tuple(task.head(label) for label, task in self.tasks.items())

    def strata(self) -> dict[str, str | float]:
        """What a split keeps alike in each part: the class, or the number, of each image."""
        return strata_of(self.task, self.label, self.records)

    @property
    def repeated(self) -> int:
        """How many of its subjects have several images."""
        return sum(count > 1 for count in Counter(record.subject for record in self.records).values())

    @property
    def has_official_split(self) -> bool:
        return self.given.official if self.given else any(record.split for record in self.records)


@dataclass(frozen=True)
class SubjectTable:
    """One data set under one split.

    Attributes:
        id: the hash of the rows.
        counts: images by part.
        groups: groups (by default subjects) by part.
        columns: those of the labels.
        rows: image, subject, group, site, split, labels, and where `answers` which of its subject's answers
            the image belongs to; sorted by image. A label that is missing is empty.
        answers: whether a column divides subjects into answers.
    """

    id: str
    counts: dict[str, int]
    groups: dict[str, int]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    answers: bool = False

    def write(self, file: Path) -> None:
        """Write the table as TSV, labels by `label_column`: a user's may be called as one of `COLUMNS` is."""
        from tlpy.data.subjects import ANSWER, label_column

        last = [ANSWER] if self.answers else []
        write_table(file, [*COLUMNS, *map(label_column, self.columns), *last], self.rows)

    def column(self, name: str, part: str) -> Iterator[str]:
        """What a column says of the images of a part."""
        place, split = len(COLUMNS) + self.columns.index(name), COLUMNS.index("split")
        return (row[place] for row in self.rows if row[split] == part)


@dataclass(frozen=True)
class StageSpec:
    """One stage of a chain, resolved but for what only its data can tell.

    Attributes:
        name: the user's name for it.
        role: pretrain (first), adapt (between) or finetune (last).
        datasets: the data sets it trains on, jointly where there are several; the first is its target.
        labelled: those whose labels it learns: none where its objective needs no labels.
        unlabelled: data sets of which only the images are used.
        architecture: the network, with every argument.
        transfer: what is taken over and what may move; None where nothing came before.
        objective: the terms as given, not yet completed for the task.
        training: every training option.
        weights: a file to start from, or None.
        loading: what that file must give.
        train_size: a number or fraction of each data set's training subjects, or None for all.
        scenario: as given, or None.
        idle: keys that were set to something, but have no effect where nothing came before.
    """

    name: str
    role: str
    datasets: tuple[str, ...]
    labelled: tuple[str, ...]
    architecture: Component
    transfer: Component | None
    objective: dict[str, Any]
    training: Training
    weights: str | None = None
    loading: Loading = field(default_factory=Loading)
    train_size: float | None = None
    unlabelled: tuple[str, ...] = ()
    scenario: Any = None
    idle: tuple[str, ...] = field(default=(), compare=False)
    where: str = field(default="stages", compare=False)

    @property
    def dataset(self) -> str:
        """The data set it is judged by."""
        return self.datasets[0]

    @property
    def all_datasets(self) -> tuple[str, ...]:
        """Every data set it reads, each once."""
        return tuple(dict.fromkeys((*self.datasets, *self.unlabelled)))


@dataclass(frozen=True)
class StageData:
    """One data set of a stage, under one split.

    Attributes:
        labels: the heads that learn from it; of one without labels, those its test part is scored by.
        labelled: whether its labels are learnt.
    """

    data: DataSet
    subjects: SubjectTable
    labels: tuple[str, ...]
    labelled: bool


@dataclass(frozen=True)
class PairedReplicate:
    """A replicate of a variant, and what its last stage is compared with.

    Attributes:
        scratch: the id of its last stage from scratch, with equal settings.
        scratch_whole: the same for the whole chain's epochs; equal to `scratch` where these are its own.
    """

    replicate: Replicate
    scratch: str
    scratch_whole: str
