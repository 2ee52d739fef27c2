"""Assigning searched values: a dotted path into a params file, W&B style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlpy.components.copies import copied
from tlpy.components.registry import as_component
from tlpy.errors import Problem, nearest
from tlpy.params.schema import Schema

# A path in the search may end inside these params, or name them whole.
SEARCHABLE_GROUPS = ("training_options",)
SEARCHABLE = ("architecture", "seed", "datasets")
# Values of these are components: a plain name grows into a map when a path goes into it.
COMPONENTS = ("architecture", "optimizer", "schedule", "transfer", "reader", "datamodule", "scenario")

DEFAULT_NAMES = {1: ["finetune"], 2: ["pretrain", "finetune"], 3: ["pretrain", "adapt", "finetune"]}


def stage_names(stages: Sequence[Mapping[str, Any]]) -> list[str]:
    """The stages' names; unnamed ones are called pretrain, adapt, finetune by their place, or stage1, …"""
    defaults = DEFAULT_NAMES.get(len(stages), [f"stage{place + 1}" for place in range(len(stages))])
    return [str(stage.get("name", default)) for stage, default in zip(stages, defaults, strict=True)]


def variant_params(params: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The params file of one variant: `settings` (dotted path → value) applied, `search` removed.

    A training default such as `lr` is set everywhere: it replaces what a stage had said of it.
    `none` for a whole stage takes the stage out of the chain.
    """
    result = {key: copied(value) for key, value in params.items() if key != "search"}
    stages = result["stages"]
    for stage, name in zip(stages, stage_names(stages), strict=True):
        stage["name"] = name
    by_name = {stage["name"]: stage for stage in stages}
    # General paths first, so that `finetune.lr` holds against `lr`.
    for path in sorted(settings, key=lambda path: (path.split(".")[0] in by_name, path.count("."))):
        first, *rest = path.split(".")
        value = copied(settings[path])
        if first not in by_name:
            _set(result, [first, *rest], value)
            if not rest:
                for stage in stages:
                    stage.pop(first, None)
        elif rest:
            _set(by_name[first], rest, value)
        elif value in (None, "none"):
            by_name[first]["skip"] = True
        else:
            by_name[first].update(value)
    result["stages"] = [stage for stage in stages if not stage.pop("skip", False)]
    return result


def _set(holder: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        inner = holder.get(key)
        if isinstance(inner, str) and key in COMPONENTS:
            inner = as_component(inner)
        elif isinstance(inner, str) and key == "objective":
            inner = {inner: {}}
        elif not isinstance(inner, dict):
            # A number for an objective term is its main argument; a path into the term replaces it.
            inner = {}
        holder[key] = inner
        holder = inner
    holder[keys[-1]] = value


def path_problems(params: Mapping[str, Any], schema: Schema) -> list[Problem]:
    """Search paths that hit nothing, and values that the schema forbids where they would be set."""
    problems: list[Problem] = []
    space = (params.get("search") or {}).get("space") or {}
    names = stage_names(params["stages"])
    tops = [*(name for group in SEARCHABLE_GROUPS for name in schema.group(group)), *SEARCHABLE]
    # Faults of the file itself are told once, not again for each searched value.
    known = set(schema.problems(variant_params(params, {})))
    for path, values in space.items():
        where = f"search.space.{path}"
        first, _, rest = path.partition(".")
        if first not in names and first not in tops:
            problems.append(Problem(where, "hits nothing in this file", nearest(first, [*names, *tops])))
            continue
        if first == "datasets":
            parts = rest.split(".")
            if not rest or parts[0] not in params["datasets"]:
                hint = nearest(parts[0], list(params["datasets"]))
                problems.append(Problem(where, f"there is no data set '{parts[0]}'", hint))
                continue
        for value in values if isinstance(values, list) else [values["min"], values["max"]]:
            if first in names and not rest and value not in (None, "none") and not isinstance(value, dict):
                problems.append(Problem(where, f"expected none or a map of a stage's keys, got '{value}'"))
                continue
            found = schema.problems(variant_params(params, {path: value}))
            problems += [
                Problem(where, f"{problem.message} ({_tail(problem.where)} = {value})", problem.hint)
                for problem in found
                if problem not in known
            ]
    return list(dict.fromkeys(problems))


def _tail(where: str) -> str:
    return where.rpartition(".")[2]
