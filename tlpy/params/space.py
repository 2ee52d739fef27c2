"""The search space: from dotted paths with values or distributions to one assignment a variant."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping
from typing import Any

from tlpy.components.registry import Entry, Registry
from tlpy.digests import canonical
from tlpy.errors import InputError, Problem

METHODS = Registry(
    "search method",
    [
        Entry("grid", "tlpy.params.space:grid", summary="every combination of the listed values"),
        Entry("random", "tlpy.params.space:draw", {"seed": None}, summary="independent draws from the space"),
    ],
)

Space = Mapping[str, Any]
Settings = dict[str, Any]


def expand(search: Mapping[str, Any] | None, seed: int) -> list[Settings]:
    """All assignments a search asks for, in a stable order and each only once.

    Args:
        search: the `search` of a params file: `method`, `trials`, `space`; None for no search.
        seed: the run's seed, used by `random` unless the method has a seed of its own.

    Returns:
        One map from dotted path to value a variant; a single empty map where nothing is searched.

    Raises:
        InputError: for an unknown method, a grid over a distribution, or a random search without `trials`.
    """
    search = search or {}
    space: Space = search.get("space") or {}
    if not space:
        return [{}]
    method = METHODS.complete(search.get("method", "grid"), "search.method")
    if method["name"] == "grid":
        return grid(space)
    trials = search.get("trials")
    if trials is None:
        raise InputError(
            [Problem("search.trials", "is missing: random search needs the number of variants to draw")]
        )
    return draw(space, int(trials), seed if method["seed"] is None else int(method["seed"]))


def grid(space: Space) -> list[Settings]:
    """Every combination of the listed values; the last path varies fastest."""
    distributions = [path for path, values in space.items() if not isinstance(values, list)]
    if distributions:
        raise InputError(
            Problem(f"search.space.{path}", "is a distribution, which a grid cannot list", "method: random")
            for path in distributions
        )
    combinations = itertools.product(*space.values())
    return _distinct([dict(zip(space, values, strict=True)) for values in combinations])


def draw(space: Space, trials: int, seed: int) -> list[Settings]:
    """Up to `trials` distinct independent draws; draw i is the same whatever the number of trials."""
    settings = []
    for trial in range(trials):
        generator = random.Random(f"{seed}/{trial}")
        settings.append({path: _sample(values, generator) for path, values in space.items()})
    return _distinct(settings)


def _sample(values: Any, generator: random.Random) -> Any:
    if isinstance(values, list):
        return values[generator.randrange(len(values))]
    low, high = values["min"], values["max"]
    if values.get("log"):
        value = math.exp(generator.uniform(math.log(low), math.log(high)))
    else:
        value = generator.uniform(low, high)
    return round(value) if values.get("integer") else float(f"{value:.6g}")


def _distinct(settings: list[Settings]) -> list[Settings]:
    return list({canonical(assignment): assignment for assignment in settings}.values())


def space_problems(space: Space) -> list[Problem]:
    """Distributions whose bounds do not fit."""
    problems = []
    for path, values in space.items():
        if not isinstance(values, dict):
            continue
        low, high = values["min"], values["max"]
        if low >= high:
            problems.append(Problem(f"search.space.{path}", f"min {low} is not below max {high}"))
        elif values.get("log") and low <= 0:
            problems.append(
                Problem(f"search.space.{path}.min", f"is {low}: a logarithmic scale starts above 0")
            )
    return problems
