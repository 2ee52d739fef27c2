"""How trainings are carried out: devices, strategy, logger. None of it is part of a stage's id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tlpy.errors import Problem
from tlpy.params.schema import Schema
from tlpy.records import ExecutionSettings, Stage
from tlpy.transfer.registry import TRANSFERS


def execution(params: Mapping[str, Any], schema: Schema) -> ExecutionSettings:
    """As the params say, or the schema."""
    keys = ("devices", "strategy", "logger", "on_contract_mismatch")
    return ExecutionSettings(**{key: params.get(key, schema.default(key)) for key in keys})


def execution_problems(devices: int, stages: Iterable[Stage]) -> list[Problem]:
    """Stages whose batches, or whose way of transfer, cannot be divided among the devices."""
    stages = list(stages)
    named = {(stage.name, stage.transfer["name"]) for stage in stages if stage.transfer and devices > 1}
    alone = sorted(pair for pair in named if TRANSFERS.facts(pair[1]).one_device)
    small = sorted({(stage.training.batch_size, stage.name) for stage in stages})
    together = [
        Problem(
            "devices",
            f"transfer {transfer} (stage '{name}') trains on one device alone, found {devices}",
            "use devices: 1",
        )
        for name, transfer in alone
    ]
    return together + [
        Problem(
            "devices",
            f"a batch of {size} (stage '{name}') cannot be divided among {devices} devices",
            "each device needs at least one image of every batch",
        )
        for size, name in small
        if size < devices
    ]


def precision_warnings(accelerator: str, stages: Iterable[Stage]) -> list[str]:
    """Stages whose precision is not what it says on every machine."""
    half = sorted({stage.name for stage in stages if stage.training.precision == "16-mixed"})
    where = (
        "a CPU has no 16-mixed" if accelerator == "cpu" else "where there is no GPU, 16-mixed is not possible"
    )
    return [
        f"stage '{name}': {where}: it trains in bf16-mixed then; set precision: bf16-mixed for equal numbers"
        for name in half
        if accelerator != "gpu"
    ]
