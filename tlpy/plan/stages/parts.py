"""Whether a stage's data set has the parts that the stage needs: fractions of 0 are allowed where none is."""

from __future__ import annotations

from collections.abc import Sequence

from tlpy.errors import Problem
from tlpy.plan.working import StageData, StageSpec


def part_problems(spec: StageSpec, sources: Sequence[StageData]) -> list[Problem]:
    """A problem for each part that is missing in the data set that the stage is judged by.

    Args:
        spec: the stage.
        sources: its data sets, the one that it is judged by first.
    """
    first = sources[0]
    where, counts, found = f"datasets.{first.data.name}.split", first.subjects.counts, []
    ranked = spec.role == "finetune"
    by_epoch = spec.training.keep == "best" or spec.training.early_stopping is not None
    if not counts["val"] and (ranked or by_epoch):
        use = "variants are chosen by it" if ranked else f"stage '{spec.name}' chooses its epoch by it"
        hint = "" if ranked else "or set keep: last, without early_stopping"
        found.append(Problem(where, f"there is no validation part, but {use}", hint))
    if not counts["test"] and ranked:
        message = "there is no test part, but variants are scored on it"
        found.append(Problem(where, message, "data sets under `external` are scored beside it"))
    return found
