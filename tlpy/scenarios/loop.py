"""The loop: a lean Lightning Trainer, and what comes out of it."""

from __future__ import annotations

import logging
import os
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.utilities.exceptions import SIGTERMException

from tlpy.data.module import BaseDataModule
from tlpy.records import Stage, Training
from tlpy.scenarios.checkpoints import AtomicCheckpointIO, StageCheckpoint
from tlpy.scenarios.execution import Execution
from tlpy.scenarios.keeper import DivergedError, Keeper
from tlpy.scenarios.loggers import LOGS, LogHistory, close_logger, make_logger
from tlpy.scenarios.progress import Progress
from tlpy.scenarios.sequential import Outputs, SequentialScenario

PRECISIONS = {"32": "32-true", "bf16-mixed": "bf16-mixed", "16-mixed": "16-mixed"}


@dataclass
class Fitted:
    """What a training left.

    Attributes:
        keeper: history, learning rates, the epoch that was kept.
        kept_epoch: counted from 1.
        predicted: predictions of val and test by the kept weights, by part and label, in the label's units.
        train_seconds: the loop alone.
    """

    keeper: Keeper
    kept_epoch: int
    predicted: dict[str, Outputs]
    train_seconds: float


def precision_of(training: Training, accelerator: str) -> str:
    """The precision that a training has here: a CPU has no 16-mixed."""
    half = training.precision == "16-mixed" and accelerator == "cpu"
    return "bf16-mixed" if half else training.precision


def make_trainer(
    training: Training,
    execution: Execution,
    callbacks: list[Callback],
    accumulate: int = 1,
    checkpoint: dict[str, Any] | None = None,
    logger: Any = False,
) -> Trainer:
    """A Trainer with nothing switched on that isn't used."""
    return Trainer(
        **execution.for_trainer(),
        precision=PRECISIONS[precision_of(training, execution.accelerator)],
        max_epochs=training.epochs,
        accumulate_grad_batches=accumulate * training.accumulate,
        gradient_clip_val=training.gradient_clip,
        gradient_clip_algorithm="norm" if training.gradient_clip else None,
        callbacks=callbacks,
        # Under Slurm, Lightning would otherwise take a task's environment for its own and requeue jobs.
        plugins=[LightningEnvironment(), AtomicCheckpointIO(checkpoint)],
        logger=logger,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        num_sanity_val_steps=0,
        default_root_dir=os.devnull,
    )


def fit(
    module: SequentialScenario,
    data: BaseDataModule,
    stage: Stage,
    execution: Execution,
    folder: Path,
    accumulate: int = 1,
    checkpoint: StageCheckpoint | None = None,
) -> Fitted:
    """Train, keep an epoch by its validation, then predict val and test once with it.

    Args:
        module: the scenario, with its starting weights in.
        data: its loaders.
        stage: the record: how it is trained, and what the epoch is chosen by.
        execution: the devices, and the logger.
        folder: the stage's; a logger writes into its `logs`.
        accumulate: batches on the device for one batch of the record.
        checkpoint: what to continue from, and where to write; None: neither.

    Raises:
        DivergedError: the loss, or the validation metric of every epoch, is not a number.
    """
    training = stage.training
    keeper = Keeper(stage.metric, training.keep, training.early_stopping, checkpoint)
    found = checkpoint.read() if checkpoint else None
    resume = str(checkpoint.path) if checkpoint and found else None
    callbacks: list[Callback] = [keeper]
    logger = make_logger(execution.logger, folder / LOGS, stage) if execution.leads else False
    if execution.leads:
        callbacks.append(Progress(keeper, stage.name))
        if precision_of(training, execution.accelerator) != training.precision:
            print(f"{stage.name}: a CPU has no 16-mixed: this trains in bf16-mixed", flush=True)
    if logger:
        callbacks.append(LogHistory(keeper, stage))
    with _quiet():
        trainer = make_trainer(training, execution, callbacks, accumulate, found, logger)
        del found
        start = time.perf_counter()
        try:
            trainer.fit(module, datamodule=data, ckpt_path=resume, weights_only=True)
        except SIGTERMException:
            # Lightning's would exit with 0, as if all were done.
            raise SystemExit(128 + signal.SIGTERM) from None
        finally:
            close_logger(logger)
        seconds = time.perf_counter() - start
        kept = _load_kept(module, keeper)
        if data.predicts and module.adapts():
            trainer.predict(module, datamodule=data, return_predictions=False)
        predicted: dict[str, Outputs] = {}
        if "val" in data.parts:
            trainer.validate(module, datamodule=data, verbose=False)
            predicted["val"] = module.predicted()
        if "test" in data.parts:
            trainer.test(module, datamodule=data, verbose=False)
            predicted["test"] = module.predicted()
        module.hand_over()
    return Fitted(keeper, kept, predicted, seconds)


def test(module: SequentialScenario, data: BaseDataModule, stage: Stage, execution: Execution) -> Outputs:
    """The predictions of a module that is not to be trained for the test part, by label, in its units."""
    with _quiet():
        trainer = make_trainer(stage.training, execution, [])
        trainer.test(module, datamodule=data, verbose=False)
        return module.predicted()


def _load_kept(module: SequentialScenario, keeper: Keeper) -> int:
    """Put the kept epoch's weights in; which epoch that is."""
    if keeper.keep == "last":
        module.settle(module.judged.state_dict())
        return len(keeper.history)
    if keeper.best_epoch is None:
        name = keeper.metric.name
        raise DivergedError(f"the validation {name} was not a number in any epoch; a smaller lr may help")
    module.settle(keeper.best_weights)
    return keeper.best_epoch


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Lightning's advice on what was chosen on purpose: no workers, frozen layers in eval mode."""
    # What it tells at each fit (devices found, tips, why it stopped) is in metrics.json, in our words.
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # On a cluster's node it advises to prepend `srun`; a task of the pipeline starts its own processes.
        warnings.filterwarnings("ignore", message=".*`srun` command is available.*")
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*module.* in eval mode.*")
        warnings.filterwarnings("ignore", message=".*GPU available but not used.*")
        warnings.filterwarnings("ignore", message=".*No `val.*_dataloader`.*|.*defined a `validation_step`.*")
        warnings.filterwarnings("ignore", message=".*Total length of `list` across ranks is zero.*")
        warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*")
        warnings.filterwarnings("ignore", message=".*custom batch sampler.*|.*predict returned None.*")
        warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
        yield
