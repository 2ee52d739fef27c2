"""Whether a way of transfer fits the network and the training part of its stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tlpy import words
from tlpy.architectures.layer_names import block_names, check_layer, layer_names
from tlpy.errors import InputError, Problem, nearest
from tlpy.plan.working import StageData
from tlpy.transfer.registry import TRANSFERS


def layer_problems(
    transfer: Mapping[str, Any], architecture: Mapping[str, Any], where: str
) -> Iterator[Problem]:
    """Layers that a way names and that an architecture, which planning can ask, does not have."""
    if transfer.get("up_to"):
        try:
            check_layer(architecture, transfer["up_to"], f"{where}.up_to")
        except InputError as error:
            yield from error.problems
    if transfer["name"] in TRANSFERS and transfer.get("target"):
        known = [*layer_names(architecture), *block_names(architecture)]
        for target in transfer["target"]:
            wanted = target.removeprefix("encoder.")
            if not any(f".{wanted}." in f".{name}." for name in known):
                message = f"{architecture['name']} has no layer '{target}'"
                hint = nearest(wanted, known, f"the first are {', '.join(known[:4])}")
                yield Problem(f"{where}.target", message, hint)


def held_back_problems(
    transfer: Mapping[str, Any] | None, sources: Sequence[StageData], where: str
) -> list[Problem]:
    """A way that keeps a share of the training part for itself, where that has no two units."""
    if transfer is None or transfer["name"] not in TRANSFERS or not TRANSFERS.make(transfer).held_back:
        return []
    learnt = [source for source in sources if source.labelled] or sources
    units = sum(source.subjects.groups["train"] for source in learnt)
    if units > 1:
        return []
    found = f"the training part has {words.count(units, 'subject or group', 'subjects or groups')}"
    message = f"{transfer['name']} keeps a share of the training part for itself, but {found}"
    return [Problem(where, message, "use more images, or a larger train_size")]
