"""Whether the records of a pack name components alone: they come as JSON, which anyone can write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tlpy.architectures.registry import ARCHITECTURES
from tlpy.components.registry import Registry, as_component
from tlpy.data.augmentation.registry import AUGMENTATIONS
from tlpy.data.modules.registry import DATAMODULES
from tlpy.errors import InputError, Problems
from tlpy.objectives.registry import TERMS
from tlpy.optimizers.registry import OPTIMIZERS, SCHEDULES
from tlpy.records import Stage
from tlpy.scenarios.registry import SCENARIOS
from tlpy.transfer.registry import TRANSFERS


def check_components(stages: Iterable[Stage]) -> None:
    """Check the class paths of all components of some stages by their sources; none is imported.

    Raises:
        InputError: with everything that may not be named (`tlpy.components.admission`).
    """
    problems = Problems()
    for stage in stages:
        for registry, component, key in _components(stage):
            where = f"stage {stage.name}: {key}"
            try:
                registry.admit(as_component(component, where)["name"], where)
            except InputError as error:
                problems.extend(error.problems)
    problems.raise_if_any()


def _components(stage: Stage) -> Iterator[tuple[Registry[Any], Any, str]]:
    """Each component of a stage, with its kind, and its key in the record."""
    training = stage.training
    yield ARCHITECTURES, stage.architecture, "architecture"
    yield SCENARIOS, stage.scenario, "scenario"
    yield OPTIMIZERS, training.optimizer, "optimizer"
    yield SCHEDULES, training.schedule, "schedule"
    yield DATAMODULES, training.datamodule, "datamodule"
    if stage.transfer is not None:
        yield TRANSFERS, stage.transfer, "transfer"
    for name in stage.objective:
        yield TERMS, name, "objective"
    for step in training.augmentation or ():
        yield AUGMENTATIONS, step, "augmentation"
