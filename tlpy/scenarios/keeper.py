"""What is kept of a training: its history, the weights of the epoch to keep, and when to stop."""

from __future__ import annotations

import math
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor

from tlpy import words
from tlpy.metrics.registry import METRICS
from tlpy.records import EarlyStopping
from tlpy.scenarios.checkpoints import StageCheckpoint
from tlpy.scenarios.sequential import SequentialScenario
from tlpy.transfer.running import rate_of


class DivergedError(RuntimeError):
    """The training loss is no longer a number."""


class Keeper(Callback):
    """Writes the history, keeps the best (or last) epoch's weights, stops early, asks for checkpoints.

    The best epoch is the one with the best validation metric; among equals, that with the lowest validation
    loss. Epochs that a way of transfer has taken back are not among them. Early stopping waits `patience`
    epochs for an improvement of the metric by more than `min_delta`.

    Args:
        metric: name of the metric to select by.
        keep: `best` or `last`.
        early_stopping: how long to wait for an improvement; None: to the end.
        checkpoint: where a retry picks up; None: nowhere.
    """

    def __init__(
        self,
        metric: str,
        keep: str,
        early_stopping: EarlyStopping | None = None,
        checkpoint: StageCheckpoint | None = None,
    ) -> None:
        self.metric, self.keep = METRICS[metric], keep
        self._early_stopping, self._checkpoint = early_stopping, checkpoint
        self.history: list[dict[str, float]] = []
        self.learning_rates: list[dict[str, Any]] = []
        self.best_epoch: int | None = None
        self.best_weights: dict[str, Tensor] = {}
        self.stopped_early = False
        self.resumed_from_epoch: int | None = None
        self._best = (math.nan, math.inf)
        self._mark = math.nan
        self._waited = 0

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:  # noqa: ARG002
        if self.stopped_early:  # the checkpoint was written after the decision to stop
            trainer.should_stop = True

    def on_train_epoch_start(self, trainer: Trainer, pl_module: SequentialScenario) -> None:
        pl_module.moving.start_epoch()
        for number, group in enumerate(trainer.optimizers[0].param_groups):
            self.learning_rates.append(
                {
                    "epoch": trainer.current_epoch + 1,
                    "group": str(group.get("name", number)),
                    "lr": rate_of(group),
                }
            )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: SequentialScenario) -> None:
        epoch = trainer.current_epoch + 1
        losses = _over_processes(trainer, pl_module.mean_losses())
        rates = [row["lr"] for row in self.learning_rates if row["epoch"] == epoch]
        if not math.isfinite(losses["loss"]):
            lost = f"the training loss became {losses['loss']} in epoch {epoch}"
            raise DivergedError(f"{lost} (lr {words.number(max(rates))}); a smaller lr may help")
        row: dict[str, float] = {"epoch": epoch, "train_loss": losses.pop("loss")}
        if pl_module.validation:
            # All of them: what variants are ranked by need not be what epochs are chosen by.
            row |= {f"val_{name}": value for name, value in pl_module.validation.items()}
        self.history.append({**row, "lr": max(rates), **losses})
        pl_module.watch_plateau()
        if pl_module.moving.end_epoch():
            self._judge(epoch, pl_module)
        if self._waited and self._early_stopping and self._waited >= self._early_stopping.patience:
            trainer.should_stop = self.stopped_early = epoch < (trainer.max_epochs or epoch)
        last = trainer.should_stop or epoch == trainer.max_epochs
        # All processes of a stage write together, when the first one finds it is time.
        if self._checkpoint and not last and trainer.strategy.broadcast(self._checkpoint.due()):
            self._checkpoint.write(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: SequentialScenario) -> None:
        if trainer.world_size > 1:
            # What decides is the same for all, to the last bit.
            pl_module.validation = trainer.strategy.broadcast(pl_module.validation)

    def _judge(self, epoch: int, module: SequentialScenario) -> None:
        """Compare the epoch with the best one so far."""
        if not module.validation:
            return
        value, loss = module.validation[self.metric.name], module.validation["loss"]
        best, best_loss = self._best
        if self.metric.better(value, best) or (value == best and loss < best_loss):
            self._best, self.best_epoch = (value, loss), epoch
            if self.keep == "best":
                state = module.judged.state_dict()
                self.best_weights = {name: tensor.detach().clone() for name, tensor in state.items()}
        margin = self._early_stopping.min_delta if self._early_stopping else 0.0
        shifted = value + margin if self.metric.lower_is_better else value - margin
        if self.metric.better(shifted, self._mark):
            self._mark, self._waited = value, 0
        else:
            self._waited += 1

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _STATE}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for name in _STATE:
            setattr(self, name, state_dict[name])
        self.resumed_from_epoch = len(self.history)


def _over_processes(trainer: Trainer, losses: dict[str, float]) -> dict[str, float]:
    """The mean over the processes of a stage, each with its share of the images."""
    if trainer.world_size == 1:
        return losses
    mine = torch.tensor(list(losses.values()), dtype=torch.float64, device=trainer.strategy.root_device)
    shared = trainer.strategy.reduce(mine, reduce_op="mean").tolist()
    return dict(zip(losses, shared, strict=True))


_STATE = (
    "history",
    "learning_rates",
    "best_epoch",
    "best_weights",
    "stopped_early",
    "_best",
    "_mark",
    "_waited",
)
