"""Pseudo-labels for images without labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlpy.architectures.base import Architecture
from tlpy.components.rules import BelowOne, FromZero
from tlpy.objectives.base import Step, Term, nothing
from tlpy.objectives.teacher import Teacher
from tlpy.objectives.views import Views
from tlpy.records import BINARY, Head


class FixMatch(Term):
    """FixMatch (Sohn 2020): sure pseudo-labels of weakly for strongly augmented images

    mean 1[max q ≥ τ] · H(argmax q, p): the class of a weakly augmented image for its strong version.

    Sohn et al. 2020, "FixMatch: simplifying semi-supervised learning with consistency and confidence",
    eq. 4; λ_u is the weight. The moving average of the network is what is validated and kept, as in the
    paper; here q comes from it, too (there from the network itself), which is steadier over the short
    trainings that few images make. With `ema` 0 there is none. Images whose q is below the threshold count
    in the mean, with 0. A stage's batches have as many images without labels as PLAN was told; the paper
    has 7 for each one with a label.

    Args:
        heads, weight: see `Term`.
        threshold: τ, from 0 to below 1.
        ema: decay of the moving average; 0: without it.
        weak, strong: the two augmentations.
    """

    tasks = ("binary", "multiclass")
    needs_unlabelled = True
    augmentations = ("weak", "strong")
    noun = "FixMatch"
    cites = (
        "Sohn K, et al. FixMatch: simplifying semi-supervised learning with consistency and confidence. "
        "NeurIPS 2020.",
    )

    averages = True

    def __init__(
        self,
        heads: Sequence[Head],
        weight: FromZero = 1.0,
        threshold: BelowOne = 0.95,
        ema: BelowOne = 0.999,
        weak: Any = "weak",
        strong: Any = "strong",
    ) -> None:
        super().__init__(heads, weight)
        self.threshold, self.ema = float(threshold), float(ema)
        self.weak, self.strong = Views(weak), Views(strong)
        self.kinds = {head.label: head.type for head in heads if head.is_classification}

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        del loaded, targets
        self.teacher = Teacher(cast(Architecture, architecture))

    def after_step(self, architecture: nn.Module) -> None:
        self.teacher.follow(architecture, self.ema)

    def average(self) -> Architecture | None:
        return self.teacher.network if self.ema else None

    def forward(self, step: Step) -> Tensor:
        if step.unlabelled is None:
            return nothing(step)
        # Labelled images go along, so that its statistics of batch normalisation are of both.
        shown = torch.cat([self.weak(step.unlabelled, step), step.images])
        answers = self.teacher(shown, step.architecture)
        said = {label: answer[: len(step.unlabelled)] for label, answer in answers.items()}
        found = step.architecture(self.strong(step.unlabelled, step))
        losses = [
            pseudo_label_loss(found[label].float(), said[label], self.threshold, kind == BINARY)
            for label, kind in self.kinds.items()
        ]
        return torch.stack(losses).mean()


def pseudo_label_loss(logits: Tensor, said: Tensor, threshold: float, binary: bool) -> Tensor:
    """Cross entropy to the surest class of `said`, 0 where its probability is below the threshold.

    Args:
        logits, said: (n, classes), or (n, 1) where `binary`.
        threshold: 0 to 1.
        binary: whether one logit stands for two classes.
    """
    if binary:
        positive = said.sigmoid().squeeze(1)
        sure = torch.maximum(positive, 1 - positive) >= threshold
        target = (positive >= 0.5).to(logits.dtype)
        losses = functional.binary_cross_entropy_with_logits(logits.squeeze(1), target, reduction="none")
    else:
        share, classes = said.softmax(1).max(1)
        sure = share >= threshold
        losses = functional.cross_entropy(logits, classes, reduction="none")
    return (losses * sure).mean()
