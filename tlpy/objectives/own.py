"""What an own term asks of a stage, read from its source. Imports no torch: planning reads it.

A class says it by plain attributes, such as `primary = True` and `tasks = ("regression",)`. A subclass of one
of our terms asks what that one asks, unless it says otherwise.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from tlpy.components import rules
from tlpy.components.legacy_source import Constant, Described, SourceTree
from tlpy.errors import Problem
from tlpy.objectives.entries import OBJECTIVES, TASKS, ObjectiveEntry

_TERM = "tlpy.objectives.base.Term"
_FLAGS = ("primary", "needs_start", "needs_unlabelled", "selfsupervised", "averages")


def _several(*values: Any) -> rules.Rule:
    shown = ", ".join(map(repr, values))
    return rules.Rule(
        lambda v: isinstance(v, tuple | list) and all(item in values for item in v), f"a tuple of {shown}"
    )


FACTS: dict[str, rules.Rule] = {
    **dict.fromkeys(_FLAGS, rules.FLAG),
    "tasks": _several(*TASKS),
    "dims": _several(1, 2, 3),
    "conflicts": rules.list_of(
        rules.Rule(lambda v: isinstance(v, str), "a name"), 0, None, "a tuple of names"
    ),
}


def entry_of(name: str, where: str | None = None) -> ObjectiveEntry:
    """The entry of a term, or of an own one by its class path; raises `InputError` for an unknown name."""
    return own_entry(name) if "." in name else OBJECTIVES.entry(name, where)


@cache
def own_entry(path: str) -> ObjectiveEntry:
    """What the class at a dotted path says of itself; of one whose source is not in sight, nothing.

    It is looked for where Python would import it from. `own_entry.cache_clear()` reads files anew.
    """
    path = path.replace(":", ".")
    entry = ObjectiveEntry(path, path, primary=False)
    tree = SourceTree(None, [Path(folder) for folder in sys.path if folder])
    try:
        found = tree.describe(path)
    except SyntaxError:  # told by `tlpy.components.legacy_parts`
        return entry
    if found is None or not found.is_class:
        return entry
    ours = {registered.target.replace(":", "."): registered for registered in _registered()}
    base = next((ours[name] for name in found.ancestors if name in ours), None)
    if base is not None:
        entry = replace(base, name=path, target=path, arguments={}, summary="")
    said = {
        name: constant
        for name, constant in found.constants.items()
        if name in FACTS and constant.owner != _TERM and FACTS[name].holds(constant.value)
    }
    # What one of our terms says of itself stands in its entry.
    said = {name: constant for name, constant in said.items() if base is None or constant.owner not in ours}
    facts = {name: _settled(constant) for name, constant in said.items()}
    return replace(entry, **facts, place=f"{found.file.name}, line {found.line}")


def fact_problems(found: Described, place: str, where: str) -> list[Problem]:
    """What a class says of itself that cannot be read, or means nothing.

    Args:
        found: the class.
        place: its name, file and line, for messages.
        where: the param's path.
    """
    problems = []
    for name, rule in FACTS.items():
        constant = found.constants.get(name)
        if constant is None or (constant.read and rule.holds(constant.value)):
            continue
        shown = repr(constant.value) if constant.read else "what only running it would tell"
        hint = "" if constant.read else "planning reads the file without running it: write the value out"
        problems.append(Problem(where, f"{place}: `{name}` is {shown}, expected {rule.expected}", hint))
    return problems


def _settled(constant: Constant) -> Any:
    return tuple(constant.value) if isinstance(constant.value, list) else constant.value


def _registered() -> list[ObjectiveEntry]:
    return [OBJECTIVES.entry(name) for name in OBJECTIVES.names()]
