"""CSV and TSV files as people save them: with a byte order mark, CRLF, quotes, commas or tabs."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from tlpy.errors import Problems

# Also what spreadsheets and pandas write for a value that is not there.
MISSING = frozenset({"", "n/a", "na", "nan", "#n/a", "<na>"})


def is_missing(text: str) -> bool:
    """Whether a cell says nothing: empty, `n/a`, `NA`, `NaN`, `#N/A` or `<NA>`, in any case."""
    return text.strip().casefold() in MISSING


@dataclass(frozen=True)
class Row:
    """One row of a table: its cells by column name, and `where` it stands (`file.tsv:12`)."""

    where: str
    cells: dict[str, str]

    def get(self, column: str | None) -> str:
        """The cell's text, "" where the column is absent or the cell says nothing."""
        text = self.cells.get(column, "") if column else ""
        return "" if is_missing(text) else text


@dataclass(frozen=True)
class Table:
    """A table of text, with the line of each row in its file."""

    shown: str
    columns: list[str]
    rows: list[Row]

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)


def read_table(
    path: Path, shown: str, problems: Problems, keep: Callable[[str], bool] | None = None
) -> Table | None:
    """Read a table with one header line; what is wrong goes to `problems`, with its line.

    The delimiter is a tab if the header line has one, else comma or semicolon. UTF-8 (with or without
    a byte order mark), UTF-16 with one, and Windows-1252 are read. Cells are stripped; blank lines are passed
    over. Of wide tables only the cells of columns that `keep` wants are held. None if nothing usable
    is there.
    """
    text = _decode(path, shown, problems)
    if text is None:
        return None
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter = "\t" if "\t" in first else max(",;", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header: list[str] | None = None
    rows: list[Row] = []
    line = 0
    try:
        for cells in reader:
            start, line = line + 1, reader.line_num
            stripped = [cell.strip() for cell in cells]
            if not any(stripped):
                continue
            if header is None:
                header = header_of(stripped, f"{shown}:{start}", problems)
                if header is None:
                    return None
                continue
            where = f"{shown}:{start}"
            if line > start:
                problems.add(
                    where, f"a quote is opened and closed only on line {line}", "close the quote in its cell"
                )
            while len(stripped) > len(header) and not stripped[-1]:
                stripped.pop()
            if len(stripped) != len(header):
                problems.add(where, f"{len(stripped)} cells, expected {len(header)} as in the header")
                continue
            if keep and not rows:
                kept = [keep(column) for column in header]
            pairs = zip(header, stripped, strict=True)
            rows.append(Row(where, dict(compress(pairs, kept) if keep else pairs)))
    except csv.Error as error:
        problems.add(f"{shown}:{reader.line_num}", f"cannot be read as a table: {error}")
        return None
    if header is None:
        problems.add(shown, "the table is empty, expected a header line and a row for each image or subject")
        return None
    return Table(shown, header, rows)


def _decode(path: Path, shown: str, problems: Problems) -> str | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        problems.add(shown, "no such file")
        return None
    except OSError as error:
        problems.add(shown, f"cannot be read: {error.strerror or error}")
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if b"\x00" in data or data.startswith(b"PK\x03\x04"):
        problems.add(shown, "not a text table, expected CSV or TSV", "save a spreadsheet as CSV (UTF-8)")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def header_of(cells: list[str], where: str, problems: Problems) -> list[str] | None:
    """The columns that a header line names, those without a name by number; None for a name that is twice."""
    while cells and not cells[-1]:
        cells = cells[:-1]
    repeated = sorted(cell for cell, count in Counter(cells).items() if cell and count > 1)
    if repeated:
        problems.add(
            where, f"column '{repeated[0]}' occurs twice in the header", "give every column its own name"
        )
        return None
    return [cell or f"column {number}" for number, cell in enumerate(cells, start=1)]
