"""What PLAN knows of the data: tables and headers are read, no image is decoded.

Data sets that share files and preprocessing share one cache, whatever their labels: an image is decoded
once a run.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tlpy.config.digests import canonical, data_digest, digest
from tlpy.config.heads import infer_tasks, strata_of
from tlpy.data.labels import NONE, Task
from tlpy.data.shards import shard_ids
from tlpy.errors import InputError, Problem, Problems, nearest

if TYPE_CHECKING:
    from tlpy.data.readers.base import ImageHeader, ImageRecord, Reader

SPLIT_DEFAULTS = {"val": 0.15, "test": 0.15}

# Seconds to decode and conform one voxel, and to open one file (measured, one core, .nii.gz).
SECONDS_PER_VOXEL = 3.5e-8
SECONDS_PER_IMAGE = 3e-3
SECONDS_PER_SHARD = 30.0


@dataclass(frozen=True)
class Images:
    """All images of one reader on one path: what each cache is made of."""

    component: dict[str, Any]
    headers: dict[str, ImageHeader]
    fingerprints: dict[str, str]
    left_out: tuple[Problem, ...]
    faults: tuple[Problem, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Cache:
    """One prepared cache: the images of a path, conformed in one way."""

    id: str
    request: dict[str, Any]
    images: int
    shards: int

    def shard_ids(self) -> list[str]:
        return shard_ids(self.id, self.shards)


@dataclass(frozen=True)
class DataSet:
    """A data set as the plan sees it: its usable records, what is learnt from it, its cache.

    Attributes:
        tasks: by head: the label's name, or those of a multilabel task joined by `+`; empty where only the
            images are used.
    """

    name: str
    spec: dict[str, Any]
    records: tuple[ImageRecord, ...]
    tasks: dict[str, Task]
    cache: Cache
    channels: int
    size: tuple[int, ...]
    left_out: tuple[Problem, ...]
    fractions: dict[str, float]
    notes: tuple[str, ...] = ()
    label_said: bool = True

    @property
    def label(self) -> str:
        """The first label, by which splits are stratified; empty where there is none."""
        return next(iter(self.tasks), "")

    @property
    def task(self) -> Task:
        """What is learnt from the first label."""
        return self.tasks[self.label] if self.tasks else Task(NONE)

    @property
    def columns(self) -> list[str]:
        """The columns of all labels."""
        return [column for label, task in self.tasks.items() for column in task.columns(label)]

    def strata(self) -> dict[str, str | float]:
        """What a split keeps alike in each part: the class, or the number, of each image."""
        return strata_of(self.task, self.label, self.records)

    @property
    def has_official_split(self) -> bool:
        return any(record.split for record in self.records)


KeyT = TypeVar("KeyT")


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
    _images: dict[str, Images | InputError] = field(default_factory=dict)
    _datasets: dict[str, DataSet | InputError] = field(default_factory=dict)

    def dataset(self, name: str, spec: Mapping[str, Any], images_only: bool = False) -> DataSet:
        """The data set; raises `InputError` with everything that is wrong with it, again on each call.

        Args:
            images_only: no stage learns from its labels, so that they may be missing.
        """
        key = canonical([name, spec, images_only])
        return _remember(self._datasets, key, lambda: self._open(name, dict(spec), images_only))

    def _open(self, name: str, spec: dict[str, Any], images_only: bool) -> DataSet:
        from tlpy.data.labels import missing_labels
        from tlpy.data.preprocessing import validate

        where = f"datasets.{name}"
        problems = Problems()
        labels, said = _labels(spec, where)
        columns, fractions = _split_of(spec)
        problems.extend(_column_problems(columns, labels, where))
        preprocessing = validate(spec.get("preprocessing"), f"{where}.preprocessing", problems)
        problems.raise_if_any()
        reader = self._reader(spec, columns, where, preprocessing["window"])
        images = self._scan(spec, columns, reader)
        # Faults of the folder do not hide those of the labels: all are told at once.
        problems.extend(images.faults)
        reader.skippable, reader.notes = [], []
        found = reader.records(labels, spec.get("group"), problems)
        unlabelled = missing_labels(found, labels)
        # Of several labels some may be missing: these are masked. Without any, there is nothing to learn.
        absent = {} if images_only or not labels else unlabelled
        left_out = [*images.left_out, *reader.skippable, *absent.values()]
        used = [record for record in found if record.image not in absent]
        if self.on_bad_image == "error":
            problems.extend(left_out)
        records = [record for record in used if record.image in images.headers]
        if not records and not problems:
            what = "image with a label" if labels and not images_only else "image"
            problems.add(f"{where}.path", f"no usable {what} in {spec['path']}")
        labelled = [record for record in used if record.image not in unlabelled]
        # Labels that nothing is learnt from may be of no use: then nothing is scored by them.
        faults = Problems() if images_only else problems
        tasks = infer_tasks(labelled, labels, spec.get("task"), where, faults) if labelled else {}
        unusable = [f"not scored: {fault}" for fault in faults] if images_only else []
        tasks = {} if unusable else tasks
        size, channels = _common_grid(images, preprocessing, where, problems)
        problems.raise_if_any()
        return DataSet(
            name=name,
            spec=spec,
            records=tuple(records),
            tasks=tasks,
            cache=self._cache(spec, columns, images, preprocessing, size, channels),
            channels=channels,
            size=size,
            left_out=tuple(dict.fromkeys(left_out)),
            fractions=fractions,
            notes=tuple(
                dict.fromkeys(
                    [*images.notes, *reader.notes, *unusable, *(n for t in tasks.values() for n in t.notes)]
                )
            ),
            label_said=said,
        )

    def _reader(
        self, spec: Mapping[str, Any], columns: dict[str, str], where: str, window: int | None
    ) -> Reader:
        from tlpy.data.readers.registry import READERS, open_reader

        component = READERS.complete(spec["reader"], f"{where}.reader")
        root = self.roots.get(spec["path"], Path(spec["path"]))
        if not root.exists():
            raise InputError([Problem(f"{where}.path", f"{spec['path']} does not exist")])
        return open_reader(component, root, spec["path"], columns, window)

    def _scan(self, spec: Mapping[str, Any], columns: dict[str, str], reader: Reader) -> Images:
        key = canonical([spec["reader"], spec["path"], columns, reader.window])
        return _remember(self._images, key, lambda: self._read(spec, reader))

    @staticmethod
    def _read(spec: Mapping[str, Any], reader: Reader) -> Images:
        from tlpy.data.readers.registry import READERS

        component = READERS.complete(spec["reader"], "reader")
        problems = Problems()
        records = reader.records([], None, problems)
        skippable, notes = tuple(reader.skippable), tuple(reader.notes)
        headers, bad = _each(records, reader.header, spec["path"])
        prints, unreadable = _each(
            [r for r in records if r.image in headers], reader.fingerprint, spec["path"]
        )
        return Images(
            component=component,
            headers={image: header for image, header in headers.items() if image in prints},
            fingerprints=prints,
            left_out=(*skippable, *bad, *unreadable),
            faults=tuple(problems),
            notes=notes,
        )

    def _cache(
        self,
        spec: Mapping[str, Any],
        columns: dict[str, str],
        images: Images,
        preprocessing: dict[str, Any],
        size: tuple[int, ...],
        channels: int,
    ) -> Cache:
        request = {
            "reader": images.component,
            "columns": columns,
            "preprocessing": preprocessing,
            "channels": channels,
            "size": list(size),
            "on_bad_image": self.on_bad_image,
        }
        content = {"request": request, "images": images.fingerprints, "code": data_digest()}
        voxels = sum(math.prod(header.shape) for header in images.headers.values())
        seconds = voxels * SECONDS_PER_VOXEL + len(images.headers) * SECONDS_PER_IMAGE
        shards = max(1, math.ceil(seconds / SECONDS_PER_SHARD), min(self.slots, int(seconds / 10)))
        cache_id = digest(content)
        return Cache(
            id=cache_id,
            request={"cache": cache_id, "path": spec["path"], **request},
            images=len(images.headers),
            shards=min(shards, max(1, len(images.headers))),
        )


def _labels(spec: Mapping[str, Any], where: str) -> tuple[list[str], bool]:
    """The columns to learn from, and whether the user named them: some layouts have a label of their own."""
    from tlpy.data.readers.registry import READERS, own_label

    given, task = spec.get("label"), spec.get("task")
    if task == NONE:
        return [], True
    if given:
        labels = [given] if isinstance(given, str) else [str(label) for label in given]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise InputError([Problem(f"{where}.label", f"'{label}' is named twice") for label in twice])
        return labels, True
    label = own_label(READERS.complete(spec["reader"], f"{where}.reader")["name"])
    return ([label], False) if label else ([], True)


def _split_of(spec: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, float]]:
    columns = dict(spec.get("columns") or {})
    split = spec.get("split")
    if isinstance(split, str):
        return {**columns, "split": split}, dict(SPLIT_DEFAULTS)
    return columns, {**SPLIT_DEFAULTS, **(split or {})}


def _column_problems(columns: Mapping[str, str], labels: Sequence[str], where: str) -> list[Problem]:
    valid = ["image", "subject", "session", "group", "site", "split", *labels]
    return [
        Problem(f"{where}.columns.{name}", "is none of our column names", nearest(name, valid))
        for name in columns
        if name not in valid
    ]


def _each(
    records: Sequence[ImageRecord], read: Callable[[ImageRecord], KeyT], path: str
) -> tuple[dict[str, KeyT], list[Problem]]:
    """`read` of every record, side by side: on a network drive the wait is for the disk."""
    from tlpy.data.readers.base import ImageError

    def attempt(record: ImageRecord) -> KeyT | Problem:
        try:
            return read(record)
        except ImageError as error:
            return Problem(f"{path}: {record.file}", str(error))

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(attempt, records, chunksize=32))
    good = {
        r.image: result for r, result in zip(records, results, strict=True) if not isinstance(result, Problem)
    }
    return good, [result for result in results if isinstance(result, Problem)]


def _common_grid(
    images: Images, preprocessing: dict[str, Any], where: str, problems: Problems
) -> tuple[tuple[int, ...], int]:
    """The size and channels that every image has once it is conformed."""
    from tlpy.data.preprocessing import channels, output_size

    sizes: Counter[tuple[int, ...]] = Counter()
    depths: Counter[int] = Counter()
    for image, header in sorted(images.headers.items()):
        try:
            sizes[output_size(header, preprocessing)] += 1
            depths[channels(header, preprocessing)] += 1
        except ValueError as error:
            problems.add(f"{where}.preprocessing", f"{error} (image {image})")
            return (), 0
    if len(sizes) > 1:
        listed = ", ".join(f"{'×'.join(map(str, size))} ({count})" for size, count in sizes.most_common(5))
        more = f" and {len(sizes) - 5} more" if len(sizes) > 5 else ""
        largest = [max(axis) for axis in zip(*sizes, strict=False)]
        problems.add(
            f"{where}.preprocessing.size",
            f"the images have different shapes: {listed}{more}",
            f"crop or pad them to one, for example size: {largest}",
        )
    if len(depths) > 1:
        listed = ", ".join(f"{depth} ({count})" for depth, count in depths.most_common())
        problems.add(f"{where}.path", f"the images have different numbers of channels: {listed}")
    return (next(iter(sizes)), next(iter(depths))) if sizes else ((), 0)


def _remember(memory: dict[str, Any], key: str, make: Callable[[], Any]) -> Any:
    if key not in memory:
        try:
            memory[key] = make()
        except InputError as error:
            memory[key] = error
    if isinstance(memory[key], InputError):
        raise memory[key]
    return memory[key]
