"""Loggers besides history.csv: TensorBoard, Weights & Biases (offline), MLflow, where installed."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer

from tlpy.errors import InputError, Problem
from tlpy.records import Stage
from tlpy.scenarios.keeper import Keeper

LOGS = "logs"

# What each needs: any one of these packages.
_PACKAGES = {
    "csv": (),
    "tensorboard": ("tensorboard", "tensorboardX"),
    "wandb": ("wandb",),
    "mlflow": ("mlflow",),
}


def check_logger(name: str) -> None:
    """Raise `InputError` where the logger is unknown, or its package is not in this environment."""
    if name not in _PACKAGES:
        raise InputError([Problem("logger", f"unknown logger '{name}'", f"valid: {', '.join(_PACKAGES)}")])
    packages = _PACKAGES[name]
    if packages and not any(find_spec(package) for package in packages):
        message = f"{name} needs the package '{packages[0]}', which is not where trainings run"
        hint = (
            f"install it there (pip install {packages[0]}; with containers, in the image), or use logger: csv"
        )
        raise InputError([Problem("logger", message, hint)])


def make_logger(name: str, folder: Path, stage: Stage) -> Any:
    """Lightning's logger that writes below `folder`; False for `csv`, which history.csv is.

    Args:
        name: `csv`, `tensorboard`, `wandb` or `mlflow`.
        folder: the stage's `logs`; made where it is needed.
        stage: the record; its settings are logged, too.
    """
    check_logger(name)
    if name == "csv":
        return False
    folder.mkdir(parents=True, exist_ok=True)
    title = f"{stage.name}-{stage.id}"
    if name == "tensorboard":
        from lightning.pytorch.loggers import TensorBoardLogger

        return TensorBoardLogger(str(folder), name="", version="tensorboard", default_hp_metric=False)
    if name == "wandb":
        from lightning.pytorch.loggers import WandbLogger

        os.environ.setdefault("WANDB_SILENT", "true")
        return WandbLogger(name=title, save_dir=str(folder), offline=True, project="tlimb", id=stage.id)
    from lightning.pytorch.loggers import MLFlowLogger

    # Files need no server and move with the stage; newer versions of MLflow want to be asked for them.
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = f"file:{(folder / 'mlruns').resolve()}"
    return MLFlowLogger(experiment_name="tlimb", run_name=title, tracking_uri=uri)


class LogHistory(Callback):
    """Hands each epoch of the history to the trainer's logger, and the stage's settings before.

    Args:
        keeper: has the history.
        stage: the record.
    """

    def __init__(self, keeper: Keeper, stage: Stage) -> None:
        self._keeper, self._stage = keeper, stage

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:  # noqa: ARG002
        stage = self._stage
        settings = {
            "id": stage.id,
            "name": stage.name,
            "dataset": stage.dataset,
            "architecture": stage.architecture,
            "transfer": stage.transfer,
            "objective": stage.objective,
            "training": stage.training.to_json(),
            "seed": stage.seed,
            "fold": stage.fold,
        }
        trainer.logger.log_hyperparams({name: said for name, said in settings.items() if said is not None})

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:  # noqa: ARG002
        row = self._keeper.history[-1]
        values = {name: value for name, value in row.items() if name != "epoch"}
        trainer.logger.log_metrics(values, step=int(row["epoch"]))


def close_logger(logger: Any) -> None:
    """Write what is still held back: the folder is moved when the stage is done."""
    if not logger:
        return
    logger.finalize("success")
    if type(logger).__name__ == "WandbLogger":
        # The run that the logger opened; without this, its files are written when the process ends.
        logger.experiment.finish()
