"""Vectors: a matrix of subjects × features, such as connectomes or imaging-derived phenotypes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import Annotated

from tlpy.components.rules import TEXT, list_of
from tlpy.data.image_records import ImageError, ImageHeader, ImageRecord, RawImage
from tlpy.data.readers.argument_types import Name
from tlpy.data.readers.base import Reader
from tlpy.data.readers.cohort_tables import index_rows, plain_id, refuse_repeated
from tlpy.data.readers.matrices import Matrix, open_matrix
from tlpy.data.readers.rows import absent, find_column, resolve
from tlpy.data.readers.tables import Row, Table, read_table
from tlpy.data.readers.vector_files import VectorFiles
from tlpy.errors import Problem, Problems, nearest

_IDS = ("subject", "participant_id", "eid", "id", "ids", "subjects", "subject_id")
# Columns that say which row it is, or what the split must know: never features.
_OURS = ("session", "run", "site", "split", "group", "family", "fold")
# What is told where it is among the features: it may be what a score comes from.
_COVARIATES = ("age", "sex", "gender", "scanner", "education", "icv", "etiv")

Patterns = Annotated[
    Sequence[str], list_of(TEXT, 1, None, "a list of columns' names (* stands for any text)")
]


@dataclass(frozen=True)
class _People:
    """What is known of the rows of a matrix; a row is None where the table has none."""

    shown: str
    columns: tuple[str, ...]
    rows: list[Row | None]


@dataclass(kw_only=True)
class VectorsReader(Reader):
    """features of subjects: .npz, .npy, CSV or TSV; connectomes, imaging-derived phenotypes

    Args:
        file: of a folder, the matrix' name in it; by default its only `.npz` or `.npy`, or else table.
        key: of an `.npz`, which array holds the features; by default the only one that can.
        table: the subjects' table, beside the matrix; by default `participants.tsv` or `labels.tsv` (or
            `.csv`) for arrays, and none for a CSV, which has its own columns.
        features: of a CSV, which columns are features; by default all that hold numbers.
        without: of a CSV, which columns are no features.
        diagonal: of connectomes, whether the diagonal is among the features.

    A matrix is (subjects, features), or (subjects, regions, regions) of symmetric connectomes, of which the
    upper triangle is read. Other arrays of an `.npz` with a value a subject are columns, as those of a table
    are. A table is joined by an id where the matrix has ids, and row by row otherwise. The features are an
    image with one axis, whose order means nothing.
    """

    vectors = True

    file: Name | None = None
    key: Name | None = None
    table: Name | None = None
    features: Patterns | None = None
    without: Patterns | None = None
    diagonal: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._lock = Lock()
        said = (None if name is None else str(name) for name in (self.file, self.table))
        self._files = VectorFiles(self.root, self.shown, *said)
        self._opened: tuple[Matrix | None, list[Problem]] | None = None
        self._rows: dict[str, int] = {}

    def records(self, labels: Sequence[str], group: str | None, problems: Problems) -> list[ImageRecord]:
        """All rows with what the tables say; see `Reader.records`."""
        self.skippable, self.notes = [], []
        matrix = self._matrix(problems)
        if matrix is None:
            return []
        asked = [self.columns.get(name, name) for name in (*labels, *([group] if group else ()))]
        among = [column for column in asked if column in matrix.names]
        for column in among:
            message = f"'{column}' is asked for, but counts as a feature, by which it would be known"
            problems.add(
                self._files.matrix_shown, message, f"say `without: [{', '.join(among)}]` in the reader"
            )
        people = self._people(matrix, bool(labels or group), problems)
        if among or people is None:
            return []
        reader = resolve(people.shown, people.columns, self.columns, labels, group, problems)
        if len(reader.labels) < len(labels):
            return []
        subject, session, run = (
            self._column(name, people, problems) for name in ("subject", "session", "run")
        )
        found: list[ImageRecord] = []
        first: dict[str, str] = {}
        for number, row in enumerate(people.rows):
            if row is None:
                continue
            details = reader.details(row, problems, self.skippable)
            if details is None:
                continue
            person = plain_id(row.get(subject)) if subject else f"row{number:06d}"
            if not person:
                problems.add(row.where, f"nothing in column '{subject}', expected a subject")
                continue
            visit = (row.get(session), row.get(run))
            image = "/".join(part for part in (person, *visit) if part)
            if image in first:
                hint = "a column `session` or `run` (or `columns: {session: …}`) tells somebody's rows apart"
                problems.add(row.where, f"{image} has a row already ({first[image]})", hint)
                continue
            first[image] = row.where
            self._rows[image] = number
            file = f"{Path(self._files.matrix_shown).name}#{number}"
            found.append(ImageRecord(image, file, person, *visit, **details))
        self._note(matrix, found, subject)
        return sorted(found, key=lambda record: record.image)

    def feature_names(self) -> tuple[str, ...]:
        matrix = self._matrix(Problems())
        return matrix.names if matrix else ()

    def named_files(self) -> list[Path]:
        """The table beside a matrix that is named by itself."""
        table = None if self.root.is_dir() else self._files.people()
        return [table] if table else []

    def locate(self, record: ImageRecord) -> Path:  # noqa: ARG002
        return self._files.matrix

    def header(self, record: ImageRecord) -> ImageHeader:  # noqa: ARG002
        return ImageHeader((self._known().features,), (1.0,), channels=1, dims=1)

    def fingerprint(self, record: ImageRecord) -> str:
        """By the features themselves, so that equal rows are found; raises as `load`."""
        row = self._known().row(self._place(record))
        return blake2b(row.tobytes(), digest_size=16).hexdigest()

    def load(self, record: ImageRecord) -> RawImage:
        """(features,) float32; raises `ImageError` naming the features that are missing or not finite."""
        return RawImage(self._known().row(self._place(record)))

    def _place(self, record: ImageRecord) -> int:
        return int(record.file.rpartition("#")[2])

    def _known(self) -> Matrix:
        matrix = self._matrix(Problems())
        if matrix is None:
            raise ImageError("its matrix cannot be opened")
        return matrix

    def _matrix(self, problems: Problems) -> Matrix | None:
        """The matrix, opened once; each time `problems` takes what is wrong with it."""
        with self._lock:
            if self._opened is None:
                told = Problems()
                file = self._files.find(told)
                key = None if self.key is None else str(self.key)
                matrix = None
                if file:
                    matrix = open_matrix(
                        file, self._files.matrix_shown, key, self.diagonal, self._may_be_feature, told
                    )
                if matrix:
                    self._check_columns(matrix, told)
                self._opened = (None if told else matrix, list(told))
        matrix, found = self._opened
        problems.extend(found)
        return matrix

    def _may_be_feature(self, column: str) -> bool:
        """Whether a table's column may be a feature, whatever labels are asked for: caches are shared."""
        if column in self.columns.values() or column.casefold() in (*_IDS, *_OURS):
            return False
        named = self.features is None or any(fnmatchcase(column, pattern) for pattern in self.features)
        return named and not any(fnmatchcase(column, pattern) for pattern in self.without or ())

    def _check_columns(self, matrix: Matrix, problems: Problems) -> None:
        """Patterns that no column meets, and columns of text that were named as features."""
        known = [*matrix.names, *matrix.columns]
        patterns = [*(self.features or ()), *(self.without or ())]
        if patterns and not matrix.names:
            problems.add(self._files.matrix_shown, "has no columns, but `features` or `without` names some")
            return
        for pattern in patterns:
            if not any(fnmatchcase(column, pattern) for column in known):
                problems.add(self._files.matrix_shown, f"no column '{pattern}'", nearest(pattern, known))
        if self.features is not None and matrix.set_aside:
            listed = ", ".join(matrix.set_aside)
            hint = f"say `without: [{listed}]` in the reader"
            problems.add(self._files.matrix_shown, f"text cannot be a feature: {listed}", hint)

    def _people(self, matrix: Matrix, needed: bool, problems: Problems) -> _People | None:
        """What is known of each row; None where the table does not fit."""
        own = _People(self._files.matrix_shown, matrix.columns, list(matrix.rows))
        file = self._files.people()
        if file is None:
            if not matrix.rows and needed:
                expected = "participants.tsv or labels.tsv beside it, or what `table` names"
                problems.add(self._files.matrix_shown, f"has no table of its subjects: expected {expected}")
                return None
            plain = [Row(f"{self._files.matrix_shown}[{number}]", {}) for number in range(len(matrix))]
            return own if matrix.rows else replace(own, rows=list(plain))
        shown = self._files.people_shown(file)
        table = read_table(file, shown, problems)
        if table is None:
            return None
        ids = self._id_column(own.columns)
        if ids and matrix.rows:
            return self._joined(own, ids, table, problems)
        if len(table.rows) != len(matrix):
            message = f"{len(table.rows)} rows for the {len(matrix)} of {Path(self._files.matrix_shown).name}"
            hint = "an .npz may hold the ids of its rows, as an array `ids`"
            problems.add(shown, f"{message}, expected one each, in the same order", hint)
            return None
        self.notes.append(
            f"{shown}: its rows are taken for those of {Path(self._files.matrix_shown).name}, in order"
        )
        return _People(shown, tuple(table.columns), list(table.rows))

    def _id_column(self, columns: Sequence[str]) -> str | None:
        said = self.columns.get("subject")
        return find_column(columns, [said] if said else _IDS)

    def _joined(self, own: _People, ids: str, table: Table, problems: Problems) -> _People | None:
        """The table's rows by the ids of the matrix; a row without one can be skipped."""
        column = self._id_column(table.columns)
        if column is None:
            problems.add(table.shown, f"no column {' or '.join(_IDS[:4])} to join {own.shown} by")
            return None
        rows, differ = index_rows(table, column, _key, problems)
        refuse_repeated(differ, problems)
        joined: list[Row | None] = []
        for row in own.rows:
            known = rows.get(_key(row.get(ids))) if row else None
            joined.append(
                known and row and Row(known.where, {**row.cells, **known.cells, column: row.get(ids)})
            )
        lacking = [row for row, known in zip(own.rows, joined, strict=True) if row and known is None]
        if len(lacking) == len(joined) and lacking and lacking[0]:
            there, here = lacking[0].get(ids), next(iter(rows), "no row")
            problems.add(table.shown, f"has a row for none of the subjects: {there}, … there, {here}, … here")
            return None
        self.skippable += [
            Problem(row.where, f"{row.get(ids)} has features but no row in {table.shown}") for row in lacking
        ]
        columns = dict.fromkeys([column, *(name for name in own.columns if name != ids), *table.columns])
        return _People(table.shown, tuple(columns), joined)

    def _column(self, name: str, people: _People, problems: Problems) -> str | None:
        """The column of the subject, the session or the run."""
        if name not in self.columns:
            return find_column(people.columns, _IDS if name == "subject" else [name])
        if self.columns[name] in people.columns:
            return self.columns[name]
        problems.extend([absent(people.shown, self.columns[name], people.columns, name)])
        return None

    def _note(self, matrix: Matrix, records: Sequence[ImageRecord], subject: str | None) -> None:
        """What was settled that the params do not say."""
        shown = self._files.matrix_shown
        if matrix.regions:
            where = "on and above" if self.diagonal else "above"
            what = f"the {matrix.features:,} values {where} the diagonal are the features"
            self.notes.append(f"{shown}: symmetric matrices of {matrix.regions} regions, {what}")
        elif matrix.names:
            ends = f"{matrix.names[0]} to {matrix.names[-1]}"
            self.notes.append(f"{shown}: {matrix.features:,} columns are features, {ends}")
        if matrix.set_aside:
            self.notes.append(f"{shown}: columns of text are no features: {', '.join(matrix.set_aside)}")
        known = [name for name in matrix.names if name.casefold() in _COVARIATES]
        if known:
            self.notes.append(f"warning: {shown}: among the features are {', '.join(known)}")
        self.names_people = bool(subject)
        if records and not subject:
            self.notes.append(
                f"{shown} names no subjects: every row counts as one of its own, so that nobody can be kept "
                "from being in two parts"
            )
        several = sum(count > 1 for count in Counter(record.subject for record in records).values())
        if several:
            self.notes.append(f"{shown}: {several} subjects have several rows, which stay in one part")


def _key(text: str) -> str:
    return plain_id(text).removeprefix("sub-")
