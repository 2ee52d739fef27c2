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
from tlpy.data.subjects import Row, Scaling, truth

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
    fixed = ["epoch", "train_loss", "val_loss", f"val_{metric}", "lr"]
    terms = sorted({name for row in history for name in row} - set(fixed))
    write_table(folder / "history.csv", history, [*fixed, *terms])


def write_predictions(
    folder: Path,
    task: Mapping[str, Any],
    parts: Mapping[str, Sequence[Row]],
    predicted: Mapping[str, Mapping[str, np.ndarray]],
) -> None:
    """predictions.csv: val and test, numbers in the label's units or class names with probabilities."""
    classes = task["classes"] or []
    columns = ["image", "subject", "group", "split", "label", "true", "prediction"]
    rows = []
    for part, by_label in predicted.items():
        for label, values in by_label.items():
            true = truth(parts[part], task, label)
            for row, is_, score in zip(parts[part], true, values, strict=True):
                said = {"image": row.image, "subject": row.subject, "group": row.group}
                answer = _answer(task["type"], classes, is_, score)
                rows.append({**said, "split": part, "label": label, **answer})
    write_table(folder / "predictions.csv", rows, [*columns, *(f"p:{name}" for name in classes)])


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
