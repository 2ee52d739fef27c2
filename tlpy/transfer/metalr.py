"""MetaLR: the rate of each layer group is learnt by what it does for images that are not trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

from tlpy.architectures.family import HEADS
from tlpy.components.rules import Between, Positive
from tlpy.transfer.base import Transfer

if TYPE_CHECKING:
    from tlpy.architectures.base import Architecture
    from tlpy.transfer.groups import ParameterGroups
    from tlpy.transfer.running import Running

# Of the released code: how many epochs the heads' rate stays as it is.
_RELEASED_PINNED = 5


@dataclass
class MetaLR(Transfer):
    """each layer group's rate follows the gradient of a loss on images that are held back (Chen 2023)

    In each step, with the gradient g of the training loss and the rates α of the layer groups j (eqs. 2-4):

        θ̂_j = θ_j - α_j g_j
        α_j ← max(α_j - η ∂L_val(θ̂)/∂α_j, least),   ∂L_val(θ̂)/∂α_j = -⟨∇L_val(θ̂)_j, g_j⟩
        θ_j ← θ_j - α_j g_j

    θ̂ is linear in α, so that its gradient is that product: a second plain backward pass, nothing of second
    order. The pass leaves statistics of normalisation as they are. L_val is the objective's primary term.
    The last line is the stage's optimizer: `{name: sgd, momentum: 0}` is the paper's. A schedule's factor
    multiplies each step's α and is no part of what is learnt.

    `released` does what the authors' code does instead of what the paper says: the look-ahead ascends, rates
    are multiplied with 1 - η ∂L/∂α, L_val is of the first training batch, always the same
    one, nothing is held back, and the heads' rate stays as it is for five epochs.

    Args:
        variant: `paper` or `released`.
        eta: η, the step of the rates.
        head: the heads' first rate over that of all others, which is the stage's `lr` (the paper: 0.01 and
            0.001).
        share: of the training part, by unit, that is held back to learn the rates by.
        least: the smallest rate.
        most: the largest rate; None: the heads' first one, 0.01 in the paper's setting, which is the bound of
            the authors' code. The paper names none, but beside Adam, whose steps do not shrink with the
            gradient, rates without a bound ran away (benchmarks/README.md).
    """

    one_device = True
    # Measured (benchmarks/ways_of_transfer.py).
    cost = 2.4
    ascending = (("least", "most"),)
    noun = "MetaLR"
    cites = (
        "Chen Y, Liu L, Li J, Jiang H, Ding C, Zhou Z. MetaLR: meta-tuning of learning rates for transfer "
        "learning in medical imaging. MICCAI 2023.",
    )

    variant: Literal["paper", "released"] = "paper"
    eta: Positive = 0.1
    head: Positive = 10.0
    share: Between = 0.2
    least: Positive = 1e-6
    most: Positive | None = None

    def __post_init__(self) -> None:
        # Of `released`: the batch that rates are learnt by.
        self._first: dict[str, Any] | None = None

    @property
    def held_back(self) -> float:
        return self.share if self.variant == "paper" else 0.0

    def groups(self, architecture: Architecture) -> ParameterGroups:
        from tlpy.transfer.groups import group_by_block

        return group_by_block(architecture, {HEADS: self.head})

    def before_step(self, running: Running) -> None:
        groups = [group for group in running.groups if _moving(group)]
        ascends = self.variant == "released"
        most = running.lr * max(self.head, 1.0) if self.most is None else self.most
        slopes = _hypergradient(running, groups, self._looked_at(running), 1.0 if ascends else -1.0)
        for group, slope in zip(groups, slopes, strict=True):
            if not math.isfinite(slope) or self._pinned(group, running.epoch):
                continue
            rate = running.lr * group["lr_scale"]
            rate = rate * (1 - self.eta * slope) if ascends else rate - self.eta * slope
            group["lr_scale"] = min(max(rate, self.least), most) / running.lr

    def _pinned(self, group: Mapping[str, Any], epoch: int) -> bool:
        return self.variant == "released" and group["name"] == HEADS and epoch <= _RELEASED_PINNED

    def _looked_at(self, running: Running) -> Sequence[Any]:
        """The batches that rates are learnt by."""
        if self.variant == "paper":
            return running.held_back
        if self._first is None:
            batch = running.batches[0]
            targets = {label: values.detach().clone() for label, values in batch.targets.items()}
            source = None if batch.source is None else batch.source.clone()
            self._first = {"images": batch.images.detach().clone(), "targets": targets, "source": source}
        device = running.batches[0].images.device
        if self._first["images"].device != device:  # a run that goes on: checkpoints are read on the host
            self._first = _on(self._first, device)
        return [SimpleNamespace(**self._first)]

    def state(self) -> dict[str, Any]:
        return {} if self._first is None else {"first": self._first}

    def resume(self, state: Mapping[str, Any]) -> None:
        self._first = state.get("first")


def _moving(group: Mapping[str, Any]) -> bool:
    return any(parameter.grad is not None for parameter in group["params"])


def _hypergradient(
    running: Running, groups: Sequence[Mapping[str, Any]], batches: Sequence[Any], sign: float
) -> list[float]:
    """∂L(θ + sign·s·α∘g)/∂α_j for each group: α is its rate without, s·α with the factor of the schedule.

    Parameters are put back bit for bit.
    """
    import torch

    own = [[p for p in group["params"] if p.grad is not None] for group in groups]
    every = [parameter for parameters in own for parameter in parameters]
    with torch.no_grad():
        before = [parameter.detach().clone() for parameter in every]
        for group, parameters in zip(groups, own, strict=True):
            along = [parameter.grad for parameter in parameters]
            torch._foreach_add_(parameters, along, alpha=sign * running.rate(dict(group)))
    try:
        found = running.gradient(every, batches)
    finally:
        with torch.no_grad():
            torch._foreach_copy_(every, before)
    del before
    found.reverse()
    with torch.no_grad():
        # Taken off the list one by one: no more is held than has to be.
        products = [[torch.sum(found.pop() * p.grad) for p in some] for some in own]
        # One look at the device for all.
        values = torch.stack([torch.stack(some).sum() for some in products]).tolist()
    return [sign * running.share(dict(group)) * value for group, value in zip(groups, values, strict=True)]


def _on(batch: Mapping[str, Any], device: Any) -> dict[str, Any]:
    """A batch on another device."""
    source = batch["source"]
    return {
        "images": batch["images"].to(device),
        "targets": {label: values.to(device) for label, values in batch["targets"].items()},
        "source": None if source is None else source.to(device),
    }
