"""A change of low rank beside a weight."""

from __future__ import annotations

import math

from torch import Tensor, nn


class LowRank(nn.Module):
    """weight ↦ weight + strength · B A, as torch's parametrizations have it.

    Args:
        weight: (outputs, inputs, *kernel), of a linear layer or a convolution.
        rank: of the change.
        strength: what it is multiplied with.
    """

    def __init__(self, weight: Tensor, rank: int, strength: float) -> None:
        super().__init__()
        self.strength = strength
        self.A = nn.Parameter(weight.new_empty(rank, weight[0].numel()))
        self.B = nn.Parameter(weight.new_zeros(weight.shape[0], rank))
        # As a linear layer of its own would start.
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.strength * (self.B @ self.A).view(weight.shape)
