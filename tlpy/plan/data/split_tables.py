"""Who trains, validates and tests: the tables that PLAN hands to each stage, and publishes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from tlpy.digests import digest
from tlpy.errors import InputError, Problem
from tlpy.plan.working import DataSet, SubjectTable

if TYPE_CHECKING:
    from tlpy.data.ties import Ties

PARTS = ("train", "val", "test")
# Of a published split: which one (version, seed, target, fold), and where each image is in it.
PUBLISHED = (
    "dataset", "version", "seed", "target", "fold", "image", "subject", "group", "unit", "part", "content",
)  # fmt: skip

Assignment = Mapping[str, Mapping[str, str]]
PublishedRow = tuple[str, ...]


@dataclass(frozen=True)
class _Key:
    """One split: of which data sets, which of them is cut into folds, how many, which one."""

    run: tuple[int, ...]
    target: str | None
    folds: int | None
    fold: int | None


class SplitBook:
    """Splits a run's data sets jointly, and remembers each split."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.tables: dict[str, SubjectTable] = {}
        self._data: dict[str, DataSet] = {}
        self._base: dict[int, SubjectTable] = {}
        self._splits: dict[_Key, Assignment] = {}
        self._units: dict[_Key, Assignment] = {}
        self._runs: dict[tuple[int, ...], dict[str, DataSet]] = {}
        self._subjects: dict[tuple[object, ...], SubjectTable] = {}

    def subjects(
        self,
        datasets: Mapping[str, DataSet],
        name: str,
        target: str,
        folds: int | None,
        fold: int | None,
        train_size: float | None = None,
        scored: Sequence[str] | None = None,
    ) -> SubjectTable:
        """The table of data set `name` in one replicate of a variant.

        Args:
            datasets: every data set of the run, in the order of the file.
            name: whose table.
            target: the data set of the chain's last stage, which `folds` cut.
            folds: how many, or None.
            fold: which one, or None.
            train_size: a nested subset of the training part: a number of groups, or a fraction below 1.
            scored: of a data set that no label is learnt from, the labels that its test part is scored by.
                They stand in the rows of that part alone, so that nothing can be learnt from them.

        Raises:
            InputError: a part or a class of a part would be empty, fewer groups than folds.
        """
        split = _Key(tuple(id(data) for data in datasets.values()), target if folds else None, folds, fold)
        shown = None if scored is None else tuple(scored)
        key = (split, name, train_size, shown)
        if key not in self._subjects:
            parts = self._split(split, datasets)[name]
            table = _table(datasets[name], parts, train_size, self.seed, shown)
            self._subjects[key] = self.tables.setdefault(table.id, table)
            self._data.setdefault(table.id, datasets[name])
            if id(datasets[name]) not in self._base:
                self._base[id(datasets[name])] = _table(datasets[name], parts, None, self.seed)
        return self._subjects[key]

    def has(self, data: DataSet) -> bool:
        """Whether a stage was given a table of the data set."""
        return id(data) in self._base

    def base(self, data: DataSet) -> SubjectTable:
        """What the report shows of a data set: its first split, before any subset was taken."""
        return self._base[id(data)]

    def add_whole(self, data: DataSet) -> None:
        """Take in a data set that is tested on as a whole, and split with no other."""
        self._base[id(data)] = whole_table(data)
        self.tables[self._base[id(data)].id] = self._base[id(data)]
        self._data[self._base[id(data)].id] = data

    def data_of(self, table: str) -> DataSet:
        """The data set that a table is of."""
        return self._data[table]

    def units(self, data: DataSet) -> Mapping[str, str]:
        """The unit of each image of a data set, in its first split; its group where it is not split."""
        for key, found in self._units.items():
            if id(data) in key.run:
                return found[data.name]
        return {record.image: record.group for record in data.records}

    def joint(self) -> list[dict[str, DataSet]]:
        """The data sets that were split jointly, one map for each choice of them."""
        return list(self._runs.values())

    def published(self, name: str, data: DataSet) -> Iterator[PublishedRow]:
        """The rows of every split of a data set, under its name in the plan.

        What is equal in all folds of another data set stands there once, without a fold.
        """
        kept = [key for key in self._splits if id(data) in key.run]
        records = sorted(data.records, key=lambda record: record.image)
        if data.external:
            for r in records:
                unit, known = f"subject {r.subject}", data.contents.get(r.image, "")
                first = (name, "1", str(self.seed), "", "")
                yield (*first, r.image, r.subject, r.group, unit, "external", known)
            return
        seen: dict[tuple[object, ...], None] = {}
        for (_, target, folds), group in groupby(kept, key=lambda key: (key.run, key.target, key.folds)):
            keys = list(group)
            parts = [self._splits[key][data.name] for key in keys]
            # Equal parts under other versions of the run's data sets are one version of this split.
            content = (target, folds, *(tuple(sorted(found.items())) for found in parts))
            whole = all(found == parts[0] for found in parts) and target != data.name
            content = content[2:3] if whole else content
            if content in seen:
                continue
            seen[content] = None
            for key, found in list(zip(keys, parts, strict=True))[: 1 if whole else None]:
                fold = "" if whole or key.fold is None else str(key.fold)
                head = (name, str(len(seen)), str(self.seed), (target or "") if fold else "", fold)
                units = self._units[key][data.name]
                for r in records:
                    unit = units[r.image]
                    content_of = data.contents.get(r.image, "")
                    yield (*head, r.image, r.subject, r.group, unit, found[r.image], content_of)

    def _split(self, key: _Key, datasets: Mapping[str, DataSet]) -> Assignment:
        from tlpy.data.splits import assign
        from tlpy.data.units import connect

        if key not in self._splits:
            self._runs.setdefault(key.run, dict(datasets))
            _check_given(key, datasets)
            records = {
                name: data.given.records(data.records, key.fold) if data.given else data.records
                for name, data in datasets.items()
            }
            ties = ties_of(datasets)
            # Folds that were given are parts like official ones; no others are cut.
            given = datasets[key.target].given if key.target else None
            drawn = key.folds is not None and not (given and given.numbered)
            self._splits[key] = assign(
                records,
                {name: data.fractions for name, data in datasets.items()},
                {name: data.strata() for name, data in datasets.items()},
                self.seed,
                key.folds if drawn else None,
                key.fold if drawn else None,
                key.target if drawn else None,
                ties,
            )
            self._units[key] = connect(records, ties)
        return self._splits[key]


