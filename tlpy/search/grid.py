"""Grid search."""

from __future__ import annotations

import itertools

from tlpy.errors import InputError, Problem
from tlpy.search.base import Assignment, SearchMethod, Space, distinct


class Grid(SearchMethod):
    """every combination of the listed values"""

    def assignments(self, space: Space, trials: int | None, seed: int) -> list[Assignment]:
        """The last path varies fastest. Raises `InputError` for distributions, which nobody can list."""
        del trials, seed
        distributions = [path for path, values in space.items() if not isinstance(values, list)]
        if distributions:
            what, hint = "is a distribution, which a grid cannot list", "method: random"
            raise InputError(Problem(f"search.space.{path}", what, hint) for path in distributions)
        combinations = itertools.product(*space.values())
        return distinct(dict(zip(space, values, strict=True)) for values in combinations)
