"""What is wrong with a search space itself."""

from __future__ import annotations

from tlpy.errors import Problem
from tlpy.search.base import Space


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
