"""Domain-adversarial training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlpy.architectures.base import Architecture
from tlpy.components.rules import Count, FromZero, Positive
from tlpy.objectives.base import Step, Term, nothing
from tlpy.records import Head


class DANN(Term):
    """domain-adversarial training (Ganin 2016): gradient reversal

    Cross entropy of a domain classifier, whose gradient is turned round on its way to the encoder.

    Ganin et al. 2016, "Domain-adversarial training of neural networks": the classifier learns to tell
    labelled images from unlabelled ones by their features, and the encoder to make that impossible. The
    turned gradient is multiplied by λ(p) = 2 / (1 + e^{-gamma·p}) - 1 (eq. 14), p the training's progress, so
    that a classifier that knows nothing yet does no harm. Both domains count alike, whatever their share of
    the batch. The paper's learning rate is the schedule `dann`.

    Args:
        heads, weight: see `Term`.
        hidden: width of the classifier's hidden layer.
        gamma: how fast λ rises, above 0.
    """

    needs_unlabelled = True
    noun = "domain-adversarial loss (DANN)"
    cites = (
        "Ganin Y, et al. Domain-adversarial training of neural networks. J Mach Learn Res 2016; 17:1–35.",
    )

    aligns = True

    def __init__(
        self, heads: Sequence[Head], weight: FromZero = 1.0, hidden: Count = 256, gamma: Positive = 10.0
    ) -> None:
        super().__init__(heads, weight)
        self.hidden, self.gamma = int(hidden), float(gamma)

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        del loaded, targets
        features = cast(Architecture, architecture).features
        self.classifier = nn.Sequential(
            nn.Linear(features, self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, 1),
        )

    def forward(self, step: Step) -> Tensor:
        if step.features is None or step.unlabelled_features is None:
            return nothing(step)
        share = reversal(step.progress, self.gamma)
        found = torch.stack(
            [
                functional.softplus(sign * self.classifier(reverse(features, share))).mean().float()
                for sign, features in ((1, step.features), (-1, step.unlabelled_features))
            ]
        )
        return found.mean()


def reversal(progress: float, gamma: float = 10.0) -> float:
    """λ(p) = 2 / (1 + e^{-gamma·p}) - 1."""
    return 2 / (1 + exp(-gamma * progress)) - 1


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, share: float) -> Tensor:
        ctx.share = share
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.share * gradients[0], None


def reverse(values: Tensor, share: float) -> Tensor:
    """`values` as they are; the gradient goes back times -share."""
    found: Tensor = _Reverse.apply(values, share)
    return found
