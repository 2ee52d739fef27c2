"""What a column of labels is: a quantity, two classes or more; and which of its cells are wrong."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tlpy.data.image_records import ImageRecord
from tlpy.data.readers.numbers import AT_LEAST, as_number, plain_number
from tlpy.data.readers.tables import is_missing
from tlpy.errors import Problem, Problems, nearest
from tlpy.records import BINARY, MULTICLASS, REGRESSION, Head

TASKS = (REGRESSION, BINARY, MULTICLASS)
MOST_CODES = 10
_SAME_CLASS = ({"m", "male", "man", "men"}, {"f", "female", "woman", "women"})
_SHOWN = 20
# The square root of the largest number in single precision: a squared error of more is infinite.
_LARGEST = 1.8e19


@dataclass(frozen=True)
class Task:
    """What is learnt from one label.

    Attributes:
        type: regression, binary, multiclass, multilabel or none.
        classes: the classes' names, sorted (numbers by value); None for regression. The positive class
            of a binary task is the second; of a multilabel task the classes are columns of 0 and 1.
        notes: what was read in a way that is worth saying, e.g. "89+" as 89.
    """

    type: str
    classes: list[str] | None = None
    notes: tuple[str, ...] = ()

    def head(self, label: str) -> Head:
        """The head that learns it of the label called `label`."""
        return Head(label, self.type, None if self.classes is None else tuple(self.classes))

    def value(self, text: str) -> str:
        """The one way to write a cell: a plain number, or the name of its class; "" if it is missing."""
        if is_missing(text):
            return ""
        number = as_number(text) if self.type == REGRESSION else plain_number(text)
        return text.strip() if number is None else _plain(number)


def missing_labels(records: Iterable[ImageRecord], labels: Sequence[str]) -> dict[str, Problem]:
    """By image id, the problem of each image without any of `labels`; they may be left out."""
    found: dict[str, Problem] = {}
    for record in records:
        if all(is_missing(record.labels.get(label, "")) for label in labels):
            found[record.image] = Problem(record.where, f"{record.subject} has no {' and no '.join(labels)}")
    return found


def infer_task(
    values: Sequence[str],
    label: str,
    said: str | None,
    problems: Problems,
    where: str,
    rows: Sequence[str] = (),
) -> Task | None:
    """The task that `values` stand for.

    - Texts are classes: binary if there are two, multiclass if more.
    - Whole numbers that count from 0 or 1 without a gap, or that are -1 and 1, at most ten of them, are
      classes' codes: binary if there are two, multiclass if more.
    - All other numbers are a quantity: regression.

    `said` goes before these rules. Missing cells ("", n/a, NA, nan) are passed over.

    Args:
        values: the raw text of each cell.
        label: the column's name, for messages.
        said: the task that the user named, if any.
        problems: takes what is wrong: text among numbers, one class only, two spellings of one class.
        where: the place of the whole column, e.g. `datasets.brains.label`.
        rows: the place of each value, e.g. `participants.tsv:12`; as long as `values`, or empty.

    Returns:
        None if something is wrong.
    """
    if said is not None and said not in TASKS:
        problems.add(where, f"unknown task '{said}'", nearest(said, TASKS))
        return None
    places = list(rows) or [where] * len(values)
    cells = [
        (text.strip(), place) for text, place in zip(values, places, strict=True) if not is_missing(text)
    ]
    if not cells:
        problems.add(where, f"'{label}' is missing in every row")
        return None
    before = len(problems)
    numbers = [number for text, _ in cells if (number := as_number(text)) is not None]
    codes = [code for text, _ in cells if (code := plain_number(text)) is not None]
    texts = len(codes) < len(cells)
    if said == REGRESSION or (said is None and 2 * len(numbers) > len(cells)):
        _check_numbers(cells, label, problems)
        quantity = said == REGRESSION or not _are_codes(sorted(set(numbers)))
    else:
        _check_classes(cells, label, said != MULTICLASS and bool(codes) and texts, problems)
        quantity = False
    if len(problems) > before:
        return None
    if quantity:
        if len(set(numbers)) < 2:
            problems.add(where, f"'{label}' is {cells[0][0]} in every row, expected values that differ")
            return None
        return Task(REGRESSION, None, _notes(cells, label))
    classes = sorted({text for text, _ in cells}) if texts else [_plain(code) for code in sorted(set(codes))]
    return _classification(classes, label, said, len(cells), problems, where)


def _classification(
    classes: list[str], label: str, said: str | None, n: int, problems: Problems, where: str
) -> Task | None:
    if len(classes) < 2:
        problems.add(where, f"'{label}' has one class only ('{classes[0]}'), expected at least two")
        return None
    if said == BINARY and len(classes) > 2:
        names = ", ".join(classes[:MOST_CODES]) + (", …" if len(classes) > MOST_CODES else "")
        problems.add(where, f"'{label}' has {len(classes)} classes ({names}), a binary task has two")
        return None
    if said is None and len(classes) > MOST_CODES and 2 * len(classes) > n:
        problems.add(
            where,
            f"'{label}' has {len(classes)} different texts in {n} rows, expected classes or numbers",
            "say `task: multiclass` if these are classes",
        )
        return None
    return Task(said or (BINARY if len(classes) == 2 else MULTICLASS), classes)


def _are_codes(distinct: list[float]) -> bool:
    """Whether these numbers count classes: 0…k-1, 1…k, or -1 and 1."""
    if distinct == [-1.0, 1.0]:
        return True
    first = distinct[0]
    return (
        first in (0.0, 1.0)
        and 2 <= len(distinct) <= MOST_CODES
        and distinct == [first + step for step in range(len(distinct))]
    )


def _check_numbers(cells: list[tuple[str, str]], label: str, problems: Problems) -> None:
    """A problem for each cell that is no number, or one that no training bears."""
    huge = [(text, place) for text, place in cells if abs(as_number(text) or 0.0) > _LARGEST]
    _add_rows(
        problems,
        huge,
        f"under '{label}', expected a number within ±{_LARGEST:g}: training is in single precision",
        "correct it, or write n/a",
    )
    wrong = [(text, place) for text, place in cells if as_number(text) is None]
    comma = [cell for cell in wrong if re.fullmatch(r"\d+,\d+", cell[0])]
    other = [cell for cell in wrong if cell not in comma]
    _add_rows(problems, other, f"under '{label}', expected a number", "correct it, or write n/a")
    _add_rows(problems, comma, f"under '{label}', expected a number", "write decimals with a point")


def _check_classes(cells: list[tuple[str, str]], label: str, mixed: bool, problems: Problems) -> None:
    """A problem for each cell of the rarer kind among texts and numbers, and for each second spelling."""
    counts = Counter(text for text, _ in cells)

    def rank(text: str) -> tuple[int, int, str]:
        return counts[text], -len(text), text

    if mixed:
        kinds: defaultdict[bool, list[tuple[str, str]]] = defaultdict(list)
        for cell in cells:
            kinds[plain_number(cell[0]) is not None].append(cell)
        wrong, right = sorted(kinds.values(), key=len)
        usual = {_key(text): text for text in sorted({text for text, _ in right}, key=rank)}
        names = ", ".join(sorted(usual.values())[:MOST_CODES])
        _add_rows(problems, wrong, f"under '{label}', expected one of {names}", "correct it, or write n/a")
    spellings: defaultdict[str, list[str]] = defaultdict(list)
    for text in counts:
        if plain_number(text) is None:
            spellings[_key(text)].append(text)
    for alike in spellings.values():
        best = max(alike, key=rank)
        wrong = [(text, place) for text, place in cells if text in alike and text != best]
        _add_rows(problems, wrong, f"under '{label}', elsewhere '{best}'", "spell each class in one way")


def _key(text: str) -> str:
    """What is left of a class's name when case and stray marks are taken off; one word for each sex."""
    plain = text.casefold().strip(" \t.,;:'\"`")
    for number, words in enumerate(_SAME_CLASS):
        if plain in words:
            return f"sex {number}"
    return plain or text


def _add_rows(problems: Problems, wrong: list[tuple[str, str]], expected: str, hint: str) -> None:
    for text, place in wrong[:_SHOWN]:
        problems.add(place, f"found '{text}' {expected}", hint)
    if len(wrong) > _SHOWN:
        problems.add(wrong[_SHOWN][1], f"and {len(wrong) - _SHOWN} more such rows {expected}", hint)


def _notes(cells: list[tuple[str, str]], label: str) -> tuple[str, ...]:
    rounded = [(text, place) for text, place in cells if AT_LEAST.fullmatch(text)]
    if not rounded:
        return ()
    text, place = rounded[0]
    plain = _plain(as_number(text) or 0.0)
    return (f"'{label}' is '{text}' in {len(rounded)} rows (first {place}): read as {plain}",)


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)
