"""One stage, start to end: build, take over, train, score, write."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlpy.architectures.base import Architecture, count_parameters
from tlpy.architectures.build import build
from tlpy.errors import InputError
from tlpy.files import write_json
from tlpy.objectives.base import Objective
from tlpy.objectives.build import build_objective
from tlpy.objectives.heads import outputs_of
from tlpy.records import Stage
from tlpy.scenarios import outputs
from tlpy.scenarios.checkpoints import StageCheckpoint
from tlpy.scenarios.device import (
    device_name,
    memory_format,
    peak_memory_mb,
    reset_peak_memory,
    seed_everything,
)
from tlpy.scenarios.execution import Execution
from tlpy.scenarios.loop import Fitted, fit, precision_of
from tlpy.scenarios.material import Material, Opened, gather, load
from tlpy.scenarios.registry import SCENARIOS
from tlpy.scenarios.scores import all_metrics
from tlpy.scenarios.sequential import SequentialScenario
from tlpy.scenarios.start import Start, describe_start, refuse
from tlpy.transfer.apply import apply, make_transfer
from tlpy.transfer.base import Transfer
from tlpy.transfer.groups import ParameterGroups
from tlpy.weights.load import load_weights
from tlpy.weights.read import WEIGHTS, read_weights
from tlpy.weights.report import LoadReport
from tlpy.weights.save import save_weights


def train_stage(
    stage: Stage,
    opened: Sequence[Opened],
    start: Path | None,
    folder: Path,
    execution: Execution | None = None,
    checkpoint: StageCheckpoint | None = None,
    halvings: int = 0,
    contract: Path | None = None,
) -> dict[str, Any]:
    """Train `stage` and write its files into `folder`.

    Nothing that ran before in this process changes the numbers: the seed is set anew, and used for the start,
    the order of images and dropout.

    Args:
        stage: as the plan has it.
        opened: its data sets, in the order of its `sources`.
        start: weights to start from (a parent's safetensors, or a user's file); None: at random.
        folder: where to write; made.
        execution: devices and logger; None: the CPU.
        checkpoint: what to continue from, and where to write.
        halvings: how often to halve the batch on the device; as many more of them make a step.
        contract: of the weights to start from; None: that beside them, if there is one.

    Returns:
        What metrics.json holds.

    Raises:
        InputError: a part of the data is empty or has one class only; weights for images that were prepared
            in another way, where `execution` says to refuse them.
        DivergedError: the loss is not a number.
    """
    began = time.perf_counter()
    execution = execution or Execution()
    if execution.accelerator == "gpu":
        reset_peak_memory()
    begun = Start.of(start, contract)
    differences = begun.differences(stage, opened) if begun else None
    if execution.on_contract_mismatch == "error":
        refuse(stage, differences or ())
    transfer = make_transfer(stage.transfer)
    material = gather(stage, opened, transfer.held_back)
    seed_everything(stage.seed)
    network = _network(stage, begun, material, execution.accelerator, transfer)
    objective = _objective(stage, network, material)
    physical, accumulate = divide_batch(stage.training.batch_size, halvings)
    scenario = make_scenario(stage, network.architecture, objective, network.groups, material)
    data = load(stage, material, physical, execution.accelerator == "gpu")
    fitted = fit(scenario, data, stage, execution, folder, accumulate, checkpoint)
    preprocessing = opened[0].preprocessing
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(network.architecture, folder / WEIGHTS)
    write_json(folder / "load_report.json", describe_start(network.report, begun, differences))
    outputs.write_tables(folder, stage, material, fitted, preprocessing)
    result = {
        "id": stage.id,
        "status": "done",
        "reason": None,
        "best_epoch": fitted.kept_epoch,
        "epochs_run": len(fitted.keeper.history),
        "stopped_early": fitted.keeper.stopped_early,
        **_scores(stage, scenario, material, fitted),
        "n": material.counts(stage.sources),
        "parameters": network.parameters,
        **_cost(stage, execution, fitted, began),
        "physical_batch": physical,
        "resumed_from_epoch": fitted.keeper.resumed_from_epoch,
        "versions": outputs.versions(),
    }
    write_json(folder / "metrics.json", result)
    return result


@dataclass(frozen=True)
class _Network:
    """A stage's network as its training starts.

    Attributes:
        report: what it took over; None: it starts at random.
        groups: what trains, and how fast.
        parameters: how many numbers it hands on, and how many train (at one time or another).
    """

    architecture: Architecture
    report: LoadReport | None
    groups: ParameterGroups
    parameters: dict[str, int]


def _network(
    stage: Stage, start: Start | None, material: Material, accelerator: str, transfer: Transfer
) -> _Network:
    """Build the network, take weights over, freeze what is not to move."""
    outputs_by_label = {head.label: outputs_of(head, stage.objective) for head in stage.heads}
    architecture = build(stage.architecture, stage.input.channels, stage.input.size, outputs_by_label)
    report = None
    if start:
        heads = start.heads(stage, material.scaling)
        report = load_weights(architecture, read_weights(start.weights), heads, stage.loading.channels)
        # A plan checks this, too, but for networks whose own code fails there.
        if report.share < stage.loading.at_least:
            what = f"{start.source}, {stage.architecture['name']}"
            raise InputError([report.too_little(stage.loading.at_least, "weights", what)])
    architecture.layout = memory_format(stage.architecture["name"], len(stage.input.size), accelerator)
    architecture.to(memory_format=architecture.layout)
    total, _ = count_parameters(architecture)
    groups = apply(transfer, architecture)
    return _Network(architecture, report, groups, {"total": total, "trainable": groups.numbers})


def _objective(stage: Stage, network: _Network, material: Material) -> Objective:
    """The objective, told what the training starts from."""
    objective = build_objective(stage.objective, stage.heads)
    objective.start(
        network.architecture,
        network.report.loaded if network.report else frozenset(),
        material.sets["train"].targets,
        {label: (found.mean, found.sd) for label, found in material.scaling.items()},
    )
    return objective


def _cost(stage: Stage, execution: Execution, fitted: Fitted, began: float) -> dict[str, Any]:
    """What metrics.json says of time and machine."""
    return {
        "seconds": {"train": fitted.train_seconds, "total": time.perf_counter() - began},
        "device": device_name(execution.accelerator),
        "peak_memory_mb": peak_memory_mb(execution.accelerator),
        "precision": precision_of(stage.training, execution.accelerator),
        "devices": execution.devices,
    }


def make_scenario(
    stage: Stage,
    architecture: Architecture,
    objective: Objective,
    groups: ParameterGroups,
    material: Material,
) -> SequentialScenario:
    """The Lightning module of a stage's record: a name, or the class path of a subclass with its arguments.

    Raises:
        InputError: a class path that is not found, takes other arguments, or is no `SequentialScenario`.
    """
    scenario: SequentialScenario = SCENARIOS.make(
        stage.scenario, stage, architecture, objective, groups, material.parts, material.scaling
    )
    return scenario


def _scores(stage: Stage, scenario: SequentialScenario, material: Material, fitted: Fitted) -> dict[str, Any]:
    """The scores of metrics.json; where nothing is predicted, the losses."""
    if stage.heads:
        return all_metrics(stage, material.parts, fitted.predicted)
    val = {"loss": scenario.validation["loss"]} if "val" in material.parts else {}
    return {"metrics": {"train": {}, "val": val, "test": scenario.tested}}


def divide_batch(batch_size: int, halvings: int) -> tuple[int, int]:
    """Images at once on the device, and how many such batches make a step.

    The largest divisor of the batch that is at most its `halvings`-th half keeps the step exactly as large; a
    batch without such a divisor (a prime) is cut into nearly equal parts.
    """
    wanted = max(1, batch_size >> halvings)
    physical = next(size for size in range(wanted, 0, -1) if batch_size % size == 0)
    if physical == 1 < wanted:
        physical = wanted
    return physical, -(-batch_size // physical)
