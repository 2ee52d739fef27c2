"""A training under way, as a way of transfer sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from tlpy.architectures.base import Architecture

SCALE = "lr_scale"


@dataclass
class Running:
    """A training under way.

    Attributes:
        architecture: the network that trains.
        objective: the module of the objective, which may own networks and averages.
        optimizer: what trains it.
        count: how many of the optimizer's groups are the network's: the first ones.
        lr: the stage's learning rate, before its schedule.
        epoch: counted from 1.
        epochs: of the stage.
        batches: of a step: those that its gradients are of.
        held_back: of a step: as many batches of the part that the way keeps for itself.
        loss: the primary term of a batch, in training mode; it may change buffers (see `gradient`).
        primary: the module of that term.
        loss_scale: what losses are multiplied with before their gradient is taken (16-mixed).
        sizes: how many images a batch has.
    """

    architecture: Architecture
    objective: nn.Module
    optimizer: Optimizer
    count: int
    lr: float
    epoch: int
    epochs: int
    batches: Sequence[Any] = ()
    held_back: Sequence[Any] = ()
    loss: Callable[[Any], Tensor] | None = None
    primary: nn.Module = field(default_factory=nn.Module)
    loss_scale: float = 1.0
    sizes: Callable[[Any], int] = field(default=lambda batch: len(batch.images))

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The optimizer's groups of the network's parameters: `name`, `params`, `lr`, `lr_scale`."""
        return self.optimizer.param_groups[: self.count]

    def rate(self, group: dict[str, Any]) -> float:
        """The rate that a group moves at now."""
        return rate_of(group)

    def share(self, group: dict[str, Any]) -> float:
        """What the schedule makes of the stage's learning rate now, over that rate."""
        return float(group["lr"]) / self.lr

    def gradient(self, parameters: Sequence[nn.Parameter], batches: Sequence[Any]) -> list[Tensor]:
        """The gradient of the primary term over `batches`, at the parameters' present values.

        Nothing is left behind: neither in `.grad` nor in a buffer, such as statistics of normalisation.

        Args:
            parameters: all of which require a gradient.
            batches: as in `batches` and `held_back`.
        """
        assert self.loss is not None
        total = sum(self.sizes(batch) for batch in batches)
        found: list[Tensor] | None = None
        with torch.enable_grad(), kept_buffers(self.architecture, self.primary):
            for batch in batches:
                loss = self.loss(batch) * (self.loss_scale * self.sizes(batch) / total)
                given = torch.autograd.grad(loss, parameters, allow_unused=True)
                parts = [
                    torch.zeros_like(p) if g is None else g for p, g in zip(parameters, given, strict=True)
                ]
                found = parts if found is None else list(torch._foreach_add(found, parts))
        assert found is not None
        if self.loss_scale != 1.0:
            torch._foreach_div_(found, self.loss_scale)
        return found

    def snapshot(self) -> dict[str, Any]:
        """The network, the objective's own and the optimizer's state, copied."""
        return {
            "architecture": deepcopy(self.architecture.state_dict()),
            "objective": deepcopy(self.objective.state_dict()),
            "optimizer": deepcopy(self.optimizer.state_dict()),
        }

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a `snapshot`; rates stay what they are now. `groups` are other objects from then on."""
        self.architecture.load_state_dict(snapshot["architecture"])
        self.objective.load_state_dict(snapshot["objective"])
        now = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": snapshot["optimizer"]["state"], "param_groups": now})


def rate_of(group: dict[str, Any]) -> float:
    """The learning rate of one of an optimizer's groups."""
    return float(group["lr"]) * float(group.get(SCALE, 1.0))


@contextmanager
def kept_buffers(*modules: nn.Module) -> Iterator[None]:
    """Within, buffers may change; afterwards they are what they were, bit for bit."""
    buffers = list(_buffers(modules))
    before = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in zip(buffers, before, strict=True):
                buffer.copy_(value)


def _buffers(modules: Iterable[nn.Module]) -> Iterator[Tensor]:
    for module in modules:
        yield from module.buffers()
