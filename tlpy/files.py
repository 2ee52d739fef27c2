"""Files that a run writes: JSON and tables, each in one way."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def write_json(file: Path, content: Any) -> None:
    """JSON for people and programs; numbers that it has no word for (NaN, infinity) become null."""
    file.write_text(json_text(content) + "\n", encoding="utf-8")


def json_text(content: Any) -> str:
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

    What is unknown (None, NaN, infinity) is an empty cell, a text stands on one line, a list or map is JSON.

    Args:
        file: where to write.
        header: the columns.
        rows: a value for each.
        digits: of a number; None: all that it has.
    """
    delimiter = "," if file.suffix == ".csv" else "\t"
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([_cell(value, digits) for value in row] for row in rows)


def _cell(value: Any, digits: int | None) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, float):
        if digits is None:
            return repr(float(value))
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.{digits}g}"
    if isinstance(value, list | tuple | Mapping):
        return json.dumps(value, ensure_ascii=False)
    return " ".join(str(value).split())
