"""Records for tests: a stage, and the settings it is trained by, of which a test changes what it is about."""

from __future__ import annotations

from typing import Any

from tlpy.records import EarlyStopping, Head, Input, Loading, Source, Stage, Training

AGE = Head("age", "regression")
SEX = Head("sex", "binary", ("F", "M"))


def training(**changes: Any) -> Training:
    """Two epochs of everything by default."""
    given: dict[str, Any] = {
        "epochs": 2,
        "lr": 0.001,
        "batch_size": 4,
        "accumulate": 1,
        "optimizer": {"name": "adam"},
        "schedule": {"name": "constant"},
        "early_stopping": None,
        "gradient_clip": None,
        "sampling": "shuffle",
        "augmentation": None,
        "datamodule": {"name": "base"},
        "precision": "32",
        "keep": "best",
        "threads": 1,
        "adabn": False,
    }
    given |= changes
    if isinstance(given["early_stopping"], dict):
        given["early_stopping"] = EarlyStopping(**{"min_delta": 0.0, **given["early_stopping"]})
    return Training(**given)


def source(dataset: str = "brains", *labels: str, labelled: bool = True) -> Source:
    """A data set whose cache and table are called as it is."""
    return Source(dataset, f"cache-{dataset}", f"subjects-{dataset}", labels, labelled)


def stage(**changes: Any) -> Stage:
    """A stage that learns age from `brains`."""
    given: dict[str, Any] = {
        "id": "s1",
        "name": "finetune",
        "role": "finetune",
        "depth": 0,
        "parent": None,
        "sources": (source("brains", "age"),),
        "heads": (AGE,),
        "scenario": {"name": "sequential"},
        "architecture": {"name": "resnet18"},
        "input": Input(1, (16, 16)),
        "transfer": None,
        "weights": None,
        "loading": Loading(),
        "objective": {"mse": {"weight": 1.0}},
        "training": training(),
        "seed": 0,
        "fold": None,
        "metric": "mae",
        "cost": 1.0,
        "stored": False,
    }
    return Stage(**(given | changes))
