"""What PLAN knows of the data: tables and headers are read, no image is decoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlpy.digests import canonical
from tlpy.errors import InputError, Problem, Problems
from tlpy.plan.data.caches import Wanted, share_caches
from tlpy.plan.data.columns import column_problems, grouped_by, labels_of, split_of, within_subjects
from tlpy.plan.data.filters import keep
from tlpy.plan.data.given_splits import given_split, is_table
from tlpy.plan.data.headers import Images, common_grid
from tlpy.plan.data.tasks import infer_tasks
from tlpy.plan.working import DataSet

if TYPE_CHECKING:
    from tlpy.data.readers.base import Reader


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
        from tlpy.data.readers.registry import READERS

        where = f"datasets.{name}"
        problems = Problems()
        component = READERS.complete(spec["reader"], f"{where}.reader")
        labels, said = labels_of(spec, where)
        columns, fractions = split_of(spec)
        problems.extend(column_problems(columns, [*labels, *(spec.get("filter") or {})], where))
        preprocessing = validate(spec.get("preprocessing"), f"{where}.preprocessing", problems)
        problems.raise_if_any()
        reader = self._reader(component, spec["path"], columns, where, preprocessing["window"])
        key = canonical([component, spec["path"], columns, preprocessing["window"]])
        images = _remember(self._images, key, lambda: Images.of(reader, component))
        # Faults of the folder do not hide those of the labels: all are told at once.
        problems.extend(images.faults)
        reader.skippable, reader.notes = [], []
        found = reader.records(labels, spec.get("group"), problems)
        skippable, notes = list(reader.skippable), list(reader.notes)
        filtered = None
        if spec.get("filter"):
            filtered = keep(found, spec, reader, f"{where}.filter", problems, images.faults)
            found = filtered.records
        kept = None if filtered is None else [record.image for record in found]
        seen = images.look(reader, spec["path"], kept)
        unlabelled = missing_labels(found, labels)
        # Of several labels some may be missing: these are masked. Without any, there is nothing to learn.
        absent = {} if images_only or not labels else unlabelled
        left_out = [*images.left_out, *seen.bad, *skippable, *absent.values()]
        used = [record for record in found if record.image not in absent]
        if self.on_bad_image == "error":
            problems.extend(left_out)
        records = [record for record in used if record.image in seen.headers]
        if not records and not problems:
            what = "image with a label" if labels and not images_only else "image"
            problems.add(f"{where}.path", f"no usable {what} in {spec['path']}")
        labelled = [record for record in used if record.image not in unlabelled]
        # Labels that nothing is learnt from may be of no use: then nothing is scored by them.
        faults = Problems() if images_only else problems
        tasks = infer_tasks(labelled, labels, spec.get("task"), where, faults) if labelled else {}
        tasks = {} if images_only and faults else tasks
        # Nobody asked for a label of the reader's own.
        unusable = [f"not scored: {fault}" for fault in faults] if images_only and said else []
        within = within_subjects(spec, records, where, problems)
        given = None
        if is_table(spec.get("split")):
            file = self.roots.get(spec["split"], Path(spec["split"]))
            known = [record.image for record in images.records]
            given = given_split(spec, file, name, records, known, problems)
            records = list(given.records(records, None)) if given and not given.numbered else records
        size, channels = common_grid(seen.headers, preprocessing, where, problems)
        problems.raise_if_any()
        request = {
            "reader": images.component,
            "columns": columns,
            "preprocessing": preprocessing,
            "channels": channels,
            "size": list(size),
            "on_bad_image": self.on_bad_image,
        }
        wanted = Wanted(spec["path"], request, seen.fingerprints, seen.voxels, whole=kept is None)
        told = [*images.notes, *notes, *unusable, *(note for task in tasks.values() for note in task.notes)]
        return DataSet(
            name=name,
            spec=spec,
            records=tuple(records),
            tasks=tasks,
            wanted=wanted,
            cache=share_caches({name: wanted}, self.slots)[name],
            channels=channels,
            size=size,
            left_out=tuple(dict.fromkeys(left_out)),
            fractions=fractions,
            notes=tuple(dict.fromkeys(told)),
            label_said=said,
            filtered=filtered,
            grouped_by=grouped_by(spec, reader, records),
            within=within,
            own_people=spec.get("people") == "own",
            contents={record.image: seen.contents[record.image] for record in records},
            given=given,
        )

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
