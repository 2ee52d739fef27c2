"""Fitting the baselines of a task: each on its split, scored once, written as a stage's results are."""

from __future__ import annotations

import platform
import shutil
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tlpy import machine
from tlpy.checksums import write_checksums
from tlpy.components.loading import describe_fault
from tlpy.data.cache import PreparedImages
from tlpy.data.shards import shard_folders
from tlpy.data.subjects import PARTS, SubjectRow, check_variety, is_known, read_subjects, split_rows
from tlpy.errors import InputError, Problem, Problems
from tlpy.files import read_rows, write_json
from tlpy.metrics.formulas import Array
from tlpy.metrics.registry import primary
from tlpy.plain.base import Cases, PlainBaseline, Question
from tlpy.plain.fits import CONFOUND, EXTERNAL, CovariateTable, PlainFit
from tlpy.plain.registry import PLAIN
from tlpy.records import BINARY, MULTICLASS, MULTILABEL, Head, Source
from tlpy.scenarios.outputs import write_predictions
from tlpy.scenarios.scores import all_metrics
from tlpy.store import Store, check
from tlpy.version import __version__

Parts = dict[str, list[SubjectRow]]


@dataclass
class PlainFolders:
    """The prepared images and tables in a task's folders; each cache is opened once.

    Attributes:
        caches: holds a folder for each PREPARE request.
        subjects: holds `<subjects id>.tsv`.
        covariates: holds `<data set>.tsv`; None where no baseline looks at them.
    """

    caches: Path
    subjects: Path
    covariates: Path | None = None
    _images: dict[str, PreparedImages] = field(default_factory=dict)

    def images(self, cache: str) -> PreparedImages:
        """The images of a cache; raises `InputError` where it is not there, `DamagedError` where damaged."""
        if cache not in self._images:
            folders = shard_folders(self.caches, cache)
            if not folders:
                raise InputError([Problem("caches", f"no prepared images of cache {cache} in {self.caches}")])
            check(folders)
            self._images[cache] = PreparedImages.open(folders)
        return self._images[cache]

    def rows(self, fit: PlainFit) -> list[list[SubjectRow]]:
        """The subjects of each of a fit's sources."""
        return [
            read_subjects(
                self.subjects / f"{source.subjects}.tsv",
                [column for head in fit.heads_of(source) for column in head.columns],
                number,
            )
            for number, source in enumerate(fit.sources)
        ]

    def blank(self, fit: PlainFit) -> Cases:
        """Everything that a fit's cases share, without any case."""
        sources = [self.images(source.cache) for source in fit.sources]
        tables = [self.covariates_of(table) for table in fit.covariates]
        return Cases(sources, (), tables, fit.confounds, fit.seed)

    def covariates_of(self, table: CovariateTable) -> dict[str, dict[str, str]]:
        """By image: column → text. Raises `InputError` where the table is not there, or lacks a column."""
        file = (self.covariates or Path("covariates")) / f"{table.name}.tsv"
        columns = {head.label: f"{CONFOUND}{head.label}" for head in table.columns}
        try:
            rows = read_rows(file)
            return {row["image"]: {name: row[column] for name, column in columns.items()} for row in rows}
        except OSError as error:
            raise InputError([Problem(str(file), f"cannot be read: {error.strerror or error}")]) from error
        except KeyError as error:
            raise InputError([Problem(str(file), f"has no column {error}")]) from error


def run_fits(
    fits: Sequence[PlainFit], folders: PlainFolders, out: Path, store: Path | None = None
) -> dict[str, str]:
    """Fit and score baselines into `out/<id>/`; one that fails says why there, and the others go on.

    Args:
        store: finished ones are taken from it and kept in it.

    Returns:
        Status (`done`, `failed`) by id.

    Raises:
        MachineError: the machine failed one (a full disk, a damaged file), which then is no result.
    """
    status = {}
    kept = Store(store) if store else None
    for fit in fits:
        folder = out / fit.id
        shutil.rmtree(folder, ignore_errors=True)
        if kept and kept.take("plain", fit.id, folder):
            status[fit.id] = "done"
            continue
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "fit.json", fit.to_json())
        try:
            status[fit.id] = _run(fit, folders, folder)
            write_checksums(folder)
            if kept:
                kept.keep("plain", fit.id, folder)
        except Exception as error:  # an own baseline may fail in any way
            found = machine.trouble(error, {"work folder": out} | ({"store": store} if store else {}))
            if found:
                raise found from error
            reason = str(error) if isinstance(error, InputError) else describe_fault(error)
            (folder / "fit.log").write_text(traceback.format_exc(), encoding="utf-8")
            write_json(folder / "metrics.json", {"id": fit.id, "status": "failed", "reason": reason})
            status[fit.id] = "failed"
    return status


