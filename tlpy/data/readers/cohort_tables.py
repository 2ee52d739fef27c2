"""The tables of a cohort: which of the folder's files they are, and their rows by somebody's id."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from tlpy.data.readers.rows import find_column
from tlpy.data.readers.tables import Row, Table, read_table
from tlpy.errors import Problems, nearest

_SPREADSHEETS = (".xls", ".xlsx", ".ods")


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
