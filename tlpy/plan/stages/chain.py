"""The chain of stages of one variant: names, roles, defaults filled in, settings without effect removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tlpy.components.registry import Registry, as_component
from tlpy.data.augmentation.registry import complete_augmentation
from tlpy.errors import InputError, Problem, Problems, nearest
from tlpy.objectives.complete import as_terms
from tlpy.objectives.registry import TERMS
from tlpy.params.assignment import stage_names
from tlpy.params.schema import Schema
from tlpy.plan.stages.goals import learns_no_label
from tlpy.plan.working import StageSpec
from tlpy.records import Component, EarlyStopping, Loading, Training
from tlpy.scenarios.registry import SCENARIOS
from tlpy.transfer.registry import TRANSFERS


class ChainResolver:
    """Turns the stages of a variant's params into `StageSpec`s, with the schema's defaults."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.training_keys = list(schema.group("training_options"))
        self.training_defaults = {key: schema.default(key) for key in self.training_keys}

    def resolve(self, params: Mapping[str, Any]) -> list[StageSpec]:
        """The chain, first to last.

        Raises:
            InputError: for unknown names and arguments of components, and for stages without data.
        """
        problems = Problems()
        names = stage_names(params["stages"])
        for name in sorted({name for name in names if names.count(name) > 1}):
            problems.add("stages", f"two stages are called '{name}'")
        given = params.get("architecture", self.schema.default("architecture"))
        architecture = self._component("architecture", given, "architecture", problems)
        trained = [
            (place, name, stage)
            for place, (name, stage) in enumerate(zip(names, params["stages"], strict=True))
            if not stage.get("weights") or stage.get("dataset") or stage.get("unlabelled")
        ]
        if not trained:
            problems.add("stages", "no stage has a data set to train on")
        chain: list[StageSpec] = []
        for position, (place, name, stage) in enumerate(trained):
            where = f"stages[{place}]"
            if not stage.get("dataset"):
                hint = "name one of: " + ", ".join(sorted(params["datasets"]))
                problems.add(f"{where}.dataset", f"stage '{name}' has no data set", hint)
                continue
            # A stage with weights and no data set hands its weights to the next one that trains.
            before = [entry["weights"] for entry in params["stages"][:place] if entry.get("weights")]
            given = stage.get("weights") or (before[-1] if before and not chain else None)
            weights, loading = weights_in(given)
            if stage.get("weights") and chain:
                hint = "give the weights to the chain's first stage"
                problems.add(f"{where}.weights", "this stage already starts from the one before", hint)
            if stage.get("unlabelled") and learns_no_label(stage.get("objective")):
                hint = f"list its data sets under {where}.dataset"
                problems.add(f"{where}.unlabelled", "no label of this stage is learnt anyway", hint)
            given = stage.get("transfer", "full")
            transfer = self._component("transfer", given, f"{where}.transfer", problems)
            first = not chain and not weights
            datasets, unlabelled = names_in(stage["dataset"]), names_in(stage.get("unlabelled"))
            for key, listed in (("dataset", datasets), ("unlabelled", unlabelled)):
                for twice in sorted({name for name in listed if listed.count(name) > 1}):
                    problems.add(f"{where}.{key}", f"'{twice}' is named twice")
            objective = as_terms(stage.get("objective"), f"{where}.objective")
            problems.extend(_goal_problems(objective, stage.get("scenario"), where))
            chain.append(
                StageSpec(
                    name=name,
                    role=role_of(position, len(trained)),
                    datasets=datasets,
                    labelled=() if learns_no_label(objective) else datasets,
                    unlabelled=unlabelled,
                    scenario=stage.get("scenario"),
                    architecture=architecture,
                    # Without anything to take over, a way of transfer has no effect.
                    transfer=None if first else transfer,
                    idle=("transfer",) if first and not _is_neutral(transfer) else (),
                    objective=objective,
                    training=self._training(params, stage, where, problems),
                    weights=weights,
                    loading=loading,
                    train_size=stage.get("train_size"),
                    where=where,
                )
            )
        problems.raise_if_any()
        return chain

    def _training(
        self, params: Mapping[str, Any], stage: Mapping[str, Any], where: str, problems: Problems
    ) -> Training:
        """The training options, the stage's before the params', components completed."""
        training = dict(self.training_defaults)
        for level in (params, stage):
            training.update({key: level[key] for key in self.training_keys if key in level})
        for key in ("optimizer", "schedule", "datamodule"):
            origin = f"{where}.{key}" if key in stage else key
            training[key] = self._component(key, training[key], origin, problems)
        origin = f"{where}.augmentation" if "augmentation" in stage else "augmentation"
        try:
            steps = complete_augmentation(training["augmentation"], origin)
            training["augmentation"] = tuple(steps) if steps else None
        except InputError as error:
            problems.extend(error.problems)
        if training["early_stopping"] is not None:
            training["early_stopping"] = EarlyStopping(**{"min_delta": 0.0, **training["early_stopping"]})
        training["lr"] = float(training["lr"])
        # A searched value may be the number 32.
        training["precision"] = str(training["precision"])
        return Training(**training)

    @staticmethod
    def _component(kind: str, value: Any, where: str, problems: Problems) -> Component:
        try:
            return _complete(kind, value, where)
        except InputError as error:
            problems.extend(error.problems)
            return {"name": str(value)}