def _run(fit: PlainFit, folders: PlainFolders, folder: Path) -> str:
    began = time.perf_counter()
    blank = folders.blank(fit)
    parts = gather(fit, folders.rows(fit), blank.sources)
    fitted: dict[str, PlainBaseline] = {}
    predicted: dict[str, dict[str, Array]] = {part: {} for part in parts if part != "train"}
    for head in fit.heads:
        fitted[head.label] = fit_head(fit, head, parts, blank)
        for part, by_label in predicted.items():
            cases = replace(blank, rows=parts[part])
            by_label[head.label] = checked(fitted[head.label].predict(cases), head, len(cases))
    write_predictions(folder, fit, parts, predicted)
    write_json(
        folder / "metrics.json",
        {
            "id": fit.id,
            "status": "done",
            "reason": None,
            **all_metrics(fit, parts, predicted),
            "fitted": {label: baseline.settled() for label, baseline in fitted.items()},
            "n": {part: len(parts.get(part, ())) for part in PARTS},
            "parameters": _counts(fitted),
            "seconds": {"total": time.perf_counter() - began},
            "versions": _versions(),
        },
    )
    for number, source in enumerate(fit.external):
        _score_outside(fit, number, source, fitted, folders, folder / EXTERNAL / source.dataset)
    return "done"


def _score_outside(
    fit: PlainFit,
    number: int,
    source: Source,
    fitted: Mapping[str, PlainBaseline],
    folders: PlainFolders,
    folder: Path,
) -> None:
    """Score what was fitted on a data set that took no part; one that cannot be scored says why there."""
    folder.mkdir(parents=True, exist_ok=True)
    images = folders.images(source.cache)
    heads = [head for head in fit.heads if head.label in source.labels]
    columns = [column for head in heads for column in head.columns]
    known = read_subjects(folders.subjects / f"{source.subjects}.tsv", columns)
    rows = [row for row in known if row.image in images]
    try:
        if not rows:
            raise InputError([Problem(f"datasets.{source.dataset}", "all images were left out")])
        tables = [folders.covariates_of(fit.external_covariates[number])] if fit.external_covariates else []
        cases = Cases([images], rows, tables, fit.confounds, fit.seed)
        predicted = {
            "test": {
                head.label: checked(fitted[head.label].predict(cases), head, len(rows)) for head in heads
            }
        }
        scored = replace(fit, sources=(source,), heads=tuple(heads))
        write_predictions(folder, scored, {"test": rows}, predicted)
        found = {"status": "done", "reason": None, **all_metrics(scored, {"test": rows}, predicted)}
    except Exception as error:  # an own baseline may fail in any way
        trouble = machine.trouble(error, {"work folder": folder})
        if trouble:
            raise trouble from error
        reason = str(error) if isinstance(error, InputError) else describe_fault(error)
        found = {"status": "failed", "reason": reason}
    write_json(folder / "metrics.json", {"id": fit.id, **found, "n": {"test": len(rows)}})


def gather(fit: PlainFit, rows: Sequence[Sequence[SubjectRow]], sources: Sequence[PreparedImages]) -> Parts:
    """The rows of each part, as those of the stage that it is compared with (`tlpy.scenarios.material`).

    Of a data set that no label is learnt from, the test part alone is looked at.

    Raises:
        InputError: a part is empty, or a label has one value only in the training part.
    """
    problems = Problems()
    split = [
        split_rows(own, images, source.dataset, problems)
        for own, images, source in zip(rows, sources, fit.sources, strict=True)
    ]
    parts: Parts = {part: [] for part in PARTS}
    for source, found in zip(fit.sources, split, strict=True):
        for part in PARTS if source.labelled else PARTS[2:]:
            heads = fit.heads_of(source)
            known = [row for row in found[part] if any(is_known(row, head) for head in heads)]
            parts[part] += found[part] if source.labelled else known
    for head in fit.heads:
        problems.extend(check_variety(parts["train"], head, "train", fit.dataset))
    problems.raise_if_any()
    return {part: found for part, found in parts.items() if found}


def fit_head(fit: PlainFit, head: Head, parts: Mapping[str, list[SubjectRow]], blank: Cases) -> PlainBaseline:
    """A baseline fitted to one label; settings are chosen on the data set that the label is judged by.

    Args:
        blank: what the cases of all parts share.
    """
    question = Question(head, fit.metric if head is fit.heads[0] else primary(head.type))
    baseline: PlainBaseline = PLAIN.make(fit.component, where="plain")
    own = fit.judged_on(head.label)
    val = [row for row in parts.get("val", ()) if row.source == own]
    baseline.fit(
        question,
        replace(blank, rows=parts["train"]).those_with(head),
        replace(blank, rows=val).those_with(head),
    )
    return baseline


def checked(answers: Any, head: Head, count: int) -> Array:
    """Answers as metrics take them; raises `InputError` for another shape, or what is no number."""
    found = np.asarray(answers, np.float64)
    several = head.type in (MULTICLASS, MULTILABEL)
    wanted = (count, len(head.names)) if several else (count,)
    if found.shape != wanted:
        raise InputError([Problem("plain", f"answers of shape {found.shape}, expected {wanted}")])
    if not np.isfinite(found).all():
        raise InputError([Problem("plain", "an answer is not a finite number")])
    if head.type in (BINARY, MULTICLASS, MULTILABEL) and (found.min() < 0 or found.max() > 1):
        message = f"answers from {found.min():g} to {found.max():g}, expected probabilities"
        raise InputError([Problem("plain", message)])
    return found


def _counts(fitted: Mapping[str, PlainBaseline]) -> dict[str, int]:
    total = sum(baseline.parameters() for baseline in fitted.values())
    return {"total": total, "trainable": total}


def _versions() -> dict[str, str]:
    import sklearn

    return {
        "tlpy": __version__,
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
