"""What readers of known cohorts share: scans found by the layout's names, joined to the cohort's tables."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import ClassVar

from tlpy.data.image_records import ImageRecord
from tlpy.data.readers.base import Reader
from tlpy.data.readers.rows import find_column, resolve
from tlpy.data.readers.tables import Row, Table, read_table
from tlpy.errors import Problem, Problems, nearest

_SPREADSHEETS = (".xls", ".xlsx", ".ods")


@dataclass(frozen=True)
class Scan:
    """One image of a cohort: `key` is the id of its row; `file` is relative to the data set's path."""

    image: str
    file: str
    subject: str
    key: str
    session: str = ""
    run: str = ""
    site: str = ""

    @property
    def name(self) -> str:
        """How messages call it: the files of all visits may have one name."""
        return self.image


@dataclass(frozen=True)
class People:
    """What the tables say: their columns, a row for each key, and the keys whose scans are not used."""

    shown: str
    columns: list[str]
    rows: dict[str, Row]
    dropped: frozenset[str] = frozenset()


class CohortReader(Reader):
    """Joins `scans` to `people`.

    A table is of the whole cohort, so that rows without a scan are usual: a note counts them. A scan without
    a row can be skipped.

    Class attributes:
        aliases: our name of a column → theirs.
        sexes: how the cohort writes a sex → F or M.
        families: the column that is the group where the user names none; "" for none.
    """

    aliases: ClassVar[Mapping[str, Sequence[str]]] = {}
    sexes: ClassVar[Mapping[str, str]] = {"f": "F", "m": "M", "female": "F", "male": "M"}
    families: ClassVar[str] = ""

    @abstractmethod
    def scans(self, problems: Problems) -> list[Scan]:
        """All scans that are meant; a problem if there is none."""

    @abstractmethod
    def people(self, wanted: Sequence[str], needed: bool, problems: Problems) -> People | None:
        """The rows of the tables; None, and a problem if they are `needed`, where there are none.

        `wanted` are the columns that will be read.
        """

    def row_of(self, scan: Scan, people: People) -> Row | None:
        """What the tables say of a scan; None if nothing."""
        return people.rows.get(scan.key)

    def records(self, labels: Sequence[str], group: str | None, problems: Problems) -> list[ImageRecord]:
        """All scans with what the tables say; see `Reader.records`."""
        self.skippable, self.notes = [], []
        if not self.root.is_dir():
            problems.add(self.shown, "a file, expected a folder" if self.root.exists() else "no such folder")
            return []
        scans = self.scans(problems)
        if not scans:
            return []
        wanted = [self.columns.get(name, name) for name in [*labels, *([group] if group else [])]]
        people = self.people(wanted, bool(labels or group), problems)
        if people is None:
            return [] if labels or group else [self._unlabelled(scan) for scan in _sorted(scans)]
        if self.families and not group and "group" not in self.columns:
            group = self._family_column(people)
        reader = resolve(people.shown, people.columns, self.columns, labels, group, problems)
        if len(reader.labels) < len(labels):
            return []  # each image would be told to have no label
        found: list[ImageRecord] = []
        unknown: list[Scan] = []
        for scan in _sorted(scan for scan in scans if scan.key not in people.dropped):
            row = self.row_of(scan, people)
            if row is None:
                unknown.append(scan)
                continue
            details = reader.details(row, problems, self.skippable)
            if details is not None:
                details["site"] = details["site"] or scan.site
                found.append(
                    ImageRecord(scan.image, scan.file, scan.subject, scan.session, scan.run, **details)
                )
        if unknown and len(unknown) == len(scans):
            there, here = unknown[0].key, next(iter(people.rows), "no row")
            problems.add(people.shown, f"none of the images has a row: {there}, … there, {here}, … here")
            return []
        self.skippable += [
            Problem(f"{self.shown}/{scan.file}", f"{scan.key} has an image but no row in {people.shown}")
            for scan in unknown
        ]
        absent = len(people.rows.keys() - {scan.key for scan in scans})
        if absent and labels:
            self.notes.append(f"{people.shown}: {absent} rows belong to no image that is read")
        return found

    def _unlabelled(self, scan: Scan) -> ImageRecord:
        where = f"{self.shown}/{scan.file}"
        return ImageRecord(
            scan.image, scan.file, scan.subject, scan.session, scan.run, site=scan.site, where=where
        )

    def _family_column(self, people: People) -> str | None:
        if self.families in people.columns:
            self.notes.append(f"{people.shown}: families ({self.families}) are kept together")
            return self.families
        self.notes.append(
            f"warning: {people.shown} has no {self.families}: relatives may be in different parts"
        )
        return None

    def with_aliases(self, cells: Mapping[str, str]) -> dict[str, str]:
        """The cells, and `age`, `sex`, … beside the cohort's own names; a sex is F, M or missing."""
        columns = list(cells)
        extra = {}
        for ours, theirs in self.aliases.items():
            column = ours if ours in columns else find_column(columns, theirs)
            if column:
                extra[ours] = cells[column]
        if "sex" in extra and "sex" not in columns:
            extra["sex"] = self.sexes.get(extra["sex"].casefold(), "")
        return {**cells, **extra}


