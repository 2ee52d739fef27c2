"""The sequential scenario: one network, one data set, one objective, started from what came before."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from tlpy.architectures.base import Architecture
from tlpy.data.subjects import SubjectRow, TargetScaling
from tlpy.objectives.base import Objective
from tlpy.optimizers.build import build_optimizer, build_schedule
from tlpy.records import Head, Stage
from tlpy.scenarios.batch import Batch
from tlpy.scenarios.device import seed_everything
from tlpy.scenarios.facts import ScenarioFacts
from tlpy.scenarios.moving import KEPT, Moving
from tlpy.scenarios.scores import metrics, predictions
from tlpy.transfer.apply import keep_frozen_in_eval
from tlpy.transfer.groups import ParameterGroups

Outputs = dict[str, np.ndarray]
# Outputs of a network (batch, outputs) by label, float32.
Answers = dict[str, Tensor]

# Streams of random numbers for the objective's draws.
_TRAINING, _VALIDATION = 1, 2


class SequentialScenario(LightningModule, ScenarioFacts):
    """Training, validation and test steps of one stage.

    The network may have several heads, or, where the objective needs no labels, none. A subclass that
    overrides `take_apart` takes batches of another make.

    Loss terms are summed on the device and read once an epoch, so that a step waits for nothing. Random
    numbers of an epoch (dropout, augmentation, draws of the objective) follow from (seed, epoch) alone, so
    that a resumed run is the uninterrupted one.

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
        stage: Stage,
        architecture: Architecture,
        objective: Objective,
        groups: ParameterGroups,
        parts: Mapping[str, Sequence[SubjectRow]],
        scaling: Mapping[str, TargetScaling],
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.objective = objective
        self._stage, self._groups, self._parts, self._scaling = stage, groups, parts, scaling
        self.moving = Moving(self, groups)
        self._format = architecture.layout
        self._sums: dict[str, Tensor] = {}
        self._seen = 0
        self._collected: dict[str, list[Tensor]] = {}
        self._training_sums: tuple[dict[str, Tensor], int] = ({}, 0)
        self.validation: dict[str, float] = {}
        self.tested: dict[str, float] = {}
        self._draws = torch.Generator()
        self._settled = False

    @property
    def record(self) -> Stage:
        """The stage."""
        return self._stage

    @property
    def heads(self) -> tuple[Head, ...]:
        """What the network predicts; the first is the one that the stage is judged by."""
        return self._stage.heads

    @property
    def judged(self) -> Architecture:
        """The network that is validated and kept: the one that trains, or a term's moving average of it."""
        average = None if self._settled else self.objective.average()
        return self.architecture if average is None else average

    def settle(self, weights: Mapping[str, Tensor]) -> None:
        """The training is over, and this is its outcome: from now on `architecture` is what is judged."""
        self.architecture.load_state_dict(weights)
        self._settled = True

    def restore(self, weights: Mapping[str, Tensor]) -> None:
        """Take up a training that ended elsewhere: `weights` are what it handed on."""
        self.architecture.load_state_dict(weights)
        self._settled = True

    def configure_optimizers(self) -> Any:
        training = self._stage.training
        groups = ParameterGroups((*self._groups.groups, *self.objective.groups()))
        # torch's fused kernels undo the scaling of 16-mixed by themselves: too late for whoever looks at
        # gradients before.
        early = training.gradient_clip or self.moving.watches_steps
        fused = not (early and training.precision == "16-mixed")
        optimizer = build_optimizer(training.optimizer, groups, training.lr, self.device, fused)
        steps = int(self.trainer.estimated_stepping_batches) // training.epochs
        schedule = build_schedule(training.schedule, optimizer, training.epochs, steps)
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
        network = self.architecture if self.training else self.judged
        outputs = network(images.contiguous(memory_format=self._format))
        return {label: values.float() for label, values in outputs.items()}

    def answers(self, batch: Batch) -> Answers:
        """Outputs for a test batch; as `forward`, of the network that is for its images."""
        found: Answers = self(batch.images)
        return found

    def adapts(self) -> bool:
        """Asked once the outcome is settled: whether the unlabelled images must be gone through once more, by
        `predict_step`, before the test.
        """
        return False

    def hand_over(self) -> None:
        """Called when all is scored: `architecture` is to be what the stage hands on."""
        self.moving.transfer.finish(self.architecture)

    def take_apart(self, batch: Any) -> Batch:
        """A batch as its loader gives it, in parts."""
        images, labels = batch
        return Batch(images, dict(zip((head.label for head in self.heads), labels, strict=True)))

    def on_train_epoch_start(self) -> None:
        seed_everything(self._stage.seed, self.current_epoch)
        self._seed_draws(_TRAINING, self.current_epoch)
        self.train()
        keep_frozen_in_eval(self.architecture)
        self._forget()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        self.moving.take(self.take_apart(batch))

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        total, _ = self._loss(self.take_apart(batch), batch_idx)
        return total * self._in_step(batch_idx)

    def configure_gradient_clipping(self, optimizer: Any, *arguments: Any, **options: Any) -> None:
        # The last call before the optimizer moves anything.
        super().configure_gradient_clipping(optimizer, *arguments, **options)
        self.moving.before_step(optimizer)

    def optimizer_step(self, *arguments: Any, **options: Any) -> None:
        try:
            super().optimizer_step(*arguments, **options)
        finally:
            self.moving.after_step(self.trainer.optimizers[0])
        self.objective.after_step(self.architecture)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[KEPT] = self.moving.state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.moving.resume(checkpoint.get(KEPT, {}))

    def primary_loss(self, batch: Batch) -> Tensor:
        """The objective's primary term of a batch, in training mode; nothing of it is recorded."""
        step = self.objective.observe(
            self.architecture,
            batch.images.contiguous(memory_format=self._format),
            batch.targets,
            source=batch.source,
            generator=self._draws,
            step=self.global_step,
        )
        return self.objective.primary_loss(step)

    def on_validation_epoch_start(self) -> None:
        # Validation runs inside the training epoch: keep its sums aside.
        self._training_sums = (self._sums, self._seen)
        self._forget()
        # The same draws in each epoch, so that their losses can be compared.
        self._seed_draws(_VALIDATION)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        _, outputs = self._loss(self.take_apart(batch), batch_idx)
        self._collect(outputs)

    def on_validation_epoch_end(self) -> None:
        self.validation = {"loss": self.mean_losses()["loss"], **self._score("val")}
        self._sums, self._seen = self._training_sums

    def on_test_epoch_start(self) -> None:
        self._forget()
        self._seed_draws(_VALIDATION)

    def test_step(self, batch: Any, batch_idx: int) -> None:
        taken = self.take_apart(batch)
        if self.heads:
            self._collect(self.answers(taken))
        else:
            self._loss(taken, batch_idx)

    def on_test_epoch_end(self) -> None:
        # Where nothing is predicted, the loss is all there is to tell.
        self.tested = {} if self.heads else {"loss": self.mean_losses()["loss"]}

    def predicted(self) -> Outputs:
        """Predictions of the part that was just validated or tested, by label, in the label's units."""
        outputs = {label: torch.cat(values).cpu().numpy() for label, values in self._collected.items()}
        return predictions(self.heads, outputs, self._scaling, self._stage.objective)

    def _score(self, part: str) -> dict[str, float]:
        """The metrics of the primary label on the data set that it is judged by."""
        if not self.heads:
            return {}
        first = self.heads[0]
        own = self._stage.judged_on(first.label)
        score_by = self._stage.sources[own].score_by
        return metrics(first, self._parts[part], self.predicted(), own, score_by)

    def mean_losses(self) -> dict[str, float]:
        """The mean over images of the loss and of each of its terms, since the epoch's start."""
        return {name: float(value) / max(1, self._seen) for name, value in self._sums.items()}

    def _forget(self) -> None:
        self._sums, self._seen, self._collected = {}, 0, {}

    def _seed_draws(self, *numbers: int) -> None:
        words = np.random.SeedSequence([self._stage.seed, *numbers]).generate_state(2, np.uint32)
        self._draws.manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)

    def _loss(self, batch: Batch, batch_idx: int) -> tuple[Tensor, dict[str, Tensor]]:
        others = batch.unlabelled
        training = bool(self.trainer.training)
        step = self.objective.observe(
            self.architecture if training else self.judged,
            batch.images.contiguous(memory_format=self._format),
            batch.targets,
            None if others is None else others.contiguous(memory_format=self._format),
            apart=self._stage.training.adabn,
            progress=self._progress(batch_idx),
            source=batch.source,
            unlabelled_source=batch.unlabelled_source,
            generator=self._draws,
            step=self.global_step,
            training=training,
        )
        total, terms = self.objective(step)
        count = len(batch.images)
        for name, value in {"loss": total, **terms}.items():
            # Out of place: in inference mode a sum may not be changed by a later step outside of it.
            term = value.detach().double() * count
            self._sums[name] = self._sums[name] + term if name in self._sums else term
        self._seen += count
        return total, step.outputs

    def _in_step(self, batch_idx: int) -> float:
        """What makes each step the mean over its batches: Lightning divides by how many there should be, but
        the last step of an epoch may have fewer.
        """
        wanted = self.trainer.accumulate_grad_batches
        left = int(self.trainer.num_training_batches) - batch_idx // wanted * wanted
        return wanted / min(wanted, left)

    def _progress(self, batch_idx: int) -> float:
        """How much of the training is done, from 0 to 1."""
        epochs = self._stage.training.epochs
        if not self.trainer.training:
            return min(1.0, (self.current_epoch + 1) / epochs)
        return (self.current_epoch + batch_idx / int(self.trainer.num_training_batches)) / epochs

    def _collect(self, outputs: Mapping[str, Tensor]) -> None:
        for label, values in outputs.items():
            self._collected.setdefault(label, []).append(values.detach())
