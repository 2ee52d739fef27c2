"""Lightning, imported lean. Everything that needs Lightning takes it from here.

torchmetrics, which Lightning imports, loads `scipy.signal` (and with it `scipy.stats`: 0.7 s) only to give an
alias back to a package of audio metrics that is not used here. It finds an empty stand-in during the import;
a later `import scipy.signal` gets the real one.
"""

from __future__ import annotations

import logging
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _without_scipy_signal() -> Iterator[None]:
    name = "scipy.signal"
    if name in sys.modules:
        yield
        return
    stand_in = types.ModuleType(name)
    stand_in.hamming = None  # type: ignore[attr-defined]
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]


with _without_scipy_signal():
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
