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
    stages, problems = list(stages), Problems()
    for stage in stages:
        for registry, component, key in _components(stage):
            _admit(registry, component, f"stage {stage.name}: {key}", problems)
    problems.raise_if_any()
    for stage in stages:
        for component, key in _views(stage):
            _admit(AUGMENTATIONS, component, f"stage {stage.name}: {key}", problems)
    problems.raise_if_any()


def _admit(registry: Registry[Any], component: Any, where: str, problems: Problems) -> None:
    try:
        registry.admit(as_component(component, where)["name"], where)
    except InputError as error:
        problems.extend(error.problems)


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


def _views(stage: Stage) -> Iterator[tuple[Any, str]]:
    """Each augmentation within a term, and its key; ask for it once the terms themselves are admitted."""
    for name, arguments in stage.objective.items():
        for key in TERMS.facts(name).augmentations:
            given = arguments.get(key)
            # A word alone is a preset of views.
            if given is not None and not (isinstance(given, str) and "." not in given):
                steps = given if isinstance(given, list | tuple) else [given]
                yield from ((step, f"objective.{name}.{key}") for step in steps)
