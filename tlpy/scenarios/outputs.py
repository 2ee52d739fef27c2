"""The files of a stage: `stages/<id>/`, what ranking, reporting, later stages and users read."""

from __future__ import annotations

import csv
import json
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlpy import __version__
from tlpy.data.subjects import Row, Scaling, columns_of, truth
from tlpy.scenarios.scores import own_source, scored_rows

FORMAT = 1


def write_json(path: Path, content: Any) -> None:
    """Numbers that JSON has no word for (NaN, infinity) become null."""
    path.write_text(json.dumps(_finite(content), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_table(path: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """A CSV with a header; an absent or NaN value is an empty cell."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(row.get(column)) for column in columns])


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(float(value)) if isinstance(value, float) else value


def write_history(folder: Path, history: Sequence[Mapping[str, float]], metric: str) -> None:
    """history.csv: one row an epoch; one column for each term of the objective at the end."""
    fixed = list(dict.fromkeys(["epoch", "train_loss", "val_loss", f"val_{metric}", "lr"]))
    terms = sorted({name for row in history for name in row} - set(fixed))
    write_table(folder / "history.csv", history, [*fixed, *terms])


def write_predictions(
    folder: Path,
    stage: Mapping[str, Any],
    parts: Mapping[str, Sequence[Row]],
    predicted: Mapping[str, Mapping[str, np.ndarray]],
) -> None:
    """predictions.csv: val and test, numbers in the label's units or class names with probabilities.

    One row for each image and label that the image has. On data sets that a label is not judged by, the part
    is called `test:<data set>`.
    """
    rows: list[dict[str, Any]] = []
    for part, by_label in predicted.items():
        for head in stage["tasks"]:
            own = own_source(stage["sources"], head["label"])
            for number, source in enumerate(stage["sources"]):
                chosen = scored_rows(head, parts[part], number) if head["label"] in source["labels"] else []
                name = part if number == own else f"{part}:{source['dataset']}"
                found = [parts[part][at] for at in chosen]
                rows += _answers(head, name, found, by_label[head["label"]][chosen])
    columns = ["image", "subject", "group", "split", "label", "true", "prediction"]
    classes = [name for head in stage["tasks"] for name in _classes(head)]
    write_table(folder / "predictions.csv", rows, [*columns, *dict.fromkeys(f"p:{name}" for name in classes)])


def _classes(head: Mapping[str, Any]) -> list[str]:
    return ["0", "1"] if head["type"] == "multilabel" else list(head["classes"] or [])


def _answers(
    head: Mapping[str, Any], part: str, rows: Sequence[Row], scores: np.ndarray
) -> list[dict[str, Any]]:
    """The rows of one head; a multilabel task has one for each of its columns."""
    if head["type"] == "multilabel":
        return [
            answer
            for place, column in enumerate(columns_of(head))
            for answer in _answers(
                {"label": column, "type": "binary", "classes": _classes(head)},
                part,
                [row for row in rows if row.labels.get(column)],
                scores[[at for at, row in enumerate(rows) if row.labels.get(column)], place],
            )
        ]
    classes = _classes(head)
    return [
        {
            "image": row.image,
            "subject": row.subject,
            "group": row.group,
            "split": part,
            "label": head["label"],
            **_answer(head["type"], classes, is_, score),
        }
        for row, is_, score in zip(rows, truth(rows, head), scores, strict=True)
    ]


def _answer(task_type: str, classes: Sequence[str], true: Any, score: Any) -> dict[str, Any]:
    if task_type == "regression":
        return {"true": float(true), "prediction": float(score)}
    shares = [1 - float(score), float(score)] if task_type == "binary" else [float(share) for share in score]
    # Half goes to the second class, as in the metrics.
    best = int(shares[1] >= 0.5) if task_type == "binary" else int(np.argmax(shares))
    probabilities = {f"p:{name}": share for name, share in zip(classes, shares, strict=True)}
    return {"true": classes[int(true)], "prediction": classes[best], **probabilities}


def contract(
    stage: Mapping[str, Any], preprocessing: Mapping[str, Any], scaling: Mapping[str, Scaling]
) -> dict[str, Any]:
    """contract.json: all that someone needs to use the weights on new images."""
    return {
        "format": FORMAT,
        "images": preprocessing,
        "datamodule": stage["training"]["datamodule"],
        "input": stage["input"],
        "architecture": stage["architecture"],
        "task": stage["task"],
        "tasks": stage["tasks"],
        "targets": {label: {"mean": found.mean, "sd": found.sd} for label, found in scaling.items()},
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


def write_failed(folder: Path, stage: Mapping[str, Any], reason: str, trace: str = "") -> None:
    """The files of a stage that failed: its record, why, and the traceback."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "stage.json", stage)
    (folder / "stage.log").write_text(f"{reason}\n\n{trace}".rstrip() + "\n", encoding="utf-8")
    nothing: dict[str, float] = {}
    write_json(
        folder / "metrics.json",
        {
            "id": stage["id"],
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
