"""The files of a stage: `stages/<id>/`, what ranking, reporting, later stages and users read."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlpy.data.subjects import ANSWER, SubjectRow, TargetScaling, truth
from tlpy.files import write_json, write_table
from tlpy.objectives.heads import bins_of
from tlpy.records import BINARY, MULTILABEL, REGRESSION, Head, Judged, Stage
from tlpy.scenarios.scores import scored_rows
from tlpy.version import __version__

if TYPE_CHECKING:  # these import torch, and plain baselines come here without
    from tlpy.data.feature_scale import FeatureScale
    from tlpy.scenarios.loop import Fitted
    from tlpy.scenarios.material import Material

FORMAT = 1
# The classes of each column of a multilabel head.
_COLUMN = ("0", "1")


def write_tables(
    folder: Path, stage: Stage, material: Material, fitted: Fitted, preprocessing: Mapping[str, Any]
) -> None:
    """The record, the contract, and what happened epoch by epoch and image by image."""
    write_json(folder / "stage.json", stage.to_json())
    write_json(folder / "contract.json", contract(stage, preprocessing, material.scaling))
    if material.features:
        write_features(folder / "features.tsv", material.features, preprocessing.get("features", ()))
    if material.held_back:
        write_held_back(folder / "held_back.tsv", stage, material.held_back)
    write_history(folder, fitted.keeper.history, stage.metric)
    _write_rows(folder / "learning_rates.csv", fitted.keeper.learning_rates, ["epoch", "group", "lr"])
    write_predictions(folder, stage, material.parts, fitted.predicted)


def write_features(path: Path, scale: FeatureScale, names: Sequence[str]) -> None:
    """features.tsv: what was taken off each feature of vectors, and what it was then divided by."""
    called = names or range(len(scale.mean))
    rows = zip(called, scale.mean.tolist(), scale.sd.tolist(), strict=True)
    write_table(path, ["feature", "mean", "sd"], rows)


def write_held_back(path: Path, stage: Judged, rows: Sequence[SubjectRow]) -> None:
    """held_back.tsv: the training images that the way of transfer kept for itself."""
    columns = ["dataset", "image", "subject", "group"]
    found = ((stage.sources[row.source].dataset, row.image, row.subject, row.group) for row in rows)
    write_table(path, columns, sorted(found))


def write_history(folder: Path, history: Sequence[Mapping[str, float]], metric: str) -> None:
    """history.csv: one row an epoch; one column for each term of the objective at the end.

    `metric`, which epochs are chosen by, is the first of the validation's.
    """
    first = ["epoch", "train_loss", "val_loss", f"val_{metric}"]
    validation = [name for row in history for name in row if name.startswith("val_")]
    fixed = list(dict.fromkeys([*first, *validation, "lr"]))
    terms = sorted({name for row in history for name in row} - set(fixed))
    _write_rows(folder / "history.csv", history, [*fixed, *terms])


def write_predictions(
    folder: Path,
    stage: Judged,
    parts: Mapping[str, Sequence[SubjectRow]],
    predicted: Mapping[str, Mapping[str, np.ndarray]],
) -> None:
    """predictions.csv: val and test, numbers in the label's units or class names with probabilities.

    One row for each image and label that the image has; of a multilabel head, `label` is one of its columns.
    On data sets that a label is not judged by, the part is called `test:<data set>`.
    """
    rows: list[dict[str, Any]] = []
    for part, by_label in predicted.items():
        for head in stage.heads:
            own = stage.judged_on(head.label)
            for number, source in enumerate(stage.sources):
                chosen = scored_rows(head, parts[part], number) if head.label in source.labels else []
                name = part if number == own else f"{part}:{source.dataset}"
                found = [parts[part][at] for at in chosen]
                rows += _answers(head, name, found, by_label[head.label][chosen])
    columns = ["image", "subject", "group", "split", "head", "label", "true", "prediction"]
    if any(row.get(ANSWER) for row in rows):
        columns.insert(2, ANSWER)
    classes = [name for head in stage.heads for name in _classes(head)]
    _write_rows(folder / "predictions.csv", rows, [*columns, *dict.fromkeys(f"p:{name}" for name in classes)])


def _write_rows(path: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """A table from maps; what one lacks is an empty cell."""
    write_table(path, columns, ([row.get(column) for column in columns] for row in rows))


def _classes(head: Head) -> tuple[str, ...]:
    return _COLUMN if head.type == MULTILABEL else head.names


def _answers(
    head: Head, part: str, rows: Sequence[SubjectRow], scores: np.ndarray, of: str | None = None
) -> list[dict[str, Any]]:
    """The rows of one head; a multilabel one (`of`, for its columns) has one for each of its columns."""
    if head.type == MULTILABEL:
        return [
            answer
            for place, column in enumerate(head.columns)
            for answer in _answers(
                Head(column, BINARY, _COLUMN),
                part,
                [row for row in rows if row.labels.get(column)],
                scores[[at for at, row in enumerate(rows) if row.labels.get(column)], place],
                head.label,
            )
        ]
    classes = _classes(head)
    return [
        {
            "image": row.image,
            "subject": row.subject,
            "group": row.group,
            ANSWER: row.answer,
            "split": part,
            "head": head.label if of is None else of,
            "label": head.label,
            **_answer(head.type, classes, is_, score),
        }
        for row, is_, score in zip(rows, truth(rows, head), scores, strict=True)
    ]


def _answer(task_type: str, classes: Sequence[str], true: Any, score: Any) -> dict[str, Any]:
    if task_type == REGRESSION:
        return {"true": float(true), "prediction": float(score)}
    shares = [1 - float(score), float(score)] if task_type == BINARY else [float(share) for share in score]
    # Half goes to the second class, as in the metrics.
    best = int(shares[1] >= 0.5) if task_type == BINARY else int(np.argmax(shares))
    probabilities = {f"p:{name}": share for name, share in zip(classes, shares, strict=True)}
    return {"true": classes[int(true)], "prediction": classes[best], **probabilities}


def contract(
    stage: Stage, preprocessing: Mapping[str, Any], scaling: Mapping[str, TargetScaling]
) -> dict[str, Any]:
    """contract.json: all that someone needs to use the weights on new images."""
    heads = [head.to_json() for head in stage.heads]
    return {
        "format": FORMAT,
        "images": preprocessing,
        "datamodule": stage.training.datamodule,
        "input": stage.input.to_json(),
        "architecture": stage.architecture,
        "task": {
            "type": stage.task_type,
            "labels": [head["label"] for head in heads[:1]],
            "classes": heads[0]["classes"] if heads else None,
        },
        "tasks": heads,
        "targets": {label: {"mean": found.mean, "sd": found.sd} for label, found in scaling.items()},
        "bins": {
            head.label: {key: found[1][key] for key in ("low", "high", "bins")}
            for head in stage.heads
            if head.type == REGRESSION and (found := bins_of(stage.objective, head.label))
        },
    }


def versions() -> dict[str, str]:
    """What made the numbers."""
    import lightning
    import torch

    return {
        "tlpy": __version__,
        "torch": str(torch.__version__),
        "lightning": lightning.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def write_failed(folder: Path, stage: Stage, reason: str, trace: str = "") -> None:
    """The files of a stage that failed: its record, why, and the traceback."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "stage.json", stage.to_json())
    (folder / "stage.log").write_text(f"{reason}\n\n{trace}".rstrip() + "\n", encoding="utf-8")
    nothing: dict[str, float] = {}
    write_json(
        folder / "metrics.json",
        {
            "id": stage.id,
            "status": "failed",
            "reason": reason,
            "best_epoch": None,
            "epochs_run": 0,
            "stopped_early": False,
            "metrics": {"train": nothing, "val": nothing, "test": nothing},
            "n": {"train": 0, "val": 0, "test": 0},
            "parameters": {"total": 0, "trainable": 0},
            "seconds": {"train": 0.0, "total": 0.0},
            "device": "",
            "peak_memory_mb": 0.0,
            "resumed_from_epoch": None,
            "versions": versions(),
        },
    )