def whole_table(data: DataSet) -> SubjectTable:
    """The table of a data set that is tested on as a whole."""
    return _table(data, {record.image: "test" for record in data.records}, None, 0)


def ties_of(datasets: Mapping[str, DataSet]) -> Ties:
    """What ties the images of data sets that are split jointly."""
    from tlpy.data.ties import Ties

    return Ties(
        within=frozenset(name for name, data in datasets.items() if data.within),
        own=frozenset(name for name, data in datasets.items() if data.own_people),
        contents={name: data.contents for name, data in datasets.items()},
        # A table may also give back official parts, as they were: in these equal images may stand apart.
        given=frozenset(n for n, data in datasets.items() if data.given and not data.given.official),
    )


def _check_given(key: _Key, datasets: Mapping[str, DataSet]) -> None:
    """Raises `InputError` for tables whose folds are not those of the run."""
    problems = []
    for name, data in datasets.items():
        if data.given and data.given.numbered and len(data.given.folds) != key.folds:
            count = len(data.given.folds)
            message = f"{data.given.shown} has {count} folds, but the run has {key.folds or 'none'}"
            problems.append(
                Problem(f"datasets.{name}.split", message, f"say `replicates: {{folds: {count}}}`")
            )
    if problems:
        raise InputError(problems)


def _table(
    data: DataSet,
    parts: Mapping[str, str],
    train_size: float | None,
    seed: int,
    scored: Sequence[str] | None = None,
) -> SubjectTable:
    kept = _nested(data, parts, train_size, seed)
    tasks = {label: task for label, task in data.tasks.items() if scored is None or label in scored}
    columns = [(column, task) for label, task in tasks.items() for column in task.head(label).columns]
    rows = tuple(
        (
            *(r.image, r.subject, r.group, r.site, parts[r.image]),
            *(
                task.value(r.labels[column]) if scored is None or parts[r.image] == "test" else ""
                for column, task in columns
            ),
            *([data.answers.of[r.image]] if data.answers.of else []),
        )
        for r in sorted(data.records, key=lambda record: record.image)
        if r.image in kept
    )
    counts = Counter(row[4] for row in rows)
    groups = Counter(part for _, part in {(row[2], row[4]) for row in rows})
    names = tuple(column for column, _ in columns)
    return SubjectTable(
        # One column is digested as it always was: stages of earlier runs keep their ids.
        id=digest([names[0] if len(names) == 1 else names, rows]),
        counts={part: counts[part] for part in PARTS},
        groups={part: groups[part] for part in PARTS},
        columns=names,
        rows=rows,
        answers=bool(data.answers.of),
    )


def _nested(data: DataSet, parts: Mapping[str, str], train_size: float | None, seed: int) -> set[str]:
    """The images that take part: all of them, or a nested subset of the training part and all others."""
    if train_size is None:
        return set(parts)
    from tlpy.data.strata import nested_subset

    group_of = {record.image: record.group for record in data.records}
    strata = data.strata()
    training = {
        group_of[image]: strata.get(image, "") for image, part in sorted(parts.items()) if part == "train"
    }
    fraction = isinstance(train_size, float) and train_size <= 1
    size = max(1, round(train_size * len(training))) if fraction else int(train_size)
    chosen = set(nested_subset(sorted(training), training, size, seed))
    return {image for image, part in parts.items() if part != "train" or group_of[image] in chosen}
