"""IXI: `IXI002-Guys-0828-T1.nii.gz` with the table IXI.csv (brain-development.org/ixi-dataset)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from tlpy.data.readers.cohort import CohortReader, People, Scan, find_tables, index_rows, plain_id, read_keyed
from tlpy.data.readers.images import ENDINGS, ending
from tlpy.data.readers.rows import find_column
from tlpy.data.readers.tables import Row
from tlpy.errors import Problems, nearest

_NAME = re.compile(r"(IXI\d+)-([A-Za-z]+)-(\d+)-([A-Za-z0-9]+?)(?:-\d+)?", re.IGNORECASE)


class IxiReader(CohortReader):
    """Reads one modality; images lie in the folder or below it (`IXI-T1/…`).

    Options:
        modality: T1, T2, PD, MRA.
        table: its name in the folder; `IXI.csv` or another CSV or TSV by default. The spreadsheet IXI.xls has
            to be saved as CSV.

    `age` is AGE; `sex` is SEX_ID (1 = M, 2 = F); the site is in the file's name. People with several rows
    that give them different ages or sexes are left out, as nobody knows which is right; a note names them.
    """

    aliases: ClassVar[Mapping[str, Sequence[str]]] = {"age": ("AGE",), "sex": ("SEX_ID (1=m, 2=f)", "SEX_ID")}
    sexes: ClassVar[Mapping[str, str]] = {"1": "M", "2": "F", "m": "M", "f": "F"}

    def scans(self, problems: Problems) -> list[Scan]:
        wanted = str(self.options.get("modality", "T1")).upper()
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
        patterns = ("ixi.csv", "ixi.tsv", "ixi*.csv", "*.csv", "*.tsv")
        said = self.options.get("table")
        names = find_tables(self.root, self.shown, said, patterns, needed, problems)
        keyed = read_keyed(self.root, self.shown, names[0], ["IXI_ID"], problems) if names else None
        if keyed is None:
            return None
        table, column = keyed
        told = [find_column(table.columns, columns) for columns in self.aliases.values()]
        rows, differ = index_rows(
            table, column, _subject, problems, lambda a, b: all(a.get(c) == b.get(c) for c in told)
        )
        if differ:
            listed = ", ".join(sorted(differ))
            self.notes.append(
                f"{table.shown}: {listed} left out: several rows give different ages or sexes ("
                + ", ".join(f"lines {' and '.join(_line(row) for row in differ[s])}" for s in sorted(differ))
                + ")"
            )
        cells = {subject: Row(row.where, self.with_aliases(row.cells)) for subject, row in rows.items()}
        columns = list(dict.fromkeys([*table.columns, *(c for row in cells.values() for c in row.cells)]))
        return People(table.shown, columns, cells, frozenset(differ))


def _subject(text: str) -> str:
    """2, 2.0, IXI002 → IXI002."""
    digits = plain_id(text).upper().removeprefix("IXI")
    return f"IXI{int(digits):03d}" if digits.isdigit() else text


def _line(row: Row) -> str:
    return row.where.rpartition(":")[2]
