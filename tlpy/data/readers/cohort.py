"""What readers of known cohorts share: scans found by the layout's names, joined to the cohort's tables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from tlpy.data.image_records import ImageRecord
from tlpy.data.readers.base import Reader
from tlpy.data.readers.cohort_tables import find_tables, index_rows, plain_id, read_keyed, refuse_repeated
from tlpy.data.readers.rows import find_column, resolve
from tlpy.data.readers.tables import Row, Table
from tlpy.errors import Problem, Problems


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


@dataclass(kw_only=True)
class CohortReader(Reader):
    """Joins `scans` to `people`.

    A table is of the whole cohort, so that rows without a scan are usual: a note counts them. A scan without
    a row can be skipped.

    Class attributes:
        aliases: our name of a column → theirs.
        sexes: how the cohort writes a sex → F or M.
        patterns: how its tables may be called, in any case; the first one that a file meets counts.
    """

    aliases: ClassVar[Mapping[str, Sequence[str]]] = {}
    sexes: ClassVar[Mapping[str, str]] = {"f": "F", "m": "M", "female": "F", "male": "M"}
    patterns: ClassVar[Sequence[str]] = ()

    @abstractmethod
    def scans(self, problems: Problems) -> list[Scan]:
        """All scans that are meant; a problem if there is none."""

    @abstractmethod
    def people(self, wanted: Sequence[str], needed: bool, problems: Problems) -> People | None:
        """The rows of the tables; None, and a problem if they are `needed`, where there are none.

        `wanted` are the columns that will be read.
        """

    def key_of(self, text: str) -> str:
        """The key of the row with this id."""
        return plain_id(text)

    def find(self, said: object, needed: bool, problems: Problems, option: str = "table") -> list[str]:
        """The names of the tables, as `find_tables`; `said` is what the reader's `option` says."""
        return find_tables(self.root, self.shown, said, self.patterns, needed, problems, option)

    def read_rows(
        self,
        name: str,
        ids: Sequence[str],
        problems: Problems,
        keep: Callable[[str], bool] | None = None,
    ) -> tuple[Table, dict[str, Row]] | None:
        """A table and its rows by key, without those of one key that contradict each other: these are told.

        Args:
            name: of its file.
            ids: the columns that may hold somebody's id.
            problems: takes what is wrong with the table.
            keep: which columns are held; None: all.
        """
        keyed = read_keyed(self.root, self.shown, name, ids, problems, keep)
        if keyed is None:
            return None
        rows, differ = self.index(*keyed, problems)
        self.refuse(keyed[0], differ, problems)
        return keyed[0], rows

    def index(
        self, table: Table, column: str, problems: Problems
    ) -> tuple[dict[str, Row], dict[str, list[Row]]]:
        """Rows by key, and those of one key that contradict each other; see `index_rows`."""
        return index_rows(table, column, self.key_of, problems)

    def refuse(self, table: Table, differ: Mapping[str, Sequence[Row]], problems: Problems) -> None:  # noqa: ARG002
        """Tell of the keys whose rows contradict each other."""
        refuse_repeated(differ, problems)

    def people_of(self, said: object, ids: Sequence[str], needed: bool, problems: Problems) -> People | None:
        """The rows of the first table that is found, with our names beside the cohort's; see `people`.

        `said` is the reader's argument `table`, `ids` are the columns that may hold somebody's id.
        """
        names = self.find(said, needed, problems)
        read = self.read_rows(names[0], ids, problems) if names else None
        if read is None:
            return None
        table, rows = read
        rows = {key: Row(row.where, self.with_aliases(row.cells)) for key, row in rows.items()}
        columns = dict.fromkeys([*table.columns, *(c for row in rows.values() for c in row.cells)])
        return People(table.shown, list(columns), rows)

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
        asked = [*labels, *([group] if group else [])]
        wanted = list(
            dict.fromkeys(column for name in asked for column in (name, self.columns.get(name, name)))
        )
        people = self.people(wanted, bool(labels or group), problems)
        if people is None:
            return [] if labels or group else [self._unlabelled(scan) for scan in _sorted(scans)]
        if self.families and not group and "group" not in self.columns:
            group = self._family_column(people)
        rows = people.rows.values()
        reader = resolve(people.shown, people.columns, self.columns, labels, group, problems, rows)
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


def condense(found: Problems, problems: Problems, shown: str) -> None:
    """The first three of what was `found`, and how many more: where a rule is missing, everyone lacks it."""
    listed = list(found)
    problems.extend(listed[:3])
    if len(listed) > 3:
        problems.add(shown, f"and {len(listed) - 3} more such people", listed[0].hint)
