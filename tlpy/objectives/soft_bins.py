"""Soft labels over bins: a number learnt as a distribution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlpy.components.rules import FromZero, Positive, at_least
from tlpy.errors import InputError, Problem
from tlpy.objectives.base import Step, Term, mean_over_known
from tlpy.objectives.bins import misplaced
from tlpy.records import Head

# Beyond this many sigma outside, shares are too small for numbers, and all mass is in the outermost bin.
_FAR = 30.0


class SoftBins(Term):
    """KL divergence to a soft label over bins (SFCN, Peng 2021); in the label's units

    KL(q ‖ p) = Σ_b q_b (log q_b - log p_b), with p the softmax of the outputs (SFCN, Peng et al. 2021).

    q is the share of a normal distribution N(y, sigma) that falls into each bin, over the share that falls
    into all of them: a number outside the bins is one at their edge. The prediction is the expectation
    (`tlpy.objectives.bins.decode`). Bins and sigma are in the label's units, whatever targets are
    standardised by.

    Args:
        heads, weight: see `Term`.
        low, high: where the bins begin and end.
        bins: how many; the head has as many outputs.
        sigma: width of the soft label, above 0.

    Raises:
        ValueError: an argument is out of range.
    """

    primary = True
    tasks = ("regression",)
    bins = True
    ascending = (("low", "high"),)
    noun = "Kullback-Leibler divergence to soft bins"
    cites = (
        "Peng H, et al. Accurate brain age prediction with lightweight deep neural networks. Med Image "
        "Anal 2021; 68:101871.",
    )

    edges: Tensor

    def __init__(
        self,
        heads: Sequence[Head],
        weight: FromZero = 1.0,
        low: float = 42.0,
        high: float = 82.0,
        bins: Annotated[int, at_least(2)] = 40,
        sigma: Positive = 1.0,
    ) -> None:
        super().__init__(heads, weight)
        if low >= high or bins < 2 or sigma <= 0:
            raise ValueError(
                f"expected low < high, bins >= 2 and sigma > 0, found {low}, {high}, {bins}, {sigma}"
            )
        self.sigma = float(sigma)
        edges = torch.linspace(low, high, bins + 1, dtype=torch.float64)
        self.register_buffer("edges", edges, persistent=False)

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        """Refuse bins that most of the training part lies outside of."""
        del architecture, loaded
        low, high = float(self.edges[0]), float(self.edges[-1])
        for label, standardised in (targets or {}).items():
            known = standardised[~torch.isnan(standardised)].double()
            message = misplaced(label, self._in_units(label, known).numpy(force=True), low, high)
            if message:
                raise InputError([Problem("objective.soft_bins", message, "set low and high")])

    def forward(self, step: Step) -> Tensor:
        values = []
        for label, outputs in step.outputs.items():
            targets = step.targets[label]
            known = ~torch.isnan(targets)
            numbers = self._in_units(label, torch.where(known, targets, torch.zeros_like(targets)).double())
            soft = soft_labels(numbers, self.edges, self.sigma).to(outputs.dtype)
            losses = functional.kl_div(outputs.log_softmax(1), soft, reduction="none").sum(1)
            values.append(mean_over_known(losses, known))
        return torch.stack(values).mean()

    def _in_units(self, label: str, standardised: Tensor) -> Tensor:
        mean, sd = self.scales.get(label, (0.0, 1.0))
        return standardised * sd + mean


def soft_labels(numbers: Tensor, edges: Tensor, sigma: float) -> Tensor:
    """The share of N(number, sigma) in each bin, over that in all bins, (n, bins).

    Args:
        numbers: (n,) float64.
        edges: (bins + 1,) float64, rising.
        sigma: above 0.
    """
    kept = numbers.clamp(edges[0] - _FAR * sigma, edges[-1] + _FAR * sigma)
    left = (edges[:-1] - kept[:, None]) / sigma
    right = (edges[1:] - kept[:, None]) / sigma
    # Beyond the middle, the difference of upper tails is exact where that of lower ones is 1 - 1.
    upper = left > 0
    first = torch.where(upper, -right, left)
    last = torch.where(upper, -left, right)
    # erfc holds in the tail, where erf (and ndtr) is -1 plus nothing.
    shares = torch.special.erfc(-last / 2**0.5) - torch.special.erfc(-first / 2**0.5)
    return shares / shares.sum(1, keepdim=True)
