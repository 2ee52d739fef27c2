"""What TRAIN left behind, read as it is: a stage that failed, or never ran, is a result too.

Nothing here raises for a file that a training did not write: the stage then counts as failed, with that
reason, so that one bad stage never takes the ranking of the others down. A file that is not as it was written
is the machine's fault, and no ranking is made of it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from sys import intern
from typing import Any

import numpy as np

from tlpy import words
from tlpy.checksums import is_bulk
from tlpy.data.shards import shard_folders
from tlpy.data.subjects import ANSWER
from tlpy.files import read_json, read_rows
from tlpy.metrics.answers import by_subject, whole_groups
from tlpy.metrics.formulas import Array
from tlpy.metrics.registry import primary
from tlpy.plan.plan_records import Plan
from tlpy.records import BINARY, BY_IMAGE, MULTILABEL, REGRESSION, Head, Judged, Stage
from tlpy.store import check

LABEL = "label:"
"""Before a user's label where it stands beside names of ours."""


@dataclass(frozen=True)
class Predictions:
    """The cases of one part (val or test) for one label: its answers (`tlpy.metrics.answers`).

    Attributes:
        images: (n,) id of an image of each answer.
        subjects, groups: (n,) ids; a group is what a split must not tear apart.
        true: (n,) label units, or class indices; (n, columns) of 0, 1 and NaN for multilabel.
        score: (n,) prediction in label units, or probability of class 1; (n, classes) for multiclass and
            (n, columns) for multilabel.
    """

    images: tuple[str, ...]
    subjects: tuple[str, ...]
    groups: tuple[str, ...]
    true: Array
    score: Array
    counts: tuple[int, ...] = ()
    """How many images each case stands for; empty: one."""
    answers: tuple[str, ...] = ()
    """(n,) which of its subject's answers each image belongs to; empty: a subject has one."""

    def __len__(self) -> int:
        return len(self.images)

    @property
    def answered(self) -> dict[str, int]:
        """The image of each case, and how many it stands for."""
        return dict(zip(self.images, self.counts or [1] * len(self), strict=True))

    def pooled(self, task_type: str, combine: str) -> Predictions:
        """One case for each subject (and its answer) and value of the label, of cases of one image each."""
        answers = self.answers or ("",) * len(self)
        of = list(zip(self.subjects, answers, strict=True))
        found = by_subject(task_type, of, self.true, self.score, combine)
        groups = whole_groups(self.subjects, self.groups)
        return Predictions(
            tuple(self.images[at] for at in found.image),
            tuple(self.subjects[at] for at in found.image),
            tuple(groups[at] for at in found.image),
            found.true,
            found.score,
            tuple(int(count) for count in found.images),
        )


def counted(parts: Iterable[Predictions]) -> str:
    """How many cases there are over several trainings, in words: subjects, images, or answers of subjects."""
    answers: dict[str, int] = {}
    subjects: set[str] = set()
    for cases in parts:
        answers |= cases.answered
        subjects.update(cases.subjects)
    people = words.count(len(subjects), "subject")
    if len(answers) == len(subjects):
        return people
    noun = "image" if set(answers.values()) == {1} else "answer"
    return f"{words.count(len(answers), noun)} of {people}"


