"""What a stage is trained for: its objective and its scenario, fitted to its data sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tlpy.errors import InputError, Problems
from tlpy.plan.stages.bins import check_bins
from tlpy.plan.working import StageData, StageSpec
from tlpy.records import Component, Head, Terms, Training

if TYPE_CHECKING:
    from tlpy.objectives.entries import ObjectiveEntry

# It needs no labels, but is meant to be added to a stage that has some.
_BESIDE_LABELS = ("reconstruction",)


def learns_no_label(objective: Any) -> bool:
    """Whether the objective is one of self-supervised pretraining, which leaves labels alone."""
    entries = _entries(objective)
    primary = any(entry.primary for entry in entries)
    return not primary and any(e.selfsupervised and e.name not in _BESIDE_LABELS for e in entries)


def can_do_without(objective: Any) -> bool:
    """Whether images without any label can be trained on with this objective."""
    return any(entry.selfsupervised for entry in _entries(objective))


def uses_unlabelled(objective: Any) -> bool:
    """Whether a term of the objective looks at images without labels; an own auxiliary term may."""
    return any(
        entry.needs_unlabelled or entry.selfsupervised or ("." in entry.name and not entry.primary)
        for entry in _entries(objective)
    )


def complete_goal(
    spec: StageSpec,
    sources: Sequence[StageData],
    heads: Sequence[Head],
    size: Sequence[int],
    training: Training,
    started: bool,
) -> tuple[Terms, Component]:
    """The objective and the scenario of a stage, with defaults.

    Where no term looks at them, images without labels are there to be scored on only
    (`unlabelled_ratio` 0): the comparison that a domain adaptation needs.

    Args:
        spec: the stage as resolved from the params.
        sources: its data sets.
        heads: one for each label that is learnt.
        size: of the images that the network gets.
        training: of the stage, completed for its images.
        started: whether it starts from earlier weights.

    Raises:
        InputError: what fits neither the labels nor the images.
    """
    from tlpy.objectives.registry import check_fit, complete_objective
    from tlpy.scenarios.registry import complete_scenario

    problems = Problems()
    objective: Terms = {}
    scenario: Component = {}
    beside = bool(heads) and any(not source.labelled for source in sources)
    where = f"{spec.where}.objective"
    try:
        objective = complete_objective(spec.objective, heads, where, started)
        check_fit(objective, where, size, beside, training.augmentation, training.datamodule)
        check_bins(objective, heads, sources, where)
    except InputError as error:
        problems.extend(error.problems)
    try:
        several = len(heads) > 1 or len(sources) > 1
        scenario = complete_scenario(spec.scenario, f"{spec.where}.scenario", several)
    except InputError as error:
        problems.extend(error.problems)
    classes = bool(heads) and heads[0].is_classification
    if spec.training.sampling == "oversample" and not classes:
        learnt = f"a {heads[0].type} of {heads[0].label}" if heads else "no label"
        message = f"there are no classes to even out: stage '{spec.name}' learns {learnt}"
        problems.add(f"{spec.where}.sampling", message, "shuffle, or oversample in the other stages only")
    elif spec.training.sampling == "oversample" and scenario.get("mixing") == "balanced":
        hint = "leave one of them out"
        problems.add(f"{spec.where}.sampling", "oversample can't be had with mixing: balanced", hint)
    problems.raise_if_any()
    if "unlabelled_ratio" in scenario and not (beside and uses_unlabelled(objective)):
        scenario["unlabelled_ratio"] = 0.0
    if "mixing" in scenario and sum(source.labelled == bool(heads) for source in sources) < 2:
        scenario["mixing"] = "concatenate"
    return objective, scenario


def _entries(objective: Any) -> list[ObjectiveEntry]:
    """The entries of the terms that are not switched off, of those that are known."""
    from tlpy.objectives.registry import OBJECTIVES, as_terms, entry_of

    acting = (name for name, setting in as_terms(objective, "").items() if setting not in (None, False, 0))
    return [entry_of(name) for name in acting if "." in name or name in OBJECTIVES]
