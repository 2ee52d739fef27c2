"""UK Biobank: `<eid>_20252_2_0.zip`, or the folder it unpacks to, with a table of data fields.

Three styles of column names are read: `31-0.0` (ukbconv csv), `f.31.0.0` (ukbconv r) and `p31`, `p21003_i2`
(Research Analysis Platform, with or without `participant.` before them).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from tlpy.components.rules import numbered
from tlpy.data.readers.argument_types import Choice, Name
from tlpy.data.readers.bids_files import by_rule
from tlpy.data.readers.cohort import People, Scan, condense
from tlpy.data.readers.tables import Row
from tlpy.data.readers.zipped import ZippedReader
from tlpy.errors import Problem, Problems

_BULK = re.compile(r"(\d+)_(\d+)_(\d+)_(\d+)(\.zip)?", re.IGNORECASE)
_COLUMN = re.compile(r"(?:participant\.)?(?:f\.|p)?(\d+)(?:(?:[-.]|_i)(\d+))?(?:(?:\.|_a)(\d+))?")
# Asked once, at the first visit, for good.
_ONCE = frozenset({"31", "34", "52", "21000", "22001"})
FIELDS = {"sex": "31", "age": "21003", "site": "54"}
_DEPTH = 3


@dataclass(frozen=True)
class Field:
    """A column of the table: data field, visit ("" where it has none), place in an array."""

    number: str
    instance: str
    array: str


def parse_column(name: str) -> Field | None:
    """The data field that a column holds; None for another column, as `eid`."""
    match = _COLUMN.fullmatch(name)
    return Field(*(part or "" for part in match.groups())) if match else None


@dataclass(kw_only=True)
class UkbReader(ZippedReader):
    """UK Biobank: <eid>_20252_2_0.zip or its content, with a table of fields

    Args:
        field: the bulk field, 20252 (T1) by default.
        file: the image in the zip or folder.
        sessions: `first`, `last`, `all` or a visit (2, 3); needed where someone was scanned twice.
        table: its name in the folder; else the one CSV, TSV or TXT there.

    Files may lie up to two folders deep. A label is a column's name, or a field's number, or `age` (21003),
    `sex` (31; F or M) and `site` (54): of a field its value at the visit of the scan, never of another one.
    """

    sexes: ClassVar[Mapping[str, str]] = {"0": "F", "1": "M", "female": "F", "male": "M"}

    patterns = ("*.csv", "*.tsv", "*.txt", "*.tab")

    field: Annotated[str | int, numbered("a field's number")] = 20252
    file: str = "T1/T1_brain_to_MNI.nii.gz"
    sessions: Choice | None = None
    table: Name | None = None

    def scans(self, problems: Problems) -> list[Scan]:
        field = str(self.field)
        bulk: dict[str, tuple[str, re.Match[str]]] = {}
        others: set[str] = set()
        for folder, below, names in os.walk(self.root, followlinks=True):
            start = Path(folder).relative_to(self.root).as_posix()
            for name in sorted([*names, *below]):
                match = _BULK.fullmatch(name)
                if match is None or bool(match[5]) != (name in names):
                    continue
                others.add(match[2])
                if match[2] == field:
                    # A folder that was unpacked beside its zip goes before it.
                    place = name if start == "." else f"{start}/{name}"
                    if not match[5] or match[0][:-4] not in bulk:
                        bulk[match[0].removesuffix(match[5] or "")] = (place, match)
            below[:] = sorted(name for name in below if not _BULK.fullmatch(name) and name[0] != ".")
            if start != "." and start.count("/") >= _DEPTH - 2:
                below.clear()
        if not bulk:
            hint = f"found the fields {', '.join(sorted(others))}" if others else ""
            problems.add(self.shown, f"no images: nothing matches <eid>_{field}_<visit>_0[.zip]", hint)
        people: dict[str, list[Scan]] = {}
        for name, (place, match) in sorted(bulk.items()):
            separator = "#" if match[5] else "/"
            scan = Scan(name, f"{place}{separator}{self.file}", match[1], match[1], session=match[3])
            people.setdefault(match[1], []).append(scan)
        rule = None if self.sessions is None else str(self.sessions)
        taken: list[Scan] = []
        unruled = Problems()
        for eid, visits in people.items():
            kept = by_rule(visits, "session", rule, f"{self.shown}: {eid}", unruled)
            if not kept:
                self.skippable.append(Problem(f"{self.shown}: {eid}", f"no scan with sessions: {rule}"))
            taken += kept
        condense(unruled, problems, self.shown)
        return taken

    def people(self, wanted: Sequence[str], needed: bool, problems: Problems) -> People | None:
        names = self.find(self.table, needed, problems)
        if len(names) > 1:
            listed = ", ".join(names)
            problems.add(self.shown, f"{len(names)} tables: {listed}", "name one: reader.table")
        if len(names) != 1:
            return None
        asked = {*wanted, *self.columns.values()}
        fields = {FIELDS.get(name, name) for name in [*asked, "site"]}

        def keep(column: str) -> bool:
            field = parse_column(column)
            return field is None or field.number in fields or column in asked

        ids = [self.columns.get("subject", "eid"), "f.eid", "participant.eid"]
        read = self.read_rows(names[0], ids, problems, keep)
        if read is None:
            return None
        table, rows = read
        self._fields: dict[str, dict[tuple[str, str], str]] = {}
        for column in table.columns:
            field = parse_column(column)
            if field:
                self._fields.setdefault(field.number, {})[field.instance, field.array or "0"] = column
        names_of = [name for name, number in FIELDS.items() if number in self._fields]
        columns = [*table.columns, *names_of, *self._fields]
        return People(table.shown, list(dict.fromkeys(columns)), rows)

    def row_of(self, scan: Scan, people: People) -> Row | None:
        """The row, with each field by its number as of this scan's visit."""
        row = people.rows.get(scan.key)
        if row is None:
            return None
        cells = dict(row.cells)
        for number in self._fields:
            cells.setdefault(number, row.get(self._column(number, scan.session)))
        for ours, number in FIELDS.items():
            if number in cells:
                cells.setdefault(ours, cells[number])
        if cells.get("sex") and "sex" not in row.cells:
            cells["sex"] = self.sexes.get(cells["sex"].casefold(), "")
        return Row(row.where, cells)

    def _column(self, number: str, session: str) -> str | None:
        of = self._fields[number]
        if number in _ONCE:
            return of.get(("", "0")) or of.get(("0", "0"))
        return of.get((session, "0")) or of.get(("", "0"))

    def about_lacking(self, names: Sequence[str]) -> str:
        # Scans that were judged unusable lie in a folder of their own.
        return "T1/unusable is there" if any("unusable" in name for name in names) else ""
