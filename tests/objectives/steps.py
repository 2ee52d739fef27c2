"""Small networks and steps for the tests of terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tlpy.architectures.base import Architecture
from tlpy.architectures.build import build
from tlpy.objectives.base import Objective, Step
from tlpy.objectives.build import build_objective
from tlpy.objectives.complete import complete_objective
from tlpy.objectives.heads import outputs_of
from tlpy.records import Head, Terms

torch.set_num_threads(1)
NAN = float("nan")
AGE = (Head("age", "regression"),)
SEX = (Head("sex", "binary", ("F", "M")),)
SITE = (Head("site", "multiclass", ("a", "b", "c")),)
NONE: tuple[Head, ...] = ()
FOUND = (Head("found", "multilabel", ("x", "y", "z")),)
SIZES = {1: (24,), 2: (16, 12), 3: (12, 8, 10)}
SMALL = {
    "resnet": {"name": "resnet10", "filters": 4, "kernel": 3},
    "vit": {"name": "vit", "patch": 4, "width": 12, "depth": 2, "heads": 2},
    "sfcn": {"name": "sfcn", "filters": [4, 8, 8], "dropout": 0.0},
    "densenet": {"name": "densenet121", "filters": 8, "growth": 4},
    "swin": {"name": "swin", "embed": 6, "heads": [1, 1, 2, 2]},
}


def network(
    task: Sequence[Head],
    objective: Terms | None = None,
    dims: int = 2,
    name: str = "resnet",
    channels: int = 1,
) -> Architecture:
    """A small network with the heads of a task."""
    torch.manual_seed(0)
    heads = {head.label: outputs_of(head, objective or {}) for head in task}
    return build(SMALL[name], channels, SIZES[dims], heads)


def started(
    value: Any, task: Sequence[Head], dims: int = 2, name: str = "resnet", channels: int = 1
) -> tuple[Objective, Architecture]:
    """An objective as in params files, started with a small network."""
    completed = complete_objective(value, task, "objective")
    architecture = network(task, completed, dims, name, channels)
    objective = build_objective(completed, task)
    objective.start(architecture, set(), None)
    return objective, architecture


def images(n: int = 4, dims: int = 2, channels: int = 1, seed: int = 1) -> Tensor:
    """Noise of (n, channels, *size)."""
    return torch.randn(n, channels, *SIZES[dims], generator=torch.Generator().manual_seed(seed))


def targets(task: Sequence[Head], n: int = 4) -> dict[str, Tensor]:
    """Known targets of each head."""
    kinds = {
        "regression": torch.linspace(-1, 1, n),
        "binary": torch.arange(n) % 2.0,
        "multiclass": torch.arange(n) % 3,
        "multilabel": (torch.arange(3 * n).reshape(n, 3) % 2).float(),
    }
    return {head.label: kinds[head.type] for head in task}


def observed(
    objective: Objective,
    architecture: Architecture,
    task: Sequence[Head],
    dims: int = 2,
    unlabelled: bool = True,
    **rest: Any,
) -> Step:
    """A step on noise, of four images with labels and three without."""
    channels = architecture.channels or 1
    settings: dict[str, Any] = {"progress": 0.5, "generator": torch.Generator().manual_seed(3), **rest}
    others = images(3, dims, channels, seed=2) if unlabelled else None
    return objective.observe(architecture, images(4, dims, channels), targets(task), others, **settings)
