"""Cross entropy, for two classes on one logit and for more on one logit per class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlpy.components.rules import BelowOne, FromZero
from tlpy.objectives.base import Step, Term, mean_over_known
from tlpy.records import MULTILABEL, Head


class CrossEntropy(Term):
    """Cross entropy of the class (one logit for two classes, and for each of several labels)

    -Σ_c q_c log p_c, with q the (smoothed) true class, averaged over the images whose class is known.

    With two classes the network has one output, the logit of the second class. Where several labels may
    hold together, each column is such a pair of classes, and counts alike. With weights it is
    -Σ_i Σ_c w_c q_ic log p_ic / Σ_i w_{y_i}, y_i the true class of image i: torch's own, smoothed or not.

    Args:
        heads, weight: see `Term`; `classes` of the first are in the order of the outputs.
        label_smoothing: ε; the true class has 1 - ε + ε/K, each other ε/K, of K classes.
        class_weights: a weight per class, `balanced` (n / (K n_c), counted on the training part), or none.

    Raises:
        ValueError: an argument is out of range; `balanced` before `start` was given the targets.
    """

    primary = True
    tasks = ("binary", "multiclass", "multilabel")
    noun = "cross-entropy"

    class_weight: Tensor | None

    def __init__(
        self,
        heads: Sequence[Head],
        weight: FromZero = 1.0,
        label_smoothing: BelowOne = 0.0,
        class_weights: Any = None,
    ) -> None:
        super().__init__(heads, weight)
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing: expected a number from 0 to below 1, found {label_smoothing}")
        multilabel = heads[0].type == MULTILABEL
        if multilabel and class_weights is not None:
            raise ValueError("class_weights: labels that may hold together have no classes to weigh")
        self.smoothing = float(label_smoothing)
        self.classes = [] if multilabel else list(heads[0].names)
        self.balanced = class_weights == "balanced"
        values = torch.ones(len(self.classes)) if self.balanced else None
        if isinstance(class_weights, Mapping):
            values = torch.tensor([float(class_weights[name]) for name in self.classes])
        self.register_buffer("class_weight", values)
        self._counted = not self.balanced

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        del architecture, loaded
        if not self.balanced:
            return
        if targets is None:
            raise ValueError("class_weights: balanced needs the targets of the training part")
        first = next(iter(targets.values()))
        known = first[first >= 0].long()
        counts = torch.bincount(known, minlength=len(self.classes)).float()
        share = counts.sum() / (len(self.classes) * counts.clamp(min=1))
        assert self.class_weight is not None
        self.class_weight.copy_(torch.where(counts > 0, share, torch.zeros_like(share)))
        self._counted = True

    def forward(self, step: Step) -> Tensor:
        if not self._counted:
            raise ValueError("class_weights: balanced was not started with the targets of the training part")
        values = [self._one_label(outputs, step.targets[label]) for label, outputs in step.outputs.items()]
        return torch.stack(values).mean()

    def losses(self, logits: Tensor, classes: Tensor) -> Tensor:
        """The loss of each image, class weights applied, (batch,).

        Args:
            logits: (batch, classes), or (batch, 1) for two classes.
            classes: (batch,) the true ones.
        """
        # Two classes on one logit are two whose first logit is 0.
        both = logits if logits.shape[1] > 1 else torch.cat([torch.zeros_like(logits), logits], 1)
        return functional.cross_entropy(
            both, classes, self._weights(both), reduction="none", label_smoothing=self.smoothing
        )

    def _weights(self, logits: Tensor) -> Tensor | None:
        """A weight per class, of the logits' type; None: all count alike."""
        return None if self.class_weight is None else self.class_weight.to(logits.dtype)

    def _one_label(self, logits: Tensor, targets: Tensor) -> Tensor:
        if targets.ndim == 2:
            columns = zip(logits.unbind(1), targets.unbind(1), strict=True)
            return torch.stack([self._one_label(column[:, None], true) for column, true in columns]).mean()
        known = targets >= 0  # false for NaN too
        classes = torch.where(known, targets, torch.zeros_like(targets)).long()
        weights = None if self.class_weight is None else self.class_weight[classes]
        return mean_over_known(self.losses(logits, classes), known, weights)
