"""A network that follows another one as its moving average."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from tlpy.architectures.base import Architecture


class Teacher(nn.Module):
    """Exponential moving average of a network's parameters: w' ← d·w' + (1 - d)·w.

    Early on d is at most (1 + t) / (10 + t) after t steps, so that the random start is soon forgotten.
    Its layers are in the same mode as the network's, as in Tarvainen's code: normalised by the batch in
    training, both say the same of it. The statistics of batch normalisation are of what it was shown itself
    in training: those of the network would not fit the averaged weights.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.network = deepcopy(architecture).requires_grad_(False)
        # Plain, in the checkpoint as extra state: reading a tensor would make each step wait for the device.
        self.steps = 0

    @torch.no_grad()
    def follow(self, architecture: nn.Module, decay: float) -> None:
        """One step of the average."""
        share = min(decay, (1 + self.steps) / (10 + self.steps))
        mine = [parameter.detach() for parameter in self.network.parameters()]
        theirs = [parameter.detach() for parameter in architecture.parameters()]
        torch._foreach_lerp_(mine, theirs, 1 - share)
        self.steps += 1

    @torch.no_grad()
    def forward(self, images: Tensor, architecture: nn.Module) -> dict[str, Tensor]:
        """Outputs by label, float32."""
        for own, other in zip(self.network.modules(), architecture.modules(), strict=True):
            own.training = other.training
        found: dict[str, Tensor] = self.network(images)
        return {label: values.float() for label, values in found.items()}

    def get_extra_state(self) -> dict[str, Any]:
        return {"steps": self.steps}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.steps = int(state["steps"])
