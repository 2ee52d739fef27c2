"""Confounds: what a table says beside the label (age, sex, site), which a network may learn in its place.

They take part in no training and in no stage's id: what is found here is written down for the ranking.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tlpy.data.labels import Task, infer_task
from tlpy.data.readers.tables import is_missing
from tlpy.errors import Problem, Problems
from tlpy.plan.data.columns import USUAL_CONFOUNDS
from tlpy.plan.data.filters import Columns
from tlpy.records import REGRESSION, Head

if TYPE_CHECKING:
    from tlpy.data.readers.base import ImageRecord, Reader

SITE = "site"


@dataclass(frozen=True)
class Confounds:
    """The confounds of a data set.

    Attributes:
        tasks: what each is, a number or a category, as a label would be.
        texts: what each says of an image, by image; "" where it says nothing.
        notes: which were left out, and why.
        said: whether the user named them.
    """

    tasks: dict[str, Task] = field(default_factory=dict)
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    said: bool = False

    @property
    def heads(self) -> tuple[Head, ...]:
        """Their names, kinds and categories."""
        return tuple(task.head(name) for name, task in self.tasks.items())

    def in_words(self) -> str:
        """`age (a number), sex (F, M)`, or `none`."""
        told = [
            f"{name} ({'a number' if task.type == REGRESSION else ', '.join(task.classes or [])})"
            for name, task in self.tasks.items()
        ]
        return ", ".join(told) or "none"


def confounds_of(
    spec: Mapping[str, Any],
    labels: Sequence[str],
    reader: Reader,
    records: Sequence[ImageRecord],
    where: str,
    problems: Problems,
    known: Sequence[Problem] = (),
) -> Confounds:
    """The confounds that a data set names, or else those of age, sex and site that its table has.

    Args:
        spec: the data set as the params file has it.
        labels: what is learnt: no confound of itself.
        reader: what the records are from.
        records: the images that take part.
        where: the data set's path in the params.
        problems: takes a column that was named and is not there, or is neither numbers nor categories.
        known: what is wrong with the layout, whatever is asked of it.
    """
    named = spec.get("confounds")
    columns = Columns(spec, reader, known, "confound")
    finder = _Finder(columns, records, labels, f"{where}.confounds")
    if named is None:
        return finder.usual(problems)
    return finder.named([str(name) for name in named], problems)


@dataclass
class _Finder:
    columns: Columns
    records: Sequence[ImageRecord]
    labels: Sequence[str]
    where: str
    tasks: dict[str, Task] = field(default_factory=dict)
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def named(self, names: Sequence[str], problems: Problems) -> Confounds:
        for name in dict.fromkeys(names):
            if self._is_label(name):
                self.notes.append(f"'{name}' is the label itself: it is left out")
                continue
            texts = self._asked(name, problems)
            if texts is not None:
                self._take(name, texts, problems)
        return Confounds(self.tasks, self.texts, tuple(self.notes), said=True)

    def usual(self, problems: Problems) -> Confounds:
        """Age, sex and site, as far as they are there and can be read; what cannot be is noted, no fault."""
        for name, spellings in USUAL_CONFOUNDS.items():
            if any(self._is_label(spelling) for spelling in spellings):
                continue
            texts = self._site() if name == SITE else self._found(spellings, problems)
            if texts is None:
                continue
            faults = Problems()
            self._take(name, texts, faults)
            self.notes += [f"'{name}' is not used: {fault.message}" for fault in list(faults)[:1]]
        return Confounds(self.tasks, self.texts, tuple(self.notes))

    def _is_label(self, name: str) -> bool:
        mapping = self.columns.reader.columns
        learnt = {mapping.get(label, label).casefold() for label in self.labels}
        return mapping.get(name, name).casefold() in learnt

    def _site(self) -> dict[str, str] | None:
        texts = {record.image: record.site for record in self.records}
        return texts if any(texts.values()) else None

    def _asked(self, name: str, problems: Problems) -> dict[str, str] | None:
        if name == SITE and (sites := self._site()) is not None:
            return sites
        faults = Problems()
        texts = self.columns.texts(name, self.records, self.where, faults)
        problems.extend(faults)
        return None if faults else texts

    def _found(self, spellings: Sequence[str], problems: Problems) -> dict[str, str] | None:
        """The first of these columns that is there, in any case of its letters."""
        from tlpy.data.readers.own import OwnReader

        reader = self.columns.reader
        for spelling in spellings:
            if spelling in reader.columns:
                return self._asked(spelling, problems)
        if isinstance(reader, OwnReader):
            return None  # an own class need not know what it does not have; it may decode every image to tell
        for spelling in spellings:
            texts, absent = self.columns.column(spelling)
            if not absent:
                return texts
            # Readers hint at the column that is called so but for the case of its letters.
            hints = " ".join(problem.hint for problem in absent)
            for near in re.findall(r"did you mean '([^']+)'", hints):
                if near.casefold() == spelling.casefold():
                    return self.columns.column(near)[0]
        return None

    def _take(self, name: str, texts: Mapping[str, str], problems: Problems) -> None:
        values = [texts.get(record.image, "") for record in self.records]
        there = {text.strip() for text in values if not is_missing(text)}
        if len(there) == 1:
            self.notes.append(f"'{name}' is {there.pop()} in every row: there is nothing to compare")
            return
        rows = [record.where for record in self.records]
        task = infer_task(values, name, None, problems, self.where, rows)
        if task is not None:
            self.tasks[name] = task
            self.texts[name] = {
                record.image: task.value(text) for record, text in zip(self.records, values, strict=True)
            }
