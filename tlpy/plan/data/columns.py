"""What a data set's settings say of its columns: labels, split, our names for theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tlpy.components.registry import as_component
from tlpy.data.readers.rows import OURS
from tlpy.errors import InputError, Problem, Problems, nearest
from tlpy.plan.data.given_splits import is_table
from tlpy.records import NONE

if TYPE_CHECKING:
    from tlpy.data.readers.base import ImageRecord, Reader

SPLIT_DEFAULTS = {"val": 0.15, "test": 0.15}
# What labels go with most often, and how it may be called: taken for confounds where a table has it.
USUAL_CONFOUNDS = {"age": ("age",), "sex": ("sex", "gender"), "site": ("site",)}


def labels_of(spec: Mapping[str, Any], where: str) -> tuple[list[str], bool]:
    """The columns to learn from, and whether the user named them: some layouts have a label of their own.

    Raises `InputError` for a label that is named twice.
    """
    from tlpy.data.readers.registry import READERS

    given, task = spec.get("label"), spec.get("task")
    if task == NONE:
        return [], True
    if given:
        labels = [given] if isinstance(given, str) else [str(label) for label in given]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise InputError([Problem(f"{where}.label", f"'{label}' is named twice") for label in twice])
        return labels, True
    label = READERS.facts(as_component(spec["reader"])["name"], f"{where}.reader").label
    return ([label], False) if label else ([], True)


def split_of(spec: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, float]]:
    """Our column names → theirs, with that of the official parts; and the fractions to hold out."""
    columns = dict(spec.get("columns") or {})
    split = spec.get("split")
    if is_table(split):
        return columns, dict(SPLIT_DEFAULTS)
    if isinstance(split, str):
        return {**columns, "split": split}, dict(SPLIT_DEFAULTS)
    return columns, {**SPLIT_DEFAULTS, **(split or {})}


def grouped_by(spec: Mapping[str, Any], reader: Reader, records: Sequence[ImageRecord]) -> str:
    """What a split of the data set keeps together, and which column tells it."""
    from tlpy.data.readers.registry import READERS

    named = spec.get("group") or reader.columns.get("group")
    if named:
        return str(named)
    if any(record.group != record.subject for record in records):
        family = READERS.facts(as_component(spec["reader"])["name"]).families
        return f"family ({family})" if family else "the reader's group"
    column = reader.columns.get("subject")
    return f"subject ({column})" if column else "subject"


def within_subjects(
    spec: Mapping[str, Any], records: Sequence[ImageRecord], where: str, problems: Problems
) -> bool:
    """Whether a data set is split inside its subjects: said, or of one person the only thing possible."""
    grouped = any(record.group != record.subject for record in records)
    if spec.get("within") and records and not grouped:
        hint = "name the column that divides a subject: `group: run`"
        problems.add(f"{where}.within", "has no effect, since the data set has no groups", hint)
    alone = len({record.subject for record in records}) == 1
    return bool(spec.get("within")) or (alone and len({record.group for record in records}) > 1)


def id_problems(
    labels: Sequence[str], records: Sequence[ImageRecord], within: bool, where: str
) -> list[Problem]:
    """Labels that hold the subjects' ids, by which parts are told apart: a column that was taken for both."""
    hint = "say which column holds the ids: `columns: {subject: …}`"
    return [
        Problem(f"{where}.label", f"'{label}' is taken for the subjects' ids: it can't be learnt", hint)
        for label in labels
        if records and not within and all(record.labels.get(label) == record.subject for record in records)
    ]


def column_problems(columns: Mapping[str, str], names: Sequence[str], where: str) -> list[Problem]:
    """Names of columns that are none of ours, nor of the `names` that the data set is asked for."""
    usual = [spelling for spellings in USUAL_CONFOUNDS.values() for spelling in spellings]
    valid = list(dict.fromkeys([*OURS, *names, *usual]))
    return [
        Problem(f"{where}.columns.{name}", "is none of our column names", nearest(name, valid))
        for name in columns
        if name not in valid
    ]
