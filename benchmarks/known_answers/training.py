"""One training as the pipeline runs it (`tlpy.scenarios.stage.train_stage`), from a few settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from known_answers.people import People
from tlpy.records import Head, Input, Loading, Source, Stage, Training, task_type

AGE = Head("age", "regression")
SEX = Head("sex", "binary", ("F", "M"))
OLD = Head("old", "binary", ("no", "yes"))
ARCHITECTURE = {"name": "resnet10", "filters": 8, "kernel": 3}


def train(
    people: People,
    rows: Sequence[Sequence[Any]],
    heads: Sequence[Head],
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
    adabn: bool = False,
) -> dict[str, Any]:
    """One stage; its metrics.json. `rows` are those of each data set, the first one with labels."""
    from tlpy.data.augmentation.registry import complete_augmentation
    from tlpy.data.dataset import ImageSource
    from tlpy.objectives.complete import complete_objective
    from tlpy.optimizers.registry import complete_optimizer, complete_schedule
    from tlpy.scenarios.material import Opened
    from tlpy.scenarios.stage import train_stage

    labels = tuple(head.label for head in heads)
    joint = {"name": "joint", "mixing": "concatenate", "unlabelled_ratio": ratio}
    stage = Stage(
        id=folder.name,
        name="pretrain",
        role="pretrain",
        depth=0,
        parent=None,
        sources=tuple(
            Source(f"d{n}", "c", "s", labels, labelled=bool(heads) and n == 0) for n in range(len(rows))
        ),
        heads=tuple(heads),
        scenario=joint if len(rows) > 1 or len(heads) > 1 else {"name": "sequential"},
        architecture=ARCHITECTURE,
        input=Input(1, people.size),
        transfer={"name": transfer} if transfer else None,
        weights=None,
        loading=Loading(),
        objective=complete_objective(objective, heads, "objective", start is not None),
        training=Training(
            epochs=epochs,
            lr=lr,
            batch_size=batch,
            accumulate=1,
            optimizer=complete_optimizer("adam", "optimizer"),
            schedule=complete_schedule("cosine", "schedule"),
            early_stopping=None,
            gradient_clip=None,
            sampling="shuffle",
            augmentation=tuple(complete_augmentation(augmentation, "augmentation") or ()) or None,
            datamodule={"name": "base"},
            precision="32",
            keep="last",
            threads=1,
            adabn=adabn,
        ),
        seed=seed,
        fold=None,
        metric={"regression": "mae", "binary": "auroc", "none": "loss"}[task_type(heads)],
        cost=0.0,
        stored=False,
    )
    source: Any = people
    images = ImageSource(source)
    opened = [Opened(images, list(part), {}) for part in rows]
    return train_stage(stage, opened, start, folder)
