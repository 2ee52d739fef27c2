"""One training as the pipeline runs it (`tlpy.scenarios.stage.train_stage`), from a few settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from known_answers.people import People

AGE: dict[str, Any] = {"label": "age", "type": "regression", "classes": None}
SEX: dict[str, Any] = {"label": "sex", "type": "binary", "classes": ["F", "M"]}
OLD: dict[str, Any] = {"label": "old", "type": "binary", "classes": ["no", "yes"]}
ARCHITECTURE = {"name": "resnet10", "filters": 8, "kernel": 3}


def train(
    people: People,
    rows: Sequence[Sequence[Any]],
    heads: Sequence[Mapping[str, Any]],
    objective: Any,
    seed: int,
    folder: Path,
    *,
    epochs: int,
    batch: int,
    lr: float = 1e-3,
    ratio: float = 1.0,
    start: Path | None = None,
    transfer: str | None = None,
    augmentation: Any = None,
) -> dict[str, Any]:
    """One stage; its metrics.json. `rows` are those of each data set, the first one with labels."""
    from tlpy.data.augmentation.registry import complete_augmentation
    from tlpy.data.dataset import ImageSource
    from tlpy.objectives.registry import complete_objective
    from tlpy.optimizers.registry import complete_optimizer, complete_schedule
    from tlpy.scenarios.material import Opened
    from tlpy.scenarios.stage import train_stage

    labels = [str(head["label"]) for head in heads]
    task = (
        {"type": heads[0]["type"], "labels": labels[:1], "classes": heads[0]["classes"]}
        if heads
        else {"type": "none", "labels": [], "classes": None}
    )
    sources = [
        {
            "dataset": f"d{n}",
            "cache": "c",
            "subjects": "s",
            "labels": labels,
            "labelled": bool(heads) and n == 0,
        }
        for n in range(len(rows))
    ]
    joint = len(rows) > 1 or len(heads) > 1
    record = {
        "id": folder.name,
        "name": "pretrain",
        "role": "pretrain",
        "dataset": "d0",
        "scenario": {"name": "joint", "mixing": "concatenate", "unlabelled_ratio": ratio}
        if joint
        else {"name": "sequential"},
        "task": task,
        "tasks": list(heads),
        "sources": sources,
        "architecture": ARCHITECTURE,
        "input": {"channels": 1, "size": list(people.size)},
        "transfer": {"name": transfer} if transfer else None,
        "weights": None,
        "objective": complete_objective(
            objective, task, "objective", start is not None, tasks=list(heads) or None
        ),
        "training": {
            "epochs": epochs,
            "lr": lr,
            "batch_size": batch,
            "optimizer": complete_optimizer("adam", "optimizer"),
            "schedule": complete_schedule("cosine", "schedule"),
            "early_stopping": None,
            "precision": "32",
            "keep": "last",
            "sampling": "shuffle",
            "augmentation": complete_augmentation(augmentation, "augmentation"),
            "datamodule": {"name": "base"},
        },
        "seed": seed,
        "metric": {"regression": "mae", "binary": "auroc", "none": "loss"}[str(task["type"])],
    }
    source: Any = people
    images = ImageSource(source)
    opened = [Opened(images, list(part), {}) for part in rows]
    return train_stage(record, opened, start, folder)
