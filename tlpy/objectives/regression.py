"""Distances between a predicted and a true number. Targets are standardised; NaN is missing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from tlpy.components.rules import FromZero, Positive
from tlpy.objectives.base import Step, Term, mean_over_known
from tlpy.records import Head


class RegressionTerm(Term):
    """The mean distance over all labels and images whose target is known, a label counting as one.

    An own distance is a subclass with `distance`.
    """

    primary = True
    tasks = ("regression",)

    def distance(self, predicted: Tensor, true: Tensor) -> Tensor:
        """The distance per image, (batch,)."""
        raise NotImplementedError

    def forward(self, step: Step) -> Tensor:
        values = []
        for label, outputs in step.outputs.items():
            true = step.targets[label].to(outputs.dtype)
            known = ~torch.isnan(true)
            # A missing target is replaced before the distance, since 0 times NaN is NaN in the gradient.
            predicted = outputs.squeeze(1)
            distances = self.distance(predicted, torch.where(known, true, predicted.detach()))
            values.append(mean_over_known(distances, known))
        return torch.stack(values).mean()


class MeanSquaredError(RegressionTerm):
    """Mean squared error

    mean (f(x) - y)²."""

    noun = "mean squared error"

    def distance(self, predicted: Tensor, true: Tensor) -> Tensor:
        return functional.mse_loss(predicted, true, reduction="none")


class MeanAbsoluteError(RegressionTerm):
    """Mean absolute error

    mean |f(x) - y|."""

    noun = "mean absolute error"

    def distance(self, predicted: Tensor, true: Tensor) -> Tensor:
        return functional.l1_loss(predicted, true, reduction="none")


class Huber(RegressionTerm):
    """Squared up to `delta` (in standard deviations of the target), absolute beyond

    d²/2 up to `delta`, delta·(|d| - delta/2) beyond (Huber 1964), d = f(x) - y.

    Args:
        heads, weight: see `Term`.
        delta: in standard deviations of the target, above 0.
    """

    noun = "Huber loss"

    def __init__(self, heads: Sequence[Head], weight: FromZero = 1.0, delta: Positive = 1.0) -> None:
        super().__init__(heads, weight)
        if delta <= 0:
            raise ValueError(f"delta: expected a number above 0, found {delta}")
        self.delta = float(delta)

    def distance(self, predicted: Tensor, true: Tensor) -> Tensor:
        return functional.huber_loss(predicted, true, reduction="none", delta=self.delta)
