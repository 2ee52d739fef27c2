"""What readers take from a table's row: labels, group, site and the official part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from tlpy.data.readers.tables import Row
from tlpy.errors import Problem, Problems, nearest

PARTS = ("train", "val", "test")
# Our names of what every reader says of an image, as `columns` may map them to a table's.
OURS = ("image", "subject", "session", "group", "site", "split")
_PART_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


class Details(TypedDict):
    """The part of an `ImageRecord` that comes from a row."""

    labels: dict[str, str]
    group: str
    site: str
    split: str
    where: str


@dataclass(frozen=True)
class RowReader:
    """The columns that were found for what is wanted; made by `resolve`."""

    labels: dict[str, str]
    group: str | None
    site: str | None
    split: str | None

    def details(self, row: Row, problems: Problems, skippable: list[Problem]) -> Details | None:
        """What `row` says; None (and a problem that can be skipped) if its group is missing."""
        text = row.get(self.split)
        split = part_name(text)
        if text and not split:
            problems.add(row.where, f"'{text}' in column '{self.split}', expected train, val or test")
        group = row.get(self.group)
        if self.group and not group:
            skippable.append(
                Problem(row.where, f"nothing in column '{self.group}', by which the split is grouped")
            )
            return None
        return {
            "labels": {label: row.get(column) for label, column in self.labels.items()},
            "group": group,
            "site": row.get(self.site),
            "split": split,
            "where": row.where,
        }


def part_name(text: str) -> str:
    """train, val or test, however it is spelt; "" if `text` names no part."""
    return _PART_NAMES.get(text.casefold(), "")


def find_column(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The first of `names` that is one of `columns`, in any case."""
    folded = {column.casefold(): column for column in reversed(columns)}
    for name in names:
        if name in columns:
            return name
        if name.casefold() in folded:
            return folded[name.casefold()]
    return None


def theirs(name: str, columns: Sequence[str], mapping: Mapping[str, str]) -> str:
    """The column that is meant where a data set's settings name one: a label, a group, a filter's.

    `mapping` (our name → theirs) says it, unless the table has a column of that very name beside: what it
    calls our site is one thing, a user's column `site` may be another.
    """
    return name if name in OURS and name in columns else mapping.get(name, name)


def absent(shown: str, name: str, columns: Sequence[str], role: str) -> Problem:
    """The problem of a column that is not there, with the nearest one that is."""
    near = find_column(columns, [name])
    hint = f"did you mean '{near}'?" if near else nearest(name, columns)
    return Problem(shown, f"no column '{name}' for the {role}", hint)


def resolve(
    shown: str,
    columns: Sequence[str],
    mapping: Mapping[str, str],
    labels: Sequence[str],
    group: str | None,
    problems: Problems,
    rows: Iterable[Row] | None = None,
) -> RowReader:
    """Find the columns of what is wanted.

    Args:
        shown: the table, as users know it.
        columns: the table's columns.
        mapping: our name → theirs; a name that is not in it stands for itself.
        labels, group: as in `Reader.records`; each must be there, as must be what `mapping` gives for
            `group`, `site` and `split`. A column `site` or `split` is taken where it is there; a `split` only
            if it names a part in some row, and is no label or group.
        problems: takes a problem for each column that is absent.
        rows: of the table; None: a column `split` is taken for parts unseen.
    """

    def required(column: str, role: str) -> str | None:
        if column in columns:
            return column
        problems.extend([absent(shown, column, columns, role)])
        return None

    def optional(name: str) -> str | None:
        return required(mapping[name], name) if name in mapping else find_column(columns, [name])

    def parts() -> str | None:
        column = optional("split")
        if "split" in mapping or column is None:
            return column
        named = rows is None or any(part_name(row.get(column)) for row in rows)
        return column if named and column not in (*found.values(), by) else None

    found = {label: required(theirs(label, columns, mapping), "label") for label in labels}
    by = None
    if group or "group" in mapping:
        by = required(theirs(group, columns, mapping) if group else mapping["group"], "group")
    return RowReader(
        labels={label: column for label, column in found.items() if column},
        group=by,
        site=optional("site"),
        split=parts(),
    )
