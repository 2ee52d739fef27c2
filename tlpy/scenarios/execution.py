"""How a training is carried out: on which and how many devices, and where its log goes. Changes no result."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from tlpy.records import ExecutionSettings, Record


@dataclass(frozen=True)
class Execution(Record):
    """The settings of a task's trainings.

    Attributes:
        accelerator: `cpu` or `gpu`.
        devices: how many train one stage together, each in a process of its own.
        strategy: Lightning's name of how they do; `auto` is `ddp`.
        logger: `csv` (history.csv alone), `tensorboard`, `wandb` or `mlflow`.
        on_contract_mismatch: `error` refuses weights for images that were prepared in another way.
        rank: which of a stage's processes this is; None: it has none of its own, and leads.
    """

    accelerator: str = "cpu"
    devices: int = 1
    strategy: str = "auto"
    logger: str = "csv"
    on_contract_mismatch: str = "warn"
    rank: int | None = None

    @classmethod
    def of(cls, settings: ExecutionSettings, accelerator: str) -> Execution:
        """What a pack asks for, on this machine."""
        return cls(accelerator, **settings.to_json())

    @property
    def leads(self) -> bool:
        """Whether this process writes the results."""
        return not self.rank

    def for_trainer(self) -> dict[str, Any]:
        """The Trainer's arguments."""
        if self.devices == 1:
            return {"accelerator": self.accelerator, "devices": 1}
        return {
            "accelerator": self.accelerator,
            "devices": self.devices,
            "strategy": "ddp" if self.strategy == "auto" else self.strategy,
            # Each process has its share of every batch from the data module.
            "use_distributed_sampler": False,
            # On GPUs, batch normalisation sees the whole batch; torch has no such thing for CPUs.
            "sync_batchnorm": self.accelerator == "gpu",
        }


def join_processes(rank: int, devices: int, port: int) -> None:
    """Say to Lightning which process of a group on this machine this one is, before a Trainer is made."""
    os.environ.update(
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        NODE_RANK="0",
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(devices),
    )
