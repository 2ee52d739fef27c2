"""What the components of a run are called, and what is to be cited for them: each says so itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from tlpy.architectures.registry import ARCHITECTURES
from tlpy.components.facts import Facts
from tlpy.components.registry import Registry
from tlpy.data.augmentation.registry import AUGMENTATIONS
from tlpy.data.modules.registry import DATAMODULES
from tlpy.data.readers.registry import READERS
from tlpy.errors import InputError
from tlpy.objectives.registry import TERMS
from tlpy.optimizers.registry import OPTIMIZERS, SCHEDULES
from tlpy.plain.registry import PLAIN
from tlpy.plan.plan_records import Plan
from tlpy.records import Stage
from tlpy.scenarios.registry import SCENARIOS
from tlpy.transfer.registry import TRANSFERS

FactsT = TypeVar("FactsT", bound=Facts)

# Whatever was run.
CITED = (
    "Schulz M-A, Albrecht JP, Yilmaz A, et al. TLIMB – A transfer learning framework for image analysis of "
    "the brain.",
    "Di Tommaso P, et al. Nextflow enables reproducible computational workflows. Nat Biotechnol 2017; "
    "35:316–319.",
    "Paszke A, et al. PyTorch: an imperative style, high-performance deep learning library. NeurIPS 2019.",
    "Ewels P, et al. MultiQC: summarize analysis results for multiple tools and samples in a single report. "
    "Bioinformatics 2016; 32:3047–3048.",
    "Efron B, Tibshirani RJ. An introduction to the bootstrap. Chapman & Hall, 1993.",
    "Wilson EB. Probable inference, the law of succession, and statistical inference. J Am Stat Assoc 1927; "
    "22:209–212.",
    "The gain over no transfer is Eq. 1 of: Cats, not CAT scans: a study of dataset similarity in transfer "
    "learning for 2D medical image classification.",
)

# Where a training option, which is no component, asks for it.
ADABN = (
    "Li Y, Wang N, Shi J, et al. Revisiting batch normalization for practical domain adaptation. "
    "arXiv:1603.04779, 2016."
)


def known_facts(registry: Registry[FactsT], name: str) -> type[FactsT] | None:
    """What a component says of itself; None where an own one is no longer there."""
    try:
        return registry.facts(name)
    except InputError:
        return None


def called(registry: Registry[Any], name: str) -> str:
    """What a component is called in a text: by its noun, else by its name."""
    facts = known_facts(registry, name)
    return (facts.noun if facts else "") or (name.replace("_", " ") if name in registry else name)


def citations(plan: Plan) -> list[str]:
    """The references of a run, each once: what is cited always, then objectives, then other components."""
    stages = list(plan.stages.values())
    terms = {pair for stage in stages for pair in _of_objective(stage.objective)}
    used = [pair for stage in stages for pair in _components(stage)]
    used += [(READERS, facts.reader["name"]) for facts in plan.datasets.values()]
    used += [(PLAIN, one.component["name"]) for one in plan.plain]
    found = [*CITED, *(text for _, text in sorted(terms))]
    if any(stage.training.adabn for stage in stages):
        found.append(ADABN)
    for registry, name in used:
        facts = known_facts(registry, name)
        found += facts.cites if facts else ()
    return list(dict.fromkeys(found))


def _of_objective(objective: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """The terms of an objective, with each reference that they and their arguments ask for."""
    for term, arguments in objective.items():
        facts = known_facts(TERMS, term)
        if facts is None:
            continue
        yield from ((term, text) for text in facts.cites)
        yield from ((term, text) for name, value, text in facts.cites_with if arguments.get(name) == value)
        if facts.per_label:
            for inner in arguments["terms"].values():
                yield from _of_objective(inner)


def _components(stage: Stage) -> Iterator[tuple[Registry[Any], str]]:
    """Every other component of a stage."""
    training = stage.training
    yield ARCHITECTURES, stage.architecture["name"]
    yield SCENARIOS, stage.scenario["name"]
    if stage.transfer is not None:
        yield TRANSFERS, stage.transfer["name"]
    yield OPTIMIZERS, training.optimizer["name"]
    yield SCHEDULES, training.schedule["name"]
    yield DATAMODULES, training.datamodule["name"]
    for step in training.augmentation or ():
        yield AUGMENTATIONS, step["name"]
