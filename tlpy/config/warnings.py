"""What is allowed but should be known before a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from tlpy.config.catalogue import DataSet
from tlpy.config.execution import precision_warnings

FEW = 10


def plan_warnings(
    given: Collection[str], used: Mapping[str, DataSet], stages: Iterable[Mapping[str, Any]], accelerator: str
) -> list[str]:
    """One sentence each.

    Args:
        given: the names of the data sets in the params file.
        used: those that a stage uses.
        stages: the stage records.
        accelerator: the param.
    """
    stages = list(stages)
    unused = sorted(set(given) - {data.name for data in used.values()})
    found = [f"data set '{name}' is in no stage and was left alone" for name in unused]
    for name, data in used.items():
        classes = data.task.type in ("binary", "multiclass")
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
        record["name"]
        for record in stages
        if "elastic_penalty" in record["objective"] and record["training"]["optimizer"].get("weight_decay")
    }
    found += [
        f"stage '{name}': elastic_penalty and the optimizer's weight_decay both pull at the weights; "
        "set weight_decay: 0 to keep them near their start only"
        for name in sorted(decayed)
    ]
    return found + precision_warnings(accelerator, stages)
