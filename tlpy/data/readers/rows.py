"""What readers take from a table's row: labels, group, site and the official part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from tlpy.data.readers.tables import Row
from tlpy.errors import Problem, Problems, nearest

PARTS = ("train", "val", "test")
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
) -> RowReader:
    """Find the columns of what is wanted.

    Args:
        shown: the table, as users know it.
        columns: the table's columns.
        mapping: our name → theirs; a name that is not in it stands for itself.
        labels, group: as in `Reader.records`; each must be there, as must be what `mapping` gives for
            `group`, `site` and `split`. A column `site` or `split` is taken where it is there.
        problems: takes a problem for each column that is absent.
    """

    def required(name: str, role: str) -> str | None:
        column = mapping.get(name, name)
        if column in columns:
            return column
        problems.extend([absent(shown, column, columns, role)])
        return None

    def optional(name: str) -> str | None:
        return required(name, name) if name in mapping else find_column(columns, [name])

    found = {label: required(label, "label") for label in labels}
    return RowReader(
        labels={label: column for label, column in found.items() if column},
        group=required(group or "group", "group") if group or "group" in mapping else None,
        site=optional("site"),
        split=optional("split"),
    )
