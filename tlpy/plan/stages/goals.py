"""What a stage is trained for: its objective and its scenario, fitted to its data sets."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from tlpy.components.declarations import Declaration
from tlpy.errors import InputError, Problems
from tlpy.objectives.checks import check_fit
from tlpy.objectives.complete import as_terms, complete_objective
from tlpy.objectives.facts import TermFacts
from tlpy.objectives.registry import TERMS
from tlpy.plan.stages.bin_range import check_bins
from tlpy.plan.working import StageData, StageSpec
from tlpy.records import Component, Head, Terms, Training
from tlpy.scenarios.registry import complete_scenario


def learns_no_label(objective: Any) -> bool:
    """Whether the objective is one of self-supervised pretraining, which leaves labels alone."""
    facts = [term.facts for term in _acting(objective)]
    primary = any(term.primary for term in facts)
    return not primary and any(term.selfsupervised and not term.beside_labels for term in facts)


def can_do_without(objective: Any) -> bool:
    """Whether images without any label can be trained on with this objective."""
    return any(term.facts.selfsupervised for term in _acting(objective))


def uses_unlabelled(objective: Any) -> bool:
    """Whether a term of the objective looks at images without labels; an own auxiliary term may."""
    return any(
        term.facts.needs_unlabelled
        or term.facts.selfsupervised
        or ("." in term.name and not term.facts.primary)
        for term in _acting(objective)
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
    problems = Problems()
    objective: Terms = {}
    scenario: Component = {}
    beside = bool(heads) and any(not source.labelled for source in sources)
    where = f"{spec.where}.objective"
    try:
        objective = complete_objective(spec.objective, heads, where, started)
        vectors = sources[0].data.vectors
        check_fit(objective, where, size, beside, training.augmentation, training.datamodule, vectors)
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


def _acting(objective: Any) -> list[Declaration[TermFacts]]:
    """The terms that are not switched off, of those that are known."""
    found = []
    for name, setting in as_terms(objective, "").items():
        if setting in (None, False, 0):
            continue
        # What is wrong with a name or a class is told where the objective is completed.
        with suppress(InputError):
            found.append(TERMS.declaration(name))
    return found
