"""IXI: `IXI002-Guys-0828-T1.nii.gz` with the table IXI.csv (brain-development.org/ixi-dataset)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from tlpy.data.readers.argument_types import Name
from tlpy.data.readers.cohort import CohortReader, People, Scan
from tlpy.data.readers.cohort_tables import index_rows, plain_id
from tlpy.data.readers.images import ENDINGS, ending
from tlpy.data.readers.numbers import as_number
from tlpy.data.readers.rows import find_column
from tlpy.data.readers.tables import Row, Table
from tlpy.errors import Problems, nearest

_NAME = re.compile(r"(IXI\d+)-([A-Za-z]+)-(\d+)-([A-Za-z0-9]+?)(?:-\d+)?", re.IGNORECASE)


@dataclass(kw_only=True)
class IxiReader(CohortReader):
    """IXI: IXI002-Guys-0828-T1.nii.gz with IXI.csv; the site is in the file name

    Images of one modality are read, in the folder or below it (`IXI-T1/…`).

    Args:
        modality: T1, T2, PD, MRA.
        table: its name in the folder; `IXI.csv` or another CSV or TSV by default. The spreadsheet IXI.xls has
            to be saved as CSV.

    `age` is AGE; `sex` is SEX_ID (1 = M, 2 = F); the site is in the file's name. People with several rows
    that give them different ages or sexes are left out, as nobody knows which is right; a note names them. A
    row without an age or sex contradicts no other.
    """

    aliases: ClassVar[Mapping[str, Sequence[str]]] = {"age": ("AGE",), "sex": ("SEX_ID (1=m, 2=f)", "SEX_ID")}
    sexes: ClassVar[Mapping[str, str]] = {"1": "M", "2": "F", "m": "M", "f": "F"}
    patterns = ("ixi.csv", "ixi.tsv", "ixi*.csv", "*.csv", "*.tsv")

    modality: str = "T1"
    table: Name | None = None

    def scans(self, problems: Problems) -> list[Scan]:
        wanted = self.modality.upper()
        found: list[Scan] = []
        others: set[str] = set()
        for folder, below, names in os.walk(self.root, followlinks=True):
            below[:] = sorted(name for name in below if not name.startswith((".", "__MACOSX")))
            start = Path(folder).relative_to(self.root).as_posix()
            for name in sorted(names):
                match = _NAME.fullmatch(name[: -len(ending(name))]) if ending(name) else None
                if match is None:
                    continue
                subject, site, _, modality = match.groups()
                others.add(modality.upper())
                if modality.upper() == wanted:
                    file = name if start == "." else f"{start}/{name}"
                    image = name[: -len(ending(name))]
                    found.append(Scan(image, file, subject.upper(), subject.upper(), site=site))
        if not found:
            hint = nearest(wanted, sorted(others))
            problems.add(self.shown, f"no images: nothing matches IXI*-*-*-{wanted}{ENDINGS[0]}", hint)
        twice: dict[str, Scan] = {}
        for scan in found:
            if scan.image in twice:
                problems.add(f"{self.shown}/{scan.file}", f"is there twice, also as {twice[scan.image].file}")
            twice.setdefault(scan.image, scan)
        return list(twice.values())

    def people(self, wanted: Sequence[str], needed: bool, problems: Problems) -> People | None:  # noqa: ARG002
        self._dropped: frozenset[str] = frozenset()
        found = self.people_of(self.table, ["IXI_ID"], needed, problems)
        return found and replace(found, dropped=self._dropped)

    def key_of(self, text: str) -> str:
        return _subject(text)

    def index(
        self, table: Table, column: str, problems: Problems
    ) -> tuple[dict[str, Row], dict[str, list[Row]]]:
        told = [find_column(table.columns, columns) for columns in self.aliases.values()]

        def same(a: Row, b: Row) -> bool:
            return all(_alike(a.get(name), b.get(name)) for name in told)

        return index_rows(_filled(table, column, told), column, self.key_of, problems, same)

    def refuse(self, table: Table, differ: Mapping[str, Sequence[Row]], problems: Problems) -> None:  # noqa: ARG002
        self._dropped = frozenset(differ)
        if differ:
            listed = ", ".join(sorted(differ))
            self.notes.append(
                f"{table.shown}: {listed} left out: several rows give different ages or sexes ("
                + ", ".join(f"lines {' and '.join(_line(row) for row in differ[s])}" for s in sorted(differ))
                + ")"
            )


def _subject(text: str) -> str:
    """2, 2.0, IXI002 → IXI002."""
    digits = plain_id(text).upper().removeprefix("IXI")
    return f"IXI{int(digits):03d}" if digits.isdigit() else text


def _alike(one: str, other: str) -> bool:
    """35.8 and 35.80 are one age; an empty cell contradicts nothing."""
    numbers = as_number(one), as_number(other)
    return not one or not other or one == other or (numbers[0] is not None and numbers[0] == numbers[1])


def _filled(table: Table, column: str, told: Sequence[str | None]) -> Table:
    """The table, with what one row of a person leaves empty taken from another."""
    known: dict[tuple[str, str], str] = {}
    for row in table:
        for name in told:
            if name and row.get(name):
                known.setdefault((_subject(row.get(column)), name), row.get(name))

    def whole(row: Row) -> Row:
        gaps = {name: known.get((_subject(row.get(column)), name), "") for name in told if name}
        return Row(row.where, {**row.cells, **{name: row.get(name) or text for name, text in gaps.items()}})

    return Table(table.shown, table.columns, [whole(row) for row in table])


def _line(row: Row) -> str:
    return row.where.rpartition(":")[2]
