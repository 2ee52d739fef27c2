"""Whether the terms of an objective fit a stage's images. Imports no torch: planning reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlpy.components import rules
from tlpy.errors import Problems
from tlpy.objectives.registry import TERMS
from tlpy.objectives.term_arguments import check_views
from tlpy.records import Terms


def check_fit(
    objective: Terms,
    where: str,
    size: Sequence[int] | None = None,
    unlabelled: bool = True,
    augmentation: Sequence[Mapping[str, Any]] | None = None,
    datamodule: Mapping[str, Any] | None = None,
    vectors: bool = False,
) -> None:
    """Whether the terms fit the stage's images.

    Args:
        objective: completed.
        where: the param's path, for messages.
        size: the images' spatial size.
        unlabelled: whether the stage has `unlabelled` images.
        augmentation: the stage's augmentation, completed.
        datamodule: its data module, completed; it may have augmentations of its own.
        vectors: whether the images are vectors.

    Raises:
        InputError: a term for other images, one that needs images without labels, one whose task an
            augmentation undoes, be it the data module's, or several that each have the network judged by a
            moving average of their own.
    """
    from tlpy.data.modules.registry import augmentations_of, augmenting_argument

    problems = Problems()
    used = {str(step["name"]) for step in augmentation or ()}
    brought = set(augmentations_of(datamodule)) if datamodule else set()
    for name, arguments in objective.items():
        term, place = TERMS.declaration(name), f"{where}.{name}"
        facts = term.facts
        if facts.needs_unlabelled and not unlabelled:
            problems.add(
                place, f"{term.shown} needs images without labels", "name their data set as `unlabelled`"
            )
        if vectors and not facts.vectors:
            problems.add(place, f"{term.shown} is for images, these are vectors without neighbours")
        elif size is not None and len(size) not in facts.dims:
            allowed = " or ".join(map(str, facts.dims))
            problems.add(place, f"{term.shown} is for images with {allowed} axes, these have {len(size)}")
        for clash in sorted(used & set(facts.conflicts)):
            problems.add(
                place, f"{term.shown} can't learn what the augmentation {clash} changes", "take one out"
            )
        if datamodule and (clashes := sorted(brought & set(facts.conflicts))):
            changes = f"changes ({', '.join(clashes)})"
            message = f"{term.shown} can't learn what the data module {datamodule['name']} {changes}"
            switch = augmenting_argument(datamodule)
            problems.add(place, message, f"{f'give it `{switch}: false`, or ' if switch else ''}take one out")
        if size is not None:
            check_views(facts, arguments, place, size, problems, vectors)
    averaging = [name for name in objective if _averages(name, objective[name])]
    if len(averaging) > 1:
        message = f"{' and '.join(averaging)} each hold a moving average of the network to be judged and kept"
        able = [name for name in averaging if rules.is_number(objective[name].get("ema"))]
        off = f", or give {' or '.join(able)} `ema: 0`" if able else ""
        problems.add(where, message, f"take one out{off}")
    problems.raise_if_any()


def _averages(name: str, arguments: Mapping[str, Any]) -> bool:
    return TERMS.facts(name).averages and arguments.get("ema") != 0
