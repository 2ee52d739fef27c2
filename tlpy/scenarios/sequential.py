"""The sequential scenario: one network, one data set, one objective, started from what came before."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tlpy.architectures.base import Architecture
from tlpy.data.dataset import Item
from tlpy.data.subjects import Row, Scaling
from tlpy.objectives.base import Objective, Step
from tlpy.optimizers.build import build_optimizer, build_schedule
from tlpy.scenarios.device import memory_format, seed_everything
from tlpy.scenarios.framework import LightningModule
from tlpy.scenarios.scores import metrics, predictions
from tlpy.transfer.apply import keep_frozen_in_eval
from tlpy.transfer.groups import ParameterGroups

Outputs = dict[str, np.ndarray]


class SequentialScenario(LightningModule):
    """Training, validation and test steps of one stage.

    Loss terms are summed on the device and read once an epoch, so that a step waits for nothing. Random
    numbers of an epoch (dropout, augmentation) follow from (seed, epoch) alone, so that a resumed run is the
    uninterrupted one.

    Args:
        stage: the stage's record.
        architecture: encoder and heads.
        objective: the sum of terms to minimise.
        groups: what trains, and how fast.
        parts: the rows of each part, in the order of its loader.
        scaling: of each regression label.
    """

    def __init__(
        self,
        stage: Mapping[str, Any],
        architecture: Architecture,
        objective: Objective,
        groups: ParameterGroups,
        parts: Mapping[str, Sequence[Row]],
        scaling: Mapping[str, Scaling],
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.objective = objective
        self._stage, self._groups, self._parts, self._scaling = stage, groups, parts, scaling
        self._format = memory_format(len(stage["input"]["size"]))
        self._sums: dict[str, Tensor] = {}
        self._seen = 0
        self._collected: dict[str, list[Tensor]] = {}
        self._training_sums: tuple[dict[str, Tensor], int] = ({}, 0)
        self.validation: dict[str, float] = {}

    @property
    def task(self) -> Mapping[str, Any]:
        return self._stage["task"]

    def configure_optimizers(self) -> Any:
        training = self._stage["training"]
        optimizer = build_optimizer(training["optimizer"], self._groups, training["lr"], self.device)
        steps = int(self.trainer.estimated_stepping_batches) // training["epochs"]
        schedule = build_schedule(training["schedule"], optimizer, training["epochs"], steps)
        if schedule is None:
            return optimizer
        if "monitor" in schedule:
            # Lightning steps these after an epoch's checkpoint was written and skips one on resuming; see
            # `watch_plateau`.
            schedule["frequency"] = sys.maxsize
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def watch_plateau(self) -> None:
        """Step a schedule that watches the validation loss, at an epoch's end, before its checkpoint."""
        for config in self.trainer.lr_scheduler_configs:
            if config.reduce_on_plateau and self.validation:
                config.scheduler.step(self.validation["loss"])

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Outputs (batch, outputs) by label, float32 whatever the precision inside."""
        outputs = self.architecture(images.contiguous(memory_format=self._format))
        return {label: values.float() for label, values in outputs.items()}

    def on_train_epoch_start(self) -> None:
        seed_everything(self._stage["seed"], self.current_epoch)
        self.train()
        keep_frozen_in_eval(self.architecture)
        self._forget()

    def training_step(self, batch: Item, batch_idx: int) -> Tensor:
        total, _ = self._loss(batch, batch_idx)
        return total

    def on_validation_epoch_start(self) -> None:
        # Validation runs inside the training epoch: keep its sums aside.
        self._training_sums = (self._sums, self._seen)
        self._forget()

    def validation_step(self, batch: Item, batch_idx: int) -> None:
        _, outputs = self._loss(batch, batch_idx)
        self._collect(outputs)

    def on_validation_epoch_end(self) -> None:
        loss = self.mean_losses()["loss"]
        found = metrics(self.task, self._parts["val"], self.predicted())
        self.validation = {"loss": loss, **found}
        self._sums, self._seen = self._training_sums

    def on_test_epoch_start(self) -> None:
        self._forget()

    def test_step(self, batch: Item, batch_idx: int) -> None:  # noqa: ARG002 - Lightning's signature
        self._collect(self(batch[0]))

    def predicted(self) -> Outputs:
        """Predictions of the part that was just validated or tested, by label, in the label's units."""
        outputs = {label: torch.cat(values).cpu().numpy() for label, values in self._collected.items()}
        return predictions(self.task, outputs, self._scaling)

    def mean_losses(self) -> dict[str, float]:
        """The mean over images of the loss and of each of its terms, since the epoch's start."""
        return {name: float(value) / max(1, self._seen) for name, value in self._sums.items()}

    def _forget(self) -> None:
        self._sums, self._seen, self._collected = {}, 0, {}

    def _loss(self, batch: Item, batch_idx: int) -> tuple[Tensor, dict[str, Tensor]]:
        images, labels = batch
        outputs = self(images)
        targets = dict(zip(self.task["labels"], labels, strict=True))
        step = Step(self.architecture, images, outputs, targets, self._progress(batch_idx))
        total, terms = self.objective(step)
        count = len(images)
        for name, value in {"loss": total, **terms}.items():
            # Out of place: in inference mode a sum may not be changed by a later step outside of it.
            term = value.detach().double() * count
            self._sums[name] = self._sums[name] + term if name in self._sums else term
        self._seen += count
        return total, outputs

    def _progress(self, batch_idx: int) -> float:
        """How much of the training is done, from 0 to 1."""
        epochs = self._stage["training"]["epochs"]
        if not self.trainer.training:
            return min(1.0, (self.current_epoch + 1) / epochs)
        return (self.current_epoch + batch_idx / int(self.trainer.num_training_batches)) / epochs

    def _collect(self, outputs: Mapping[str, Tensor]) -> None:
        for label, values in outputs.items():
            self._collected.setdefault(label, []).append(values.detach())