def _sorted(scans: Iterable[Scan]) -> list[Scan]:
    return sorted(scans, key=lambda scan: scan.image)


def find_tables(
    root: Path,
    shown: str,
    said: object,
    patterns: Sequence[str],
    needed: bool,
    problems: Problems,
    option: str = "table",
) -> list[str]:
    """The names of the cohort's tables below `root`.

    Args:
        root, shown: the data set's folder, here and as the user wrote it.
        said: the reader's option: a name, several, or None to look for one.
        patterns: names to look for in the folder, in any case; the first pattern that matches counts.
        needed: no table is a problem.
        problems: takes a table that is not there, or that is a spreadsheet.
        option: the option's name, for messages.
    """
    if said:
        names = [str(name) for name in (said if isinstance(said, list | tuple) else [said])]
        missing = [name for name in names if not (root / name).is_file()]
        for name in missing:
            problems.add(f"{shown}: reader.{option}", f"no file '{name}' in the data set's folder")
        return [name for name in names if name not in missing]
    there = sorted(name for name in os.listdir(root) if not name.startswith("."))  # noqa: PTH208
    for pattern in patterns:
        found = [name for name in there if fnmatch(name.casefold(), pattern.casefold())]
        if found:
            return found
    if needed:
        sheets = [name for name in there if name.lower().endswith(_SPREADSHEETS)]
        hint = nearest(patterns[0], [name for name in there if "." in name]) if there else ""
        if sheets:
            name = sheets[0]
            hint = (
                f"{name} is a spreadsheet: save it as CSV beside it (File > Save as, or "
                f"`libreoffice --headless --convert-to csv {name}`)"
            )
        problems.add(shown, f"no table: expected {' or '.join(patterns)}", hint)
    return []


def condense(found: Problems, problems: Problems, shown: str) -> None:
    """The first three of what was `found`, and how many more: where a rule is missing, everyone lacks it."""
    listed = list(found)
    problems.extend(listed[:3])
    if len(listed) > 3:
        problems.add(shown, f"and {len(listed) - 3} more such people", listed[0].hint)


def index_rows(
    table: Table,
    column: str,
    key: Callable[[str], str],
    problems: Problems,
    same: Callable[[Row, Row], bool] = lambda a, b: a.cells == b.cells,
) -> tuple[dict[str, Row], dict[str, list[Row]]]:
    """Rows by key, and those of which there are several that are not the `same`; these are in neither part of
    the first. A row without a key is a problem; a repeated row counts once."""
    rows: dict[str, Row] = {}
    differ: dict[str, list[Row]] = {}
    for row in table:
        text = row.get(column)
        if not text:
            problems.add(row.where, f"nothing in column '{column}', expected an id")
            continue
        name = key(text)
        if name in differ:
            differ[name].append(row)
        elif name in rows and not same(rows[name], row):
            differ[name] = [rows.pop(name), row]
        else:
            rows.setdefault(name, row)
    return rows, differ


def refuse_repeated(differ: Mapping[str, Sequence[Row]], problems: Problems) -> None:
    """A problem for each key with several rows that contradict each other."""
    for name, rows in sorted(differ.items()):
        lines = " and ".join(row.where.rpartition(":")[2] for row in rows)
        problems.add(rows[-1].where, f"{name} has rows that differ, on lines {lines}", "keep one of them")


def read_keyed(
    root: Path,
    shown: str,
    name: str,
    columns: Sequence[str],
    problems: Problems,
    keep: Callable[[str], bool] | None = None,
) -> tuple[Table, str] | None:
    """A table and the one of `columns` (in any case) that holds its ids; a problem if there is none."""
    table = read_table(root / name, f"{shown}/{name}", problems, keep)
    if table is None:
        return None
    column = find_column(table.columns, columns)
    if column is None:
        problems.add(table.shown, f"no column {' or '.join(columns)}", nearest(columns[0], table.columns))
        return None
    return table, column


def plain_id(text: str) -> str:
    """An id as text: spreadsheets turn 100307 into 100307.0."""
    return text.removesuffix(".0") if text.removesuffix(".0").isdigit() else text
