"""Who trains, validates and tests: the tables that PLAN hands to each stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tlpy.digests import digest
from tlpy.errors import InputError
from tlpy.plan.working import DataSet, SubjectTable

PARTS = ("train", "val", "test")

Assignment = Mapping[str, Mapping[str, str]]


class SplitBook:
    """Splits a run's data sets jointly, and remembers each split."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.tables: dict[str, SubjectTable] = {}
        self._base: dict[int, SubjectTable] = {}
        self._splits: dict[tuple[object, ...], Assignment] = {}
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
        run = tuple(id(data) for data in datasets.values())
        shown = None if scored is None else tuple(scored)
        key = (run, name, target if folds else None, folds, fold, train_size, shown)
        if key not in self._subjects:
            assignment = self._split(run, datasets, target if folds else None, folds, fold)
            table = _table(datasets[name], assignment[name], train_size, self.seed, shown)
            self._subjects[key] = self.tables.setdefault(table.id, table)
            if id(datasets[name]) not in self._base:
                self._base[id(datasets[name])] = _table(datasets[name], assignment[name], None, self.seed)
        return self._subjects[key]

    def has(self, data: DataSet) -> bool:
        """Whether a stage was given a table of the data set."""
        return id(data) in self._base

    def base(self, data: DataSet) -> SubjectTable:
        """What the report shows of a data set: its first split, before any subset was taken."""
        return self._base[id(data)]

    def _split(
        self,
        run: tuple[int, ...],
        datasets: Mapping[str, DataSet],
        target: str | None,
        folds: int | None,
        fold: int | None,
    ) -> Assignment:
        from tlpy.data.splits import assign
        from tlpy.data.units import check_overlap

        key = (run, target, folds, fold)
        if key not in self._splits:
            records = {name: data.records for name, data in datasets.items()}
            assignment = assign(
                records,
                {name: data.fractions for name, data in datasets.items()},
                {name: data.strata() for name, data in datasets.items()},
                self.seed,
                folds,
                fold,
                target,
            )
            overlap = check_overlap(records, assignment)
            if overlap:
                raise InputError(overlap)
            self._splits[key] = assignment
        return self._splits[key]


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
