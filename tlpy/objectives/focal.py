"""The focal loss, for classes of which some are rare or easy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from tlpy.components.rules import FromZero
from tlpy.objectives.cross_entropy import CrossEntropy
from tlpy.records import Head


class Focal(CrossEntropy):
    """Focal loss (Lin 2017): cross entropy that counts what is already right less

    -(1 - p_y)^gamma log p_y (Lin et al. 2017, "Focal loss for dense object detection", eq. 4).

    What the network is already sure of counts less. The paper's α are `class_weights`. With gamma 0 it is
    the cross entropy.

    Args:
        heads, weight, class_weights: see `CrossEntropy`.
        gamma: how much less, at least 0.
    """

    noun = "focal loss"
    cites = ("Lin T-Y, et al. Focal loss for dense object detection. ICCV 2017.",)

    def __init__(
        self,
        heads: Sequence[Head],
        weight: FromZero = 1.0,
        gamma: FromZero = 2.0,
        class_weights: Any = None,
    ) -> None:
        super().__init__(heads, weight, class_weights=class_weights)
        if gamma < 0:
            raise ValueError(f"gamma: expected a number of at least 0, found {gamma}")
        self.gamma = float(gamma)

    def losses(self, logits: Tensor, classes: Tensor) -> Tensor:
        found = self._focal(logits, classes)
        return found if self.class_weight is None else found * self.class_weight[classes].to(found.dtype)

    def _focal(self, logits: Tensor, classes: Tensor) -> Tensor:
        if logits.shape[1] == 1:
            signed = logits.squeeze(1) * (2 * classes.to(logits.dtype) - 1)
            log_p, log_rest = functional.logsigmoid(signed), functional.logsigmoid(-signed)
            # In logarithms: the gradient of (1 - p)^gamma is not a number at p = 1.
            return -(self.gamma * log_rest).exp() * log_p
        log_p = logits.log_softmax(1)
        true = classes[:, None]
        others = log_p.scatter(1, true, float("-inf")).logsumexp(1)
        return -(self.gamma * others).exp() * log_p.gather(1, true).squeeze(1)
