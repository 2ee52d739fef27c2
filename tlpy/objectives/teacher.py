"""A network that follows another one as its moving average."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from tlpy.architectures.base import Architecture


class Teacher(nn.Module):
    """Exponential moving average of a network's parameters: w' ← d·w' + (1 - d)·w.

    Early on d is at most (1 + t) / (10 + t) after t steps, so that the random start is soon forgotten.
    Buffers (the statistics of batch normalisation) are the network's own. Its layers are in the same mode as
    the network's, as in Tarvainen's code: normalised by the batch in training, both say the same of it.
    """

    steps: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.network = deepcopy(architecture).requires_grad_(False)
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def follow(self, architecture: nn.Module, decay: float) -> None:
        """One step of the average."""
        done = int(self.steps)
        share = min(decay, (1 + done) / (10 + done))
        mine = [parameter.detach() for parameter in self.network.parameters()]
        theirs = [parameter.detach() for parameter in architecture.parameters()]
        torch._foreach_lerp_(mine, theirs, 1 - share)
        for own, other in zip(self.network.buffers(), architecture.buffers(), strict=True):
            own.copy_(other)
        self.steps += 1

    @torch.no_grad()
    def forward(self, images: Tensor, architecture: nn.Module) -> dict[str, Tensor]:
        """Outputs by label, float32."""
        for own, other in zip(self.network.modules(), architecture.modules(), strict=True):
            own.training = other.training
        found: dict[str, Tensor] = self.network(images)
        return {label: values.float() for label, values in found.items()}
