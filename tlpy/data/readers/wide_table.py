"""Tables of many features (CSV or TSV): numbers go row by row to a file on disk: memory stays flat."""

from __future__ import annotations

import codecs
import csv
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from tlpy.data.readers.tables import Row, header_of, is_missing
from tlpy.errors import Problems

if TYPE_CHECKING:
    import _csv

_CHUNK = 1 << 20


@dataclass(frozen=True)
class WideTable:
    """What a table holds.

    Attributes:
        values: (rows, features) float32, mapped into memory; NaN where a cell holds no number.
        features: the names of its columns.
        rows: the other cells of each row, with the place of the row.
        columns: the names of these.
        odd: (row, feature) → the text of a cell that holds neither a number nor nothing.
        set_aside: columns that could have been features, but hold text alone.
    """

    values: np.ndarray
    features: list[str]
    rows: list[Row]
    columns: list[str]
    odd: dict[tuple[int, int], str]
    set_aside: list[str]


@dataclass
class _Columns:
    """What the columns that may be features hold, as far as the table was read."""

    places: list[int]
    numbers: np.ndarray
    odd: dict[tuple[int, int], str] = field(default_factory=dict)

    def read(self, row: int, cells: Sequence[str]) -> np.ndarray:
        """The numbers of a row, NaN where there is none."""
        texts = [cells[place] for place in self.places]
        try:
            found = np.array(texts, np.float64)
        except ValueError:
            found = np.array([self._number(row, at, text) for at, text in enumerate(texts)], np.float64)
        self.numbers |= ~np.isnan(found)
        with np.errstate(over="ignore"):  # told as infinite
            return found.astype(np.float32)

    def _number(self, row: int, at: int, text: str) -> float:
        if is_missing(text):
            return np.nan
        try:
            return float(text)
        except ValueError:
            self.odd[row, at] = text
            return np.nan


def read_wide(
    path: Path, shown: str, may_be_feature: Callable[[str], bool], problems: Problems
) -> WideTable | None:
    """Read a table with one header line, as `tables.read_table`; what is wrong goes to `problems`.

    Args:
        path, shown: the file, here and as users know it.
        may_be_feature: whether a column of this name may be a feature; it is none if it holds text alone.
        problems: takes what is wrong with the table. None is returned if nothing usable is there.
    """
    encoding = _encoding(path, shown, problems)
    if encoding is None:
        return None
    with path.open(encoding=encoding, errors="replace", newline="") as stream:
        first = next((line for line in stream if line.strip()), "")
        stream.seek(0)
        delimiter = "\t" if "\t" in first else max(",;", key=first.count)
        try:
            return _read(csv.reader(stream, delimiter=delimiter), shown, may_be_feature, problems)
        except csv.Error as error:
            problems.add(shown, f"cannot be read as a table: {error}")
            return None


def _read(
    lines: _csv.Reader, shown: str, may_be_feature: Callable[[str], bool], problems: Problems
) -> WideTable | None:
    header: list[str] = []
    columns = _Columns([], np.empty(0, bool))
    others: list[int] = []
    rows: list[Row] = []
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - the map keeps it alive
    for cells in lines:
        where = f"{shown}:{lines.line_num}"
        stripped = [cell.strip() for cell in cells]
        if not any(stripped):
            continue
        if not header:
            found = header_of(stripped, where, problems)
            if found is None:
                return None
            header = found
            may = np.array([may_be_feature(name) for name in header], bool)
            columns = _Columns(np.flatnonzero(may).tolist(), np.zeros(int(may.sum()), bool))
            others = np.flatnonzero(~may).tolist()
            continue
        if any(stripped[len(header) :]) or len(stripped) < len(header):
            problems.add(where, f"{len(stripped)} cells, expected {len(header)} as in the header")
            continue
        unpacked.write(columns.read(len(rows), stripped).tobytes())
        rows.append(Row(where, {header[place]: stripped[place] for place in others}))
    if not rows:
        problems.add(shown, "the table has no rows, expected a header line and a row for each subject")
        return None
    unpacked.flush()
    return _table(unpacked, header, columns, rows, shown, problems)


def _table(
    unpacked: IO[bytes],
    header: Sequence[str],
    columns: _Columns,
    rows: list[Row],
    shown: str,
    problems: Problems,
) -> WideTable:
    """Columns of text alone go to the rows' cells; of the others the numbers are the features."""
    names = [header[place] for place in columns.places]
    with_text = {at for _, at in columns.odd}
    for at in np.flatnonzero(~columns.numbers).tolist():
        if at not in with_text:
            problems.add(shown, f"column '{names[at]}' holds no value in any row", "leave it out: `without`")
    aside = [at for at in range(len(names)) if not columns.numbers[at]]
    for at in aside:
        for number, row in enumerate(rows):
            row.cells[names[at]] = columns.odd.get((number, at), "")
    kept = np.flatnonzero(columns.numbers)
    values = np.empty((len(rows), 0), np.float32)
    if len(names):
        values = np.memmap(unpacked, np.float32, "r", shape=(len(rows), len(names)))
    if aside and len(kept):
        values = _without(values, kept)
    place = {int(at): new for new, at in enumerate(kept)}
    return WideTable(
        values=values if len(kept) else np.empty((len(rows), 0), np.float32),
        features=[names[at] for at in kept],
        rows=rows,
        columns=[name for name in header if name in rows[0].cells],
        odd={(row, place[at]): text for (row, at), text in columns.odd.items() if at in place},
        set_aside=[names[at] for at in aside if at in with_text],
    )


def _without(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The columns `kept` of mapped values, mapped again."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the map keeps it alive
    for row in values:
        file.write(row[kept].tobytes())
    file.flush()
    return np.memmap(file, np.float32, "r", shape=(len(values), len(kept)))


def _encoding(path: Path, shown: str, problems: Problems) -> str | None:
    """UTF-8 (with or without a byte order mark), UTF-16 with one, else Windows-1252."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            start = file.read(4)
            if start.startswith((b"\xff\xfe", b"\xfe\xff")):
                return "utf-16"
            if b"\x00" in start or start.startswith(b"PK\x03\x04"):
                problems.add(
                    shown, "not a text table, expected CSV or TSV", "save a spreadsheet as CSV (UTF-8)"
                )
                return None
            file.seek(0)
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    except OSError as error:
        problems.add(shown, f"cannot be read: {error.strerror or error}")
        return None
    return "utf-8-sig"
