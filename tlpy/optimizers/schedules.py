"""Schedules as factors of each group's own learning rate.

Each starts with a linear rise from near 0 over `warmup` epochs, step by step, where that is above 0;
then its course begins. Smooth courses move with every step, the others with every epoch.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, pi
from typing import Annotated, Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from tlpy.components.rules import (
    COUNT,
    Between,
    Count,
    FromZero,
    Share,
    UpToOne,
    at_least,
    list_of,
)

Made = dict[str, Any] | None
Epochs = Annotated[Sequence[int], list_of(COUNT, 1, None, "a list of epochs")]


@dataclass(frozen=True)
class Length:
    """How long a stage trains: epochs, and optimizer steps in each."""

    epochs: int
    steps_per_epoch: int


def constant(optimizer: Optimizer, length: Length, warmup: FromZero = 0.0) -> Made:
    """The same rate throughout; None where there is no warm-up."""
    return None if warmup == 0 else _course(optimizer, lambda _: 1.0, length, warmup)


def cosine(optimizer: Optimizer, length: Length, warmup: FromZero = 0.0, final: Share = 0.0) -> Made:
    """final + (1 - final) (1 + cos π·share) / 2, share of the course that is done (Loshchilov 2017)."""
    epochs = max(length.epochs - warmup, 1e-9)

    def factor(epoch: float) -> float:
        return final + (1 - final) * (1 + cos(pi * min(epoch / epochs, 1))) / 2

    return _course(optimizer, factor, length, warmup, smooth=True)


def linear(optimizer: Optimizer, length: Length, warmup: FromZero = 0.0, final: Share = 0.0) -> Made:
    """1 - (1 - final)·share, share of the course that is done."""
    epochs = max(length.epochs - warmup, 1e-9)
    return _course(
        optimizer, lambda epoch: 1 - (1 - final) * min(epoch / epochs, 1), length, warmup, smooth=True
    )


def dann(
    optimizer: Optimizer,
    length: Length,
    warmup: FromZero = 0.0,
    alpha: FromZero = 10.0,
    beta: FromZero = 0.75,
) -> Made:
    """(1 + alpha·share)^-beta, share of the course that is done (Ganin 2016; the paper's lr is 0.01)."""
    epochs = max(length.epochs - warmup, 1e-9)
    return _course(
        optimizer, lambda epoch: (1 + alpha * min(epoch / epochs, 1)) ** -beta, length, warmup, smooth=True
    )


def step(
    optimizer: Optimizer, length: Length, warmup: FromZero = 0.0, every: Count = 30, gamma: UpToOne = 0.1
) -> Made:
    """gamma^⌊epoch / every⌋."""
    return _course(optimizer, lambda epoch: gamma ** int(epoch // every), length, warmup)


def multistep(
    optimizer: Optimizer,
    length: Length,
    warmup: FromZero = 0.0,
    milestones: Epochs = (30, 60, 90),
    gamma: UpToOne = 0.1,
) -> Made:
    """gamma^(number of milestones reached)."""
    marks = sorted(milestones)
    return _course(optimizer, lambda epoch: gamma ** bisect_right(marks, epoch), length, warmup)


def exponential(optimizer: Optimizer, length: Length, warmup: FromZero = 0.0, gamma: UpToOne = 0.95) -> Made:
    """gamma^⌊epoch⌋."""
    return _course(optimizer, lambda epoch: gamma ** int(epoch), length, warmup)


def onecycle(
    optimizer: Optimizer, length: Length, rise: Between = 0.3, start: UpToOne = 0.04, final: Share = 1e-4
) -> Made:
    """Half a cosine up from `start` over the share `rise` of all steps, and half a cosine down to `final`."""
    steps = max(length.epochs * length.steps_per_epoch - 1, 1)
    peak = rise * steps

    def factor(index: int) -> float:
        if index <= peak:
            return start + (1 - start) * (1 - cos(pi * index / peak)) / 2
        share = min((index - peak) / (steps - peak), 1)
        return final + (1 - final) * (1 + cos(pi * share)) / 2

    return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}


def plateau(
    optimizer: Optimizer,
    length: Length,
    factor: Between = 0.1,
    patience: Annotated[int, at_least(0)] = 10,
    threshold: FromZero = 1e-4,
    min_lr: FromZero = 0.0,
) -> Made:
    """Times `factor` when the validation loss has not fallen by a share `threshold` in `patience` epochs."""
    del length
    scheduler = ReduceLROnPlateau(
        optimizer, factor=factor, patience=int(patience), threshold=threshold, min_lr=min_lr
    )
    return {"scheduler": scheduler, "interval": "epoch", "monitor": "val_loss"}


def _course(
    optimizer: Optimizer,
    factor: Callable[[float], float],
    length: Length,
    warmup: float,
    smooth: bool = False,
) -> Made:
    """`factor` of the epoch since the warm-up's end, after a linear rise where there is a warm-up."""
    if warmup == 0 and not smooth:
        return {"scheduler": LambdaLR(optimizer, factor), "interval": "epoch"}
    rise = warmup * length.steps_per_epoch

    def by_step(index: int) -> float:
        # The rise counts steps from 1, so that the very first one moves too.
        return (
            (index + 1) / rise if index + 1 < rise else factor(max(index - rise, 0) / length.steps_per_epoch)
        )

    return {"scheduler": LambdaLR(optimizer, by_step), "interval": "step"}