def _goal_problems(objective: Mapping[str, Any], scenario: Any, where: str) -> list[Problem]:
    """What is wrong with a stage's terms and its scenario by themselves, before its data are known."""
    place = f"{where}.objective"
    named: list[tuple[Registry[Any], str, str]] = [
        (TERMS, name, place if "." in name else f"{place}.{name}") for name in objective
    ]
    if scenario is not None:
        named.append((SCENARIOS, as_component(scenario)["name"], f"{where}.scenario"))
    found: list[Problem] = []
    for registry, name, param in named:
        try:
            registry.declaration(name, param)
        except InputError as error:
            found += error.problems
    return found


def _is_neutral(transfer: Mapping[str, Any]) -> bool:
    """Whether a way of transfer is as good as not named."""
    try:
        return TRANSFERS.facts(str(transfer["name"])).neutral
    except InputError:  # told already
        return True


def role_of(position: int, length: int) -> str:
    """What a stage is for, by its place in the chain."""
    if position == length - 1:
        return "finetune"
    return "pretrain" if position == 0 else "adapt"


def from_scratch(stage: StageSpec) -> StageSpec:
    """The baseline of a chain: its last stage, with nothing taken over."""
    return replace(stage, transfer=None, weights=None, loading=Loading())


def from_scratch_as_long(chain: Sequence[StageSpec]) -> StageSpec:
    """The same for as many epochs as the whole chain's: what transfer gains is no gain of training longer."""
    epochs = sum(stage.training.epochs for stage in chain)
    alone = from_scratch(chain[-1])
    return replace(alone, training=replace(alone.training, epochs=epochs))


def weights_in(value: Any) -> tuple[str | None, Loading]:
    """A file of weights, and what is said of it: `FILE`, or a map with `file`."""
    if not isinstance(value, Mapping):
        return value or None, Loading()
    return value["file"], Loading(float(value.get("at_least", 0.0)), value.get("channels"))


def names_in(value: Any) -> tuple[str, ...]:
    """One name or a list of names."""
    if not value:
        return ()
    return (value,) if isinstance(value, str) else tuple(str(name) for name in value)


def _complete(kind: str, value: Any, where: str) -> Component:
    """A component with its defaults; every argument checked. No registry imports torch."""
    if kind == "architecture":
        from tlpy.architectures.registry import complete_architecture

        return complete_architecture(value, where)
    if kind == "transfer":
        from tlpy.transfer.registry import complete_transfer

        return complete_transfer(value, where)
    if kind == "datamodule":
        from tlpy.data.modules.registry import complete_datamodule

        return complete_datamodule(value, where)
    from tlpy.optimizers.registry import complete_optimizer, complete_schedule

    return complete_optimizer(value, where) if kind == "optimizer" else complete_schedule(value, where)


def images_only(stages: Any) -> set[str]:
    """The data sets that no stage of a params file, sound or not, learns a label of."""
    blind: set[str] = set()
    learnt: set[str] = set()
    for stage in stages if isinstance(stages, list) else ():
        given = stage if isinstance(stage, Mapping) else {}
        objective = given.get("objective")
        without = isinstance(objective, Mapping | str) and learns_no_label(objective)
        for key, names in (("dataset", blind if without else learnt), ("unlabelled", blind)):
            if isinstance(given.get(key), str | list):
                names.update(names_in(given[key]))
    return blind - learnt


def unknown_datasets(params: Mapping[str, Any], chain: list[StageSpec]) -> list[Problem]:
    """Stages of the chain that name a data set which is not there."""
    return [
        Problem(
            f"{stage.where}.{key}",
            f"there is no data set '{name}'",
            nearest(name, list(params["datasets"])),
        )
        for stage in chain
        for key, names in (("dataset", stage.datasets), ("unlabelled", stage.unlabelled))
        for name in names
        if name not in params["datasets"]
    ]
