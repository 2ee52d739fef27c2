"""Consistency with the moving average of oneself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp
from typing import Annotated, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlpy.architectures.base import Architecture
from tlpy.components.rules import BELOW_ONE, FromZero, Share, list_of
from tlpy.objectives.base import Step, Term, nothing
from tlpy.objectives.teacher import Teacher
from tlpy.objectives.views import Views
from tlpy.records import BINARY, MULTILABEL, REGRESSION, Head

# While ramping up, and after.
Decays = Annotated[
    Sequence[float],
    list_of(BELOW_ONE, 2, 2, "two numbers from 0 to below 1: while ramping up, after"),
]


class MeanTeacher(Term):
    """Mean teacher (Tarvainen 2017): agree with the moving average of oneself

    w(p) · mean (f(x') - f̄(x''))² over images with and without labels, x' and x'' two views of x.

    Tarvainen & Valpola 2017, "Mean teachers are better role models". f̄ is the moving average of the
    network; f and f̄ are probabilities of classes, or standardised numbers. w rises as e^{-5 (1 - p/ramp)²}
    over the first `ramp` of the training, while the average forgets fast; the paper's largest weight
    depends on the data, from 1 to 100. f̄ is what is validated and kept.

    Args:
        heads, weight: see `Term`.
        ema: decay of the moving average while w rises, and after.
        ramp: share of the training over which it does.
        augmentation: what a view is.
    """

    tasks = ("regression", "binary", "multiclass", "multilabel")
    needs_unlabelled = True
    augmentations = ("augmentation",)
    noun = "a mean teacher's consistency"
    cites = ("Tarvainen A, Valpola H. Mean teachers are better role models. NeurIPS 2017.",)

    averages = True

    def __init__(
        self,
        heads: Sequence[Head],
        weight: FromZero = 1.0,
        ema: Decays = (0.99, 0.999),
        ramp: Share = 0.4,
        augmentation: Any = "weak",
    ) -> None:
        super().__init__(heads, weight)
        self.ema, self.ramp = tuple(float(decay) for decay in ema), float(ramp)
        self.views = Views(augmentation)
        self.kinds = {head.label: head.type for head in heads}
        self._progress = 0.0

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        del loaded, targets
        self.teacher = Teacher(cast(Architecture, architecture))

    def after_step(self, architecture: nn.Module) -> None:
        self.teacher.follow(architecture, self.ema[self._progress >= self.ramp])

    def average(self) -> Architecture | None:
        return self.teacher.network

    def forward(self, step: Step) -> Tensor:
        if not step.training:
            return nothing(step)
        self._progress = step.progress
        images = step.all_images
        said = self.teacher(self.views(images, step), step.architecture)
        found = step.architecture(self.views(images, step))
        losses = [
            functional.mse_loss(shares(found[label].float(), kind), shares(said[label], kind))
            for label, kind in self.kinds.items()
        ]
        return ramp_up(step.progress, self.ramp) * torch.stack(losses).mean()


def shares(outputs: Tensor, task_type: str) -> Tensor:
    """Probabilities of classes; numbers as they are."""
    if task_type == REGRESSION:
        return outputs
    return outputs.sigmoid() if task_type in (BINARY, MULTILABEL) else outputs.softmax(1)


def ramp_up(progress: float, ramp: float) -> float:
    """e^{-5 (1 - t)²}, t = progress / ramp, and 1 from t = 1 on."""
    return 1.0 if progress >= ramp else exp(-5 * (1 - progress / ramp) ** 2)
