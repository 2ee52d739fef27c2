"""Lightning, imported lean. Everything that needs Lightning takes it from here."""

from __future__ import annotations

import logging
import warnings

from tlpy.lean_imports import deferring

with deferring("scipy.signal"):
    from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
    from lightning.pytorch.plugins import CheckpointIO
    from lightning.pytorch.plugins.environments import LightningEnvironment
    from lightning.pytorch.utilities import CombinedLoader
    from lightning.pytorch.utilities.exceptions import SIGTERMException

# What Lightning tells at each fit (devices found, tips, why it stopped) is in metrics.json, in our words.
for _name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(_name).setLevel(logging.ERROR)
# On a cluster's node it advises to prepend `srun`; a task of the pipeline starts its own processes.
warnings.filterwarnings("ignore", message=".*`srun` command is available.*")

__all__ = [
    "Callback",
    "CheckpointIO",
    "CombinedLoader",
    "LightningDataModule",
    "LightningEnvironment",
    "LightningModule",
    "SIGTERMException",
    "Trainer",
]
