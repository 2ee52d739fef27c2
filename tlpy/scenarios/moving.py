"""A way of transfer at work in a training: when it is asked, what it is shown, and the rates it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from torch import Tensor
from torch.optim import Optimizer

from tlpy.architectures.base import Architecture
from tlpy.data.module import BaseDataModule
from tlpy.objectives.base import Objective
from tlpy.records import Stage
from tlpy.scenarios.batch import Batch
from tlpy.transfer.base import Transfer
from tlpy.transfer.groups import ParameterGroups
from tlpy.transfer.running import SCALE, Running, rate_of
from tlpy.transfer.whole import Full

KEPT = "transfer"


class Moved(Protocol):
    """What is asked of a training: a scenario has it."""

    architecture: Architecture
    objective: Objective

    @property
    def trainer(self) -> Any:
        """Lightning's."""

    @property
    def record(self) -> Stage:
        """The stage."""

    def primary_loss(self, batch: Batch) -> Tensor:
        """The objective's primary term."""

    def take_apart(self, batch: Any) -> Batch:
        """A batch as its loader gives it, in parts."""


class Moving:
    """Asks a way of transfer, and has each step follow the rates that it gives.

    Args:
        module: the training.
        groups: what may train, with what has a say in it.
    """

    def __init__(self, module: Moved, groups: ParameterGroups) -> None:
        self._module, self._count = module, len(groups.groups)
        self.transfer: Transfer = groups.transfer or Full()
        kind = type(self.transfer)
        self.watches_steps = kind.before_step is not Transfer.before_step
        self._batches: list[Batch] = []
        self._held_back: list[Batch] = []
        self._more: Iterator[Any] | None = None
        self._plain: list[float] = []

    def start_epoch(self) -> None:
        """What moves in this epoch, and how fast."""
        self._batches, self._held_back, self._more = [], [], None
        self.transfer.start_epoch(self._running())

    def end_epoch(self) -> bool:
        """Whether the epoch stands."""
        return self.transfer.end_epoch(self._running())

    def take(self, batch: Batch) -> None:
        """A batch that the coming step follows the gradient of."""
        if not self.watches_steps:
            return
        self._batches.append(batch)
        if self.transfer.held_back > 0:
            self._held_back.append(self._next_held_back())

    def before_step(self, optimizer: Optimizer) -> None:
        """Gradients are there, clipped: the way looks at them, and rates are set for this step alone."""
        if self._plain:  # an optimizer that looks at its gradient more than once a step
            return
        if self.watches_steps:
            self.transfer.before_step(self._running())
            self._batches, self._held_back = [], []
        for group in optimizer.param_groups:
            self._plain.append(group["lr"])
            if group.get(SCALE, 1.0) != 1.0:
                group["lr"] = rate_of(group)

    def after_step(self, optimizer: Optimizer) -> None:
        """The schedule finds the rates as it left them."""
        for group, rate in zip(optimizer.param_groups, self._plain, strict=False):
            group["lr"] = rate
        self._plain = []

    def state(self) -> dict[str, Any]:
        return self.transfer.state()

    def resume(self, state: Mapping[str, Any]) -> None:
        self.transfer.resume(state)

    def _running(self) -> Running:
        module, trainer = self._module, self._module.trainer
        training = module.record.training
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        return Running(
            architecture=module.architecture,
            objective=module.objective,
            optimizer=trainer.optimizers[0],
            count=self._count,
            lr=training.lr,
            epoch=trainer.current_epoch + 1,
            epochs=training.epochs,
            batches=self._batches,
            held_back=self._held_back,
            loss=self._loss,
            primary=module.objective.terms[0],
            loss_scale=scaler.get_scale() if scaler is not None else 1.0,
        )

    def _loss(self, batch: Batch) -> Tensor:
        with self._module.trainer.precision_plugin.forward_context():
            return self._module.primary_loss(batch)

    def _next_held_back(self) -> Batch:
        """The next batch of what the way keeps for itself: in an order that follows from seed and epoch."""
        module, trainer = self._module, self._module.trainer
        data: BaseDataModule = trainer.datamodule
        if self._more is None:
            self._more = iter(data.held_back(trainer.current_epoch))
        images, labels = next(self._more)
        images, labels = trainer.strategy.batch_to_device((data.on_load(images), labels))
        return module.take_apart((data.on_device(images), labels))