@dataclass(frozen=True)
class FitResult:
    """One stage or fit of a plain baseline: its record in the plan, and what is in its folder."""

    record: Judged
    folder: Path
    metrics_file: dict[str, Any]
    reason: str | None
    """Why it failed; None when it is done."""

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def done(self) -> bool:
        return self.reason is None

    def other_scores(self, metric: str) -> dict[str, float]:
        """Test scores beside that of the primary label, which `metric` is for.

        `label:<label>_<metric>` of each further label, by its task's own metric, and `target_<metric>`, the
        primary metric on a data set that no label was learnt from.
        """
        found: dict[str, float] = {}
        by_label = self.metrics_file.get("metrics_by_label") or {}
        for head in self.record.heads[1:]:
            name = primary(head.type)
            values = (by_label.get(head.label) or {}).get("test") or {}
            found[f"{LABEL}{head.label}_{name}"] = _number(values.get(name))
        if (self.metrics_file.get("metrics") or {}).get("target") is not None:
            found[f"target_{metric}"] = self.metrics("target").get(metric, float("nan"))
        return found

    @property
    def seconds(self) -> float:
        """Seconds the stage took, start to end; NaN where not known."""
        return _number((self.metrics_file.get("seconds") or {}).get("total"))

    @property
    def parameters(self) -> dict[str, Any]:
        return dict(self.metrics_file.get("parameters") or {})

    @property
    def n(self) -> dict[str, Any]:
        return dict(self.metrics_file.get("n") or {})

    def metrics(self, part: str, by_image: bool = False) -> dict[str, float]:
        """Name → value on train, val or test, as TRAIN wrote it.

        `by_image`: with every image as an answer; none where that is no other score.
        """
        values = (self.metrics_file.get("metrics_by_image" if by_image else "metrics") or {}).get(part) or {}
        return {name: _number(value) for name, value in values.items()}

    @cached_property
    def history(self) -> dict[str, list[float]]:
        """Column → one value per epoch; empty where there is no history."""
        rows = _table(self.folder / "history.csv")
        return {name: [_number(row.get(name)) for row in rows] for name in (rows[0] if rows else {})}

    @cached_property
    def learning_rates(self) -> dict[str, list[float]]:
        """Parameter group → its rate in each epoch, in definition order; empty where there is no table."""
        found: dict[str, list[float]] = {}
        for row in _table(self.folder / "learning_rates.csv"):
            found.setdefault(str(row.get("group")), []).append(_number(row.get("lr")))
        return found

    def _rows(self) -> list[dict[str, str]]:
        """Read anew each time: the rows of hundreds of stages, a map each, would be gigabytes."""
        return _table(self.folder / "predictions.csv")

    def predictions(self, part: str = "test", label: str | None = None) -> Predictions | None:
        """The cases of `part`, of the primary label if none is named; None where none can be read.

        One a subject and value of the label, or one an image, as the data set is scored by.
        """
        heads = self.record.heads
        head = next((head for head in heads if head.label == label), heads[0] if heads else None)
        if head is None:
            return None
        try:
            rows = [row for row in self._rows() if row.get("split") == part and _is_of(row, head)]
            if not rows:
                return None
            found = _several(rows, head.columns) if head.type == MULTILABEL else _single(rows, head)
        except (KeyError, ValueError):
            return None
        source = self.record.sources[self._source_of(part, head)]
        if found is None or source.score_by == BY_IMAGE:
            return found
        return found.pooled(head.type, source.combine)

    def _source_of(self, part: str, head: Head) -> int:
        """The number of the data set that the rows of a part are of; a part may be `test:<data set>`."""
        name = part.partition(":")[2]
        names = [source.dataset for source in self.record.sources]
        return names.index(name) if name in names else self.record.judged_on(head.label)


def _is_of(row: dict[str, str], head: Head) -> bool:
    """Whether a row is of a head; a column of a multilabel one may be called like another head."""
    return row["head"] == head.label if "head" in row else row.get("label", head.label) in head.columns


def _single(rows: list[dict[str, str]], head: Head) -> Predictions:
    """The cases of a task with one label: one row an image."""
    true, score = _scores(rows, head)
    images = _ids(row["image"] for row in rows)
    subjects = _ids(row.get("subject") or row["image"] for row in rows)
    groups = _ids(row.get("group") or row.get("subject") or row["image"] for row in rows)
    answers = _ids(row.get(ANSWER) or "" for row in rows)
    return Predictions(images, subjects, groups, true, score, answers=answers)


