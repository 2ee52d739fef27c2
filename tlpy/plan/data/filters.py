"""Filters: which images of a data set take part, by what its table says of them.

`filter: {site: guys, age: {min: 18}}` keeps the images that meet every condition. A data set that is named
twice with other filters is read, and each image of it prepared, once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tlpy import words
from tlpy.data.readers.numbers import as_number
from tlpy.data.readers.rows import OURS
from tlpy.data.readers.tables import is_missing
from tlpy.errors import Problem, Problems, nearest

if TYPE_CHECKING:
    from tlpy.data.readers.base import ImageRecord, Reader

# What every reader says of an image, whatever the columns of its table are called.
FIELDS = (*OURS, "run")
_SHOWN = 8
_TRUE, _FALSE = ("true", "yes"), ("false", "no")


@dataclass(frozen=True)
class Filtered:
    """What a filter left.

    Attributes:
        records: those that meet every condition.
        of: how many there were.
        notes: values that were asked for and that no image has.
    """

    records: list[ImageRecord]
    of: int
    notes: tuple[str, ...] = ()


def keep(
    records: Sequence[ImageRecord],
    spec: Mapping[str, Any],
    reader: Reader,
    where: str,
    problems: Problems,
    known: Sequence[Problem] = (),
) -> Filtered:
    """The images that the filter of a data set keeps.

    Args:
        records: all images.
        spec: the data set as the params file has it, with a `filter`.
        reader: what the records are from; asked for columns that are none of ours.
        where: the filter's path in the params.
        problems: takes a column that is not there, a range over text, and a filter that keeps nothing.
        known: what is wrong with the layout, whatever is asked of it.
    """
    conditions: dict[str, Any] = spec["filter"]
    faults = Problems()
    source = Columns(spec, reader, known)
    columns = {name: source.texts(name, records, f"{where}.{name}", faults) for name in conditions}
    for name, condition in conditions.items():
        _check_range(name, condition, records, columns[name], f"{where}.{name}", faults)
    problems.extend(faults)
    if faults:
        return Filtered(list(records), len(records))
    kept = [
        record
        for record in records
        if all(_meets(columns[name].get(record.image, ""), given) for name, given in conditions.items())
    ]
    if records and not kept:
        there = "; ".join(f"{name}: {_listed(columns[name].values())}" for name in conditions)
        problems.add(where, f"keeps none of {len(records)} images", f"there are {there}")
    return Filtered(kept, len(records), _unmet(conditions, columns))


def in_words(conditions: Mapping[str, Any]) -> str:
    """A filter as text: `site guys or hh, age from 18, sex not F`."""
    return ", ".join(f"{name} {_condition(condition)}" for name, condition in conditions.items())


@dataclass(frozen=True)
class Columns:
    """What a data set's table says, column by column.

    Attributes:
        known: what is wrong with the layout, whatever is asked of it.
        role: what the columns are asked for, in messages.
    """

    spec: Mapping[str, Any]
    reader: Reader
    known: Sequence[Problem]
    role: str = "filter"

    def texts(
        self, name: str, records: Sequence[ImageRecord], where: str, faults: Problems
    ) -> dict[str, str]:
        """What a column says of each image; "" where it says nothing."""
        if name in FIELDS and self._is_ours(name, records):
            return {record.image: str(getattr(record, name)) for record in records}
        texts, absent = self.column(name)
        for problem in absent:
            message = problem.message.replace("for the label", f"for the {self.role}")
            faults.add(where, f"{problem.where}: {message}", problem.hint)
        return {image: "" if is_missing(text) else text for image, text in texts.items()}

    def _is_ours(self, name: str, records: Sequence[ImageRecord]) -> bool:
        """Whether one of our names means what the reader says, not a column of the user's own.

        It means the user's where `columns` or `group` take ours from another column, and where the reader
        says nothing by that name; many tables have a column `group`, for patients and controls.
        """
        elsewhere = self.reader.columns.get(name, name) != name
        if name == "group":
            named = self.spec.get("group") or self.reader.columns.get("group")
            elsewhere = named != "group"
        said = any(getattr(record, name) for record in records)
        return bool(self.column(name)[1]) if elsewhere or not said else True

    def column(self, name: str) -> tuple[dict[str, str], list[Problem]]:
        """A column of the table by image, and the problems that asking for it makes."""
        told = Problems()
        found = self.reader.records([name], None, told)
        texts = {record.image: record.labels.get(name, "") for record in found}
        return texts, [problem for problem in told if problem not in self.known]


def _check_range(
    name: str,
    condition: Any,
    records: Sequence[ImageRecord],
    texts: Mapping[str, str],
    where: str,
    faults: Problems,
) -> None:
    if not isinstance(condition, Mapping) or not {"min", "max"} & set(condition):
        return
    low, high = condition.get("min"), condition.get("max")
    if low is not None and high is not None and low > high:
        faults.add(where, f"min {words.number(low)} is above max {words.number(high)}")
    said = [(record, texts.get(record.image, "")) for record in records]
    wrong = [(record, text) for record, text in said if text and as_number(text) is None]
    if wrong:
        record, text = wrong[0]
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        faults.add(
            where,
            f"a range is for numbers, but '{name}' is '{text}' ({record.where}{more})",
            "give a value or a list of values",
        )


def _meets(text: str, condition: Any) -> bool:
    """Whether a cell meets a condition. A missing one has no value and is in no range."""
    if not isinstance(condition, Mapping):
        return any(_is(text, value) for value in _values(condition))
    if "not" in condition and any(_is(text, value) for value in _values(condition["not"])):
        return False
    if not {"min", "max"} & set(condition):
        return True
    found = as_number(text)
    low, high = condition.get("min"), condition.get("max")
    return found is not None and (low is None or found >= low) and (high is None or found <= high)


def _is(text: str, value: Any) -> bool:
    if isinstance(value, bool):
        return text.casefold() in (_TRUE if value else _FALSE)
    if isinstance(value, int | float):
        return as_number(text) == value
    return text == str(value)


def _values(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _unmet(conditions: Mapping[str, Any], columns: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    """Values that stand in the filter and in no row: a slip of the pen, as a rule."""
    notes = []
    for name, condition in conditions.items():
        wanted = condition.get("not", []) if isinstance(condition, Mapping) else condition
        texts = sorted({text for text in columns[name].values() if text})
        for value in _values(wanted):
            if not any(_is(text, value) for text in texts):
                hint = nearest(str(value), texts, f"there are {_listed(columns[name].values())}")
                notes.append(f"filter.{name}: no image has '{value}' ({hint})")
    return tuple(notes)


def _listed(texts: Any) -> str:
    """The values of a column with their counts, or the range of many numbers."""
    counts = Counter(text for text in texts if text)
    if not counts:
        return "no values"
    numbers = [found for text in counts if (found := as_number(text)) is not None]
    if len(counts) > _SHOWN and len(numbers) == len(counts):
        return f"{words.number(min(numbers))} to {words.number(max(numbers))}"
    shown = ", ".join(f"{text} ({count})" for text, count in counts.most_common(_SHOWN))
    return shown + (f" and {len(counts) - _SHOWN} more" if len(counts) > _SHOWN else "")


def _condition(condition: Any) -> str:
    if not isinstance(condition, Mapping):
        return " or ".join(map(str, _values(condition)))
    said = []
    if "not" in condition:
        said.append("not " + " or ".join(map(str, _values(condition["not"]))))
    said += [
        f"{word} {words.number(condition[key])}"
        for key, word in (("min", "from"), ("max", "to"))
        if key in condition
    ]
    return " ".join(said)
