"""Searched values that stand for several: a way of transfer such as `bidirectional`, without its blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlpy import words
from tlpy.architectures.layer_names import block_names
from tlpy.architectures.registry import ARCHITECTURES, complete_architecture
from tlpy.components.registry import as_component
from tlpy.digests import canonical, digest
from tlpy.errors import InputError
from tlpy.params.assignment import stage_names, variant_params
from tlpy.params.schema import Schema
from tlpy.plan.plan_records import Inferred
from tlpy.search.base import Assignment, distinct
from tlpy.transfer.registry import TRANSFERS

_KEY = "transfer"


def expand(given: Mapping[str, Any], settings: Sequence[Assignment], schema: Schema) -> list[Assignment]:
    """The assignments, with each that names such a way in place of all that it stands for.

    How many that are follows from the layer groups of the assignment's architecture; where that is not known
    before it is built, the way is left as it is, and refused later. Where `search.trials` says how many
    assignments to try, one setting is drawn, by the assignment alone.

    Args:
        given: the params file.
        settings: what the search method chose.
        schema: has the default architecture.
    """
    drawn = (given.get("search") or {}).get("trials") is not None
    names = set(stage_names(given["stages"]))
    found: list[Assignment] = []
    for assignment in settings:
        several = [assignment]
        for path, value in assignment.items():
            if not _transfer_at(path, value, names):
                continue
            each = [_expanded(given, partly, path, schema) for partly in several]
            several = [one for some in each for one in ([_draw(some, path)] if drawn else some)]
        found += several
    return distinct(found)


def inferred_expansions(given: Mapping[str, Any], settings: Sequence[Assignment]) -> list[Inferred]:
    """What was searched in place of each listed value that stands for several."""
    found = []
    for path, listed in ((given.get("search") or {}).get("space") or {}).items():
        if not isinstance(listed, list):
            continue
        tried = {canonical(assignment[path]) for assignment in settings if path in assignment}
        names = [words.setting(value) for value in listed if canonical(value) not in tried]
        more = len(tried - {canonical(value) for value in listed})
        if names and more:
            what = f"{words.count(more, 'setting')} for {words.joined(names)}"
            found.append(Inferred(f"search.space.{path}", what, "by the architecture's layer groups"))
    return found


def _draw(several: Sequence[Assignment], path: str) -> Assignment:
    first = {key: value for key, value in several[0].items() if key != path}
    return several[int(digest([first, path, len(several)]), 16) % len(several)]


def _transfer_at(path: str, value: Any, stages: set[str]) -> bool:
    """Whether a searched value is, or holds, a way of transfer of ours that stands for several."""
    first, _, rest = path.partition(".")
    given = value.get(_KEY) if not rest and isinstance(value, Mapping) else value if rest == _KEY else None
    return first in stages and given is not None and bool(_settings(given, blocks=2))


def _expanded(
    given: Mapping[str, Any], assignment: Assignment, path: str, schema: Schema
) -> list[Assignment]:
    """The assignment with each setting that the value at `path` stands for."""
    value = assignment[path]
    whole = "." not in path
    blocks = _blocks(variant_params(given, assignment), schema)
    settings = _settings(value[_KEY] if whole else value, blocks) if blocks else []
    values = [{**value, _KEY: setting} if whole else setting for setting in settings]
    return [{**assignment, path: one} for one in values] or [assignment]


def _settings(value: Any, blocks: int) -> list[dict[str, Any]]:
    """What a way of transfer stands for; nothing where it is one setting, faulty, or of the user's own."""
    try:
        component = as_component(value)
        if component["name"] not in TRANSFERS:
            return []
        made = TRANSFERS.make(TRANSFERS.complete(component, _KEY))
    except InputError:  # told later, with its place
        return []
    return [dict(setting) for setting in made.settings(blocks)]


def _blocks(params: Mapping[str, Any], schema: Schema) -> int:
    """How many layer groups a variant's architecture has, heads included; 0 where that is not known."""
    try:
        given = params.get("architecture", schema.default("architecture"))
        architecture = complete_architecture(given, "architecture")
        if not ARCHITECTURES.facts(architecture["name"]).planned:
            return 0
        return len(block_names(architecture))
    except InputError:  # told later, with its place
        return 0
