"""Files that a run writes: JSON and tables, each in one way."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, TextIO


def write_json(file: Path, content: Any, lines: bool = False) -> None:
    """JSON for people and programs, there as a whole or not at all: written aside, then renamed.

    `lines`: as `json_lines` has it.
    """
    partial = file.with_name(file.name + ".part")
    text = json_lines(content) if lines else json_text(content)
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(file)


def json_text(content: Any) -> str:
    """The text of such a file; numbers that JSON has no word for (NaN, infinity) become null."""
    try:
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):  # a number that JSON has no word for, or another kind of map
        return json.dumps(_finite(content), indent=1, ensure_ascii=False, allow_nan=False)


def json_lines(content: Mapping[str, Any]) -> str:
    """A large map as JSON: a key a line, and an item of what it holds; written six times as fast.

    Python indents in Python, and writes what is on one line in C.
    """
    return "{\n" + ",\n".join(f" {_dumps(key)}: {_member(value)}" for key, value in content.items()) + "\n}"


def _member(value: Any) -> str:
    """A line for each item of a map or list."""
    if isinstance(value, Mapping) and value:
        return "{\n" + ",\n".join(f"  {_dumps(key)}: {_dumps(item)}" for key, item in value.items()) + "\n }"
    if isinstance(value, list | tuple) and value:
        return "[\n" + ",\n".join(f"  {_dumps(item)}" for item in value) + "\n ]"
    return _dumps(value)


def _dumps(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False)


def read_json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


# What a spreadsheet takes for a formula (OWASP, "CSV Injection"), or what was made harmless here before.
# Numbers, and a sign that stands alone, are none.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]", re.ASCII)
_HARMLESS = re.compile(r"[+-]|[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf", re.ASCII)


def write_table(
    file: Path, header: Sequence[str], rows: Iterable[Sequence[Any]], digits: int | None = None
) -> None:
    """A table with a header, by its ending: `.csv` with commas, else with tabs.

    What is unknown (None, NaN) is an empty cell, a list or map is JSON. A text that a spreadsheet would take
    for a formula gets an apostrophe before it, which `read_rows` takes off again.

    Args:
        file: where to write.
        header: the columns.
        rows: a value for each.
        digits: of a number, in a table for people: in it infinity is unknown too, and a text is one line.
            None: every number and text exactly as it is.
    """
    delimiter = "," if file.suffix == ".csv" else "\t"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(_Lines(stream), delimiter=delimiter)
        writer.writerow([as_text(name) for name in header])
        writer.writerows([_cell(value, digits) for value in row] for row in rows)


class _Lines:
    """Ends each line with a line feed; told to do so, `csv` would leave a carriage return unquoted."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> int:
        return self._stream.write(line.removesuffix("\r\n") + "\n")


def read_rows(file: Path) -> list[dict[str, str]]:
    """The rows of `read_columns`."""
    return read_columns(file)[1]


def read_columns(file: Path) -> tuple[list[str], list[dict[str, str]]]:
    """The columns and the rows of a table that `write_table` wrote, each cell as it was given.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no text.
        csv.Error: it is no table.
    """
    with file.open(newline="", encoding="utf-8") as stream:
        reader = csv.reader(stream, delimiter="," if file.suffix == ".csv" else "\t")
        header = [as_written(name) for name in next(reader, [])]
        # Of a row that was cut off, what is missing is empty.
        rows = (
            zip_longest(header, map(as_written, cells[: len(header)]), fillvalue="")
            for cells in reader
            if cells
        )
        return header, [dict(row) for row in rows]


def as_text(text: str) -> str:
    """The text as a spreadsheet shows it and does not evaluate it."""
    return f"'{text}" if _FORMULA.match(text) and not _HARMLESS.fullmatch(text) else text


def as_written(text: str) -> str:
    """What `as_text` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _cell(value: Any, digits: int | None) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, list | tuple | Mapping):
        return json.dumps(value, ensure_ascii=False)
    if digits is None:
        return repr(float(value)) if isinstance(value, float) else as_text(str(value))
    if not isinstance(value, float):
        return as_text(" ".join(str(value).split()))
    if math.isinf(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.{digits}g}"
