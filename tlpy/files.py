"""Files that a run writes: JSON and tables, each in one way."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def write_json(file: Path, content: Any) -> None:
    """JSON for people and programs, there as a whole or not at all: written aside, then renamed."""
    partial = file.with_name(file.name + ".part")
    partial.write_text(json_text(content) + "\n", encoding="utf-8")
    partial.replace(file)


def json_text(content: Any) -> str:
    """The text of such a file; numbers that JSON has no word for (NaN, infinity) become null."""
    try:
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):  # a number that JSON has no word for, or another kind of map
        return json.dumps(_finite(content), indent=1, ensure_ascii=False, allow_nan=False)


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


def write_table(
    file: Path, header: Sequence[str], rows: Iterable[Sequence[Any]], digits: int | None = None
) -> None:
    """A table with a header, by its ending: `.csv` with commas, else with tabs.

    What is unknown (None, NaN) is an empty cell, a list or map is JSON.

    Args:
        file: where to write.
        header: the columns.
        rows: a value for each.
        digits: of a number, in a table for people: in it infinity is unknown too, and a text is one line.
            None: every number and text exactly as it is.
    """
    delimiter = "," if file.suffix == ".csv" else "\t"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([_cell(value, digits) for value in row] for row in rows)


def _cell(value: Any, digits: int | None) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, list | tuple | Mapping):
        return json.dumps(value, ensure_ascii=False)
    if digits is None:
        return repr(float(value)) if isinstance(value, float) else str(value)
    if not isinstance(value, float):
        return " ".join(str(value).split())
    if math.isinf(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.{digits}g}"
