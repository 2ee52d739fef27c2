"""What PLAN knows of the data: tables and headers are read, no image is decoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlpy.data.image_records import ImageRecord
from tlpy.data.labels import Task
from tlpy.digests import canonical
from tlpy.errors import InputError, Problem, Problems
from tlpy.plan.data.answers import answers_of
from tlpy.plan.data.caches import Wanted, share_caches
from tlpy.plan.data.columns import (
    column_problems,
    grouped_by,
    id_problems,
    labels_of,
    split_of,
    within_subjects,
)
from tlpy.plan.data.confounds import confounds_of
from tlpy.plan.data.filters import Filtered, keep
from tlpy.plan.data.given_splits import GivenSplit, given_split, is_table
from tlpy.plan.data.headers import Images, Seen, common_grid
from tlpy.plan.data.tasks import infer_tasks
from tlpy.plan.working import DataSet
from tlpy.privacy.people import Known
from tlpy.privacy.pseudonyms import KEY, Pseudonyms, read_key
from tlpy.records import Component

if TYPE_CHECKING:
    from tlpy.data.readers.base import Reader


@dataclass(frozen=True)
class _Said:
    """What the params say of a data set, completed and checked.

    Attributes:
        label_said: whether the user named the labels.
        columns: our column name → theirs.
        fractions: of the parts to hold out.
        vectors: whether the reader's images are vectors.
    """

    reader: Component
    labels: list[str]
    label_said: bool
    columns: dict[str, str]
    fractions: dict[str, float]
    preprocessing: dict[str, Any]
    vectors: bool

    @classmethod
    def of(cls, spec: Mapping[str, Any], where: str) -> _Said:
        """Raises `InputError` with everything that is wrong with the settings themselves."""
        from tlpy.data.preprocessing import validate
        from tlpy.data.readers.registry import READERS, reads_vectors

        problems = Problems()
        reader = READERS.complete(spec["reader"], f"{where}.reader")
        vectors = reads_vectors(reader)
        labels, said = labels_of(spec, where)
        columns, fractions = split_of(spec)
        asked = [*labels, *(spec.get("filter") or {}), *(spec.get("confounds") or [])]
        problems.extend(column_problems(columns, asked, where))
        preprocessing = validate(spec.get("preprocessing"), f"{where}.preprocessing", problems, vectors)
        problems.raise_if_any()
        return cls(reader, labels, said, columns, fractions, preprocessing, vectors)


@dataclass(frozen=True)
class _Read:
    """What a reader found of a data set.

    Attributes:
        found: the records that the filter keeps.
        seen: what the headers of their images tell.
        skippable, notes: of the reader, for these labels.
    """

    reader: Reader
    images: Images
    found: list[ImageRecord]
    filtered: Filtered | None
    seen: Seen
    skippable: list[Problem]
    notes: list[str]


@dataclass(frozen=True)
class _Usable:
    """The records that can be used, those of them with all labels, and what was left out."""

    records: list[ImageRecord]
    labelled: list[ImageRecord]
    left_out: list[Problem]


@dataclass(frozen=True)
class _Learnt:
    """The task of each head, and what was inferred of them."""

    tasks: dict[str, Task]
    notes: list[str]


def _learnt(
    labelled: list[ImageRecord],
    spec: Mapping[str, Any],
    said: _Said,
    images_only: bool,
    where: str,
    problems: Problems,
) -> _Learnt:
    """What is learnt from the labels, or scored by them where only the images are used."""
    # Labels that nothing is learnt from may be of no use: then nothing is scored by them.
    faults = Problems() if images_only else problems
    tasks = infer_tasks(labelled, said.labels, spec.get("task"), where, faults) if labelled else {}
    tasks = {} if images_only and faults else tasks
    # Nobody asked for a label of the reader's own.
    unusable = [f"not scored: {fault}" for fault in faults] if images_only and said.label_said else []
    return _Learnt(tasks, [*unusable, *(note for task in tasks.values() for note in task.notes)])


@dataclass
class Catalogue:
    """Opens each path once and remembers what it found.

    Args:
        roots: the path as the user wrote it → where it lies on this machine.
        on_bad_image: `error` or `skip`, for what can be left out.
        slots: how many tasks can run side by side; 0 where that is unknown.
    """

    roots: Mapping[str, Path]
    on_bad_image: str = "error"
    slots: int = 0
    people: set[Known] = field(default_factory=set)
    """Everybody that the data name, whether they take part or not."""
    _images: dict[str, Images | InputError] = field(default_factory=dict)
    _datasets: dict[str, DataSet | InputError] = field(default_factory=dict)

    def dataset(
        self,
        name: str,
        spec: Mapping[str, Any],
        images_only: bool = False,
        tasks: Mapping[str, Task] | None = None,
    ) -> DataSet:
        """The data set; raises `InputError` with everything that is wrong with it, again on each call.

        Args:
            images_only: no stage learns from its labels, so that they may be missing.
            tasks: what its labels are, where that is not to be inferred from them.
        """
        known = [[label, task.type, task.classes] for label, task in (tasks or {}).items()]
        key = canonical([name, spec, images_only, known])
        return _remember(self._datasets, key, lambda: self._open(name, dict(spec), images_only, tasks))

    def _open(
        self, name: str, spec: dict[str, Any], images_only: bool, tasks: Mapping[str, Task] | None
    ) -> DataSet:
        where = f"datasets.{name}"
        problems = Problems()
        said = _Said.of(spec, where)
        read = self._read(spec, said, where, problems)
        usable = self._usable(read, spec, said, images_only, where, problems)
        learnt = (
            _learnt(usable.labelled, spec, said, images_only, where, problems)
            if tasks is None
            else _Learnt(dict(tasks), [])
        )
        within = within_subjects(spec, usable.records, where, problems)
        if learnt.tasks:
            problems.extend(id_problems(said.labels, usable.labelled, within, where))
        given, records = self._given_parts(name, spec, read.images, usable.records, problems)
        confounds = confounds_of(spec, said.labels, read.reader, records, where, problems, read.images.faults)
        answers = answers_of(
            spec, read.reader, records, learnt.tasks, within, where, problems, read.images.faults
        )
        size, channels = common_grid(read.seen.headers, said.preprocessing, where, problems)
        problems.raise_if_any()
        request = {
            "reader": read.images.component,
            "columns": said.columns,
            "preprocessing": said.preprocessing,
            "channels": channels,
            "size": list(size),
            "on_bad_image": self.on_bad_image,
        }
        whole = read.filtered is None
        wanted = Wanted(spec["path"], request, read.seen.fingerprints, read.seen.voxels, whole=whole)
        return DataSet(
            name=name,
            spec=spec,
            records=tuple(records),
            tasks=learnt.tasks,
            wanted=wanted,
            cache=share_caches({name: wanted}, self.slots)[name],
            channels=channels,
            size=size,
            left_out=tuple(dict.fromkeys(usable.left_out)),
            fractions=said.fractions,
            notes=tuple(dict.fromkeys([*read.images.notes, *read.notes, *learnt.notes])),
            label_said=said.label_said,
            filtered=read.filtered,
            grouped_by=grouped_by(spec, read.reader, records),
            within=within,
            own_people=spec.get("people") == "own",
            people_named=read.reader.names_people,
            answers=answers,
            contents={record.image: read.seen.contents[record.image] for record in records},
            given=given,
            vectors=said.vectors,
            features=read.reader.feature_names() if said.vectors else (),
            confounds=confounds,
        )

    def _read(self, spec: Mapping[str, Any], said: _Said, where: str, problems: Problems) -> _Read:
        """What the reader finds, as far as the filter keeps it, and what the headers of these images tell."""
        window = said.preprocessing["window"]
        reader = self._reader(said.reader, spec["path"], said.columns, where, window)
        key = canonical([said.reader, spec["path"], said.columns, window])
        images = _remember(self._images, key, lambda: Images.of(reader, said.reader))
        # Faults of the folder do not hide those of the labels: all are told at once.
        problems.extend(images.faults)
        reader.skippable, reader.notes, reader.names_people = [], [], True
        found = reader.records(said.labels, spec.get("group"), problems)
        self.people.update(
            (r.image, r.file, r.subject, r.group, r.session) for r in (*images.records, *found)
        )
        skippable, notes = list(reader.skippable), list(reader.notes)
        filtered = None
        if spec.get("filter"):
            filtered = keep(found, spec, reader, f"{where}.filter", problems, images.faults)
            found = filtered.records
        kept = None if filtered is None else [record.image for record in found]
        seen = images.look(reader, spec["path"], kept)
        return _Read(reader, images, found, filtered, seen, skippable, notes)

    def _usable(
        self,
        read: _Read,
        spec: Mapping[str, Any],
        said: _Said,
        images_only: bool,
        where: str,
        problems: Problems,
    ) -> _Usable:
        """The records that can be used; what cannot is left out, or an error under `on_bad_image: error`."""
        from tlpy.data.labels import missing_labels

        unlabelled = missing_labels(read.found, said.labels)
        # Of several labels some may be missing: these are masked. Without any, there is nothing to learn.
        absent = {} if images_only or not said.labels else unlabelled
        left_out = [*read.images.left_out, *read.seen.bad, *read.skippable, *absent.values()]
        if self.on_bad_image == "error":
            problems.extend(left_out)
        used = [record for record in read.found if record.image not in absent]
        records = [record for record in used if record.image in read.seen.headers]
        if not records and not problems:
            what = "image with a label" if said.labels and not images_only else "image"
            problems.add(f"{where}.path", f"no usable {what} in {spec['path']}")
        return _Usable(records, [record for record in used if record.image not in unlabelled], left_out)

    def _given_parts(
        self,
        name: str,
        spec: Mapping[str, Any],
        images: Images,
        records: list[ImageRecord],
        problems: Problems,
    ) -> tuple[GivenSplit | None, list[ImageRecord]]:
        """The parts that a table gives back, and the records it names; None and all where there is none."""
        if not is_table(spec.get("split")):
            return None, records
        file = self.roots.get(spec["split"], Path(spec["split"]))
        known = [record.image for record in images.records]
        key = self.roots.get(KEY)
        pseudonyms = Pseudonyms(read_key(key)) if key else None
        given = given_split(spec, file, name, records, known, problems, pseudonyms)
        return given, list(given.records(records, None)) if given and not given.numbered else records

    def share(self, opened: Mapping[str, DataSet]) -> dict[str, DataSet]:
        """The data sets of a run, with caches that hold the images of all that use them."""
        caches = share_caches({key: data.wanted for key, data in opened.items()}, self.slots)
        return {key: replace(data, cache=caches[key]) for key, data in opened.items()}

    def _reader(
        self, component: dict[str, Any], path: str, columns: dict[str, str], where: str, window: int | None
    ) -> Reader:
        from tlpy.data.readers.registry import open_reader

        root = self.roots.get(path, Path(path))
        if not root.exists():
            raise InputError([Problem(f"{where}.path", f"{path} does not exist")])
        return open_reader(component, root, path, columns, window)


def reader_problems(datasets: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """What is wrong with the readers of data sets, those that no stage uses included."""
    from tlpy.data.readers.registry import READERS

    found: list[Problem] = []
    for name, spec in datasets.items():
        try:
            READERS.complete(spec["reader"], f"datasets.{name}.reader")
        except InputError as error:
            found += error.problems
    return found


def _remember(memory: dict[str, Any], key: str, make: Callable[[], Any]) -> Any:
    if key not in memory:
        try:
            memory[key] = make()
        except InputError as error:
            memory[key] = error
    if isinstance(memory[key], InputError):
        raise memory[key]
    return memory[key]
