"""How an external test set is prepared: as its target's images, where it does not say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlpy import words
from tlpy.data.labels import Task
from tlpy.errors import InputError, Problem
from tlpy.plan.data.catalogue import Catalogue
from tlpy.plan.data.contract_preprocessing import CONTRACT
from tlpy.plan.plan_records import Inferred
from tlpy.plan.working import DataSet

# Keys of a data set that say who is in which part: without effect where all are tested on.
OF_SPLITS = ("split", "within")


def spec_of(name: str, own: Mapping[str, Any], target: DataSet) -> dict[str, Any]:
    """The settings without those of labels and splits; the target's preprocessing where it says nothing.

    Raises `InputError` where its own is no map.
    """
    kept = {k: value for k, value in own.items() if k not in (*OF_SPLITS, "label", "task", "preprocessing")}
    said, theirs = own.get("preprocessing"), target.spec.get("preprocessing") or {}
    if said == CONTRACT:  # its target asks for the same, or says what it is instead
        said = None
    if said is not None and not isinstance(said, Mapping):
        message = f"is {said!r}; expected a map of settings"
        raise InputError([Problem(f"datasets.{name}.preprocessing", message)])
    merged = {**theirs, **(said or {})}
    return {**kept, "preprocessing": merged} if merged else kept


def with_size(
    name: str, spec: dict[str, Any], tasks: Mapping[str, Task], target: DataSet, catalogue: Catalogue
) -> dict[str, Any]:
    """The settings with the target's size, where none is said and the images as they come have another."""
    settings = spec.get("preprocessing") or {}
    if settings.get("size") is not None or settings.get("window") is not None:
        return spec
    try:
        if opened_as(name, spec, tasks, catalogue).size == target.size:
            return spec
    except InputError:
        # Images of several sizes are one such fault; the others show again.
        pass
    return {**spec, "preprocessing": {**settings, "size": list(target.size)}}


def opened_as(name: str, spec: Mapping[str, Any], tasks: Mapping[str, Task], catalogue: Catalogue) -> DataSet:
    """The data set with the columns of some tasks; raises `InputError` with all that is wrong with it."""
    columns = [column for label, task in tasks.items() for column in task.head(label).columns]
    return catalogue.dataset(name, {**spec, "label": columns}, tasks=tasks)


def differences(target: DataSet, data: DataSet) -> list[str]:
    """Where images are prepared in another way than the target's, as far as settings tell."""
    from tlpy.data import contract

    made = [
        contract.build(one.wanted.request["preprocessing"], one.channels, one.size, None, [], [])
        for one in (target, data)
    ]
    return [str(difference) for difference in contract.compare(made[0], made[1])]


def preparation_notes(name: str, data: DataSet, target: DataSet) -> list[Inferred]:
    """What of its preprocessing came from the target."""
    given = data.spec.get("preprocessing") or {}
    theirs = target.spec.get("preprocessing") or {}
    taken = {key: value for key, value in given.items() if key in theirs and theirs[key] == value}
    notes = []
    if taken:
        notes.append(
            Inferred(f"datasets.{name}.preprocessing", words.setting(taken), f"as of '{target.name}'")
        )
    if "size" not in theirs and given.get("size") == list(target.size):
        what = f"cropped or padded to {words.size(target.size)}"
        notes.append(Inferred(f"datasets.{name}.preprocessing.size", what, f"the size of '{target.name}'"))
    return notes