def _several(table: list[dict[str, str]], columns: Sequence[str]) -> Predictions | None:
    """The cases of a multilabel task: one row a column in the file, one row an image here."""
    place = {column: number for number, column in enumerate(columns)}
    rows = [row for row in table if row.get("label") in place]
    images = {row["image"]: row for row in rows}
    if not images:
        return None
    index = {image: number for number, image in enumerate(images)}
    true = np.full((len(images), len(columns)), np.nan)
    score = np.zeros((len(images), len(columns)))
    for row in rows:
        cell = index[row["image"]], place[row["label"]]
        true[cell], score[cell] = float(row["true"]), float(row["p:1"])
    subjects = _ids(row.get("subject") or image for image, row in images.items())
    groups = _ids(row.get("group") or row.get("subject") or image for image, row in images.items())
    answers = _ids(row.get(ANSWER) or "" for row in images.values())
    return Predictions(_ids(images), subjects, groups, true, score, answers=answers)


def _ids(texts: Iterable[str]) -> tuple[str, ...]:
    """The ids of the cases: those of every variant are the same texts in memory."""
    return tuple(intern(text) for text in texts)


def _scores(rows: list[dict[str, str]], head: Head) -> tuple[Array, Array]:
    if head.type == REGRESSION:
        true = np.array([float(row["true"]) for row in rows])
        return true, np.array([float(row["prediction"]) for row in rows])
    index = {name: number for number, name in enumerate(head.names)}
    true = np.array([index[row["true"]] for row in rows], dtype=np.float64)
    wanted = head.names[1:] if head.type == BINARY else head.names
    score = np.array([[float(row[f"p:{name}"]) for name in wanted] for row in rows])
    return true, score[:, 0] if head.type == BINARY else score


@dataclass(frozen=True)
class StageResult(FitResult):
    """One stage, as a network was trained in it."""

    record: Stage


@dataclass(frozen=True)
class Run:
    """A plan and the results of its stages, and of its plain baselines."""

    plan: Plan
    stages: dict[str, StageResult]
    prepared: Path | None = None
    covariates: Path | None = None
    notes: list[str] = field(default_factory=list)
    plain: dict[str, FitResult] = field(default_factory=dict)


def read_run(
    plan: Plan,
    stages: Path,
    prepared: Path | None = None,
    plain: Path | None = None,
    covariates: Path | None = None,
) -> Run:
    """Read every stage of `plan` from `stages/<id>/`, and every plain baseline from `plain/<id>/`.

    Args:
        prepared: the folder that holds the caches' shards, or None.
        plain: the folder of the baselines, or None.
        covariates: the folder of PLAN's tables of labels and confounds, or None.

    Raises:
        DamagedError: files are not as they were written, naming each.
    """
    finished = [stages / id_ for id_ in sorted(plan.stages)]
    finished += [plain / id_ for id_ in sorted(plan.plain_fits)] if plain else []
    if prepared:
        finished += [shard for key in sorted(plan.caches) for shard in shard_folders(prepared, key)]
    # Their weights and arrays are not read here.
    check(finished, lambda name: not is_bulk(name))
    return Run(
        plan,
        {id_: StageResult(one, *_read(stages / id_)) for id_, one in sorted(plan.stages.items())},
        prepared,
        covariates,
        plain={id_: FitResult(one, *_read(plain / id_)) for id_, one in plan.plain_fits.items()}
        if plain
        else {},
    )


def read_fit(record: Judged, folder: Path) -> FitResult:
    """One folder of results, of a record that is judged by other data."""
    return FitResult(record, *_read(folder))


def _read(folder: Path) -> tuple[Path, dict[str, Any], str | None]:
    """A folder of results, what its metrics.json holds, and why it failed."""
    try:
        metrics = read_json(folder / "metrics.json")
    except FileNotFoundError:
        return folder, {}, "never finished: it left no metrics.json"
    except (OSError, ValueError) as error:
        return folder, {}, f"its metrics.json can't be read ({error})"
    if not isinstance(metrics, dict):
        return folder, {}, "its metrics.json holds no results"
    if metrics.get("status") == "done":
        return folder, metrics, None
    return folder, metrics, str(metrics.get("reason") or "failed without a reason")


def _table(path: Path) -> list[dict[str, str]]:
    try:
        return read_rows(path)
    except (OSError, ValueError, csv.Error):
        return []


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
