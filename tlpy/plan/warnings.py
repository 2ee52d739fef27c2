"""What is allowed but should be known before a run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from tlpy import words
from tlpy.architectures.registry import ARCHITECTURES, blamed, family_of
from tlpy.digests import canonical
from tlpy.objectives.registry import TERMS
from tlpy.plan.execution_settings import precision_warnings
from tlpy.plan.working import DataSet
from tlpy.records import Stage

FEW = 10


def plan_warnings(
    given: Collection[str], used: Mapping[str, DataSet], stages: Iterable[Stage], accelerator: str
) -> list[str]:
    """One sentence each.

    Args:
        given: the names of the data sets in the params file.
        used: those that a stage uses.
        stages: all of the plan.
        accelerator: the param.
    """
    stages = list(stages)
    unused = sorted(set(given) - {data.name for data in used.values()})
    found = [f"data set '{name}' is in no stage and was left alone" for name in unused]
    for name, data in used.items():
        classes = any(head.is_classification for head in data.heads[:1])
        counts = Counter(data.strata().values()) if classes else Counter()
        if counts and min(counts.values()) < FEW:
            found.append(f"data set '{name}': the rarest class has only {min(counts.values())} images")
    found += [
        f"data set '{name}': {note}"
        for name, data in used.items()
        if data.filtered
        for note in data.filtered.notes
    ]
    decayed = {
        (stage.name, term)
        for stage in stages
        for term in stage.objective
        if TERMS.facts(term).decays and stage.training.optimizer.get("weight_decay")
    }
    found += [_pulled_twice(name, term) for name, term in sorted(decayed)]
    found += _single_voxels(stages)
    return found + precision_warnings(accelerator, stages)


def _single_voxels(stages: Iterable[Stage]) -> list[str]:
    """Networks that leave one voxel of the images of a stage."""
    # Stages that differ in anything else ask the same.
    different = {(one.name, canonical(one.architecture), one.input.size): one for one in stages}
    found: dict[str, None] = {}
    for stage in different.values():
        name, size = str(stage.architecture["name"]), stage.input.size
        facts = ARCHITECTURES.facts(name)
        if not facts.planned:
            continue
        with blamed(stage.architecture):
            left = family_of(stage.architecture).last_map(size)
        if left and math.prod(left) == 1 < math.prod(size):
            helps = f"; it leaves more with {facts.finer}" if facts.finer else ""
            what = f"stage '{stage.name}': the last map of {name} is a single voxel of images of"
            found[f"{what} {words.size(size)}{helps}"] = None
    return list(found)


def _pulled_twice(stage: str, term: str) -> str:
    doing = "keep them near their start only" if TERMS.facts(term).needs_start else f"leave it to {term}"
    return (
        f"stage '{stage}': {term} and the optimizer's weight_decay both pull at the weights; "
        f"set weight_decay: 0 to {doing}"
    )
