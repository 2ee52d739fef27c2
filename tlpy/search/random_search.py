"""Random search."""

from __future__ import annotations

import math
import random
from typing import Annotated, Any

from tlpy.components.rules import at_least
from tlpy.errors import InputError, Problem
from tlpy.search.base import Assignment, SearchMethod, Space, distinct


class Random(SearchMethod):
    """independent draws from the space

    Args:
        seed: of the draws; None: the run's.
    """

    def __init__(self, seed: Annotated[int, at_least(0)] | None = None) -> None:
        self.seed = seed

    def assignments(self, space: Space, trials: int | None, seed: int) -> list[Assignment]:
        """Up to `trials` distinct draws; draw i is the same whatever their number."""
        if trials is None:
            message = "is missing: random search needs the number of variants to draw"
            raise InputError([Problem("search.trials", message)])
        start = seed if self.seed is None else self.seed
        return distinct(_draw(space, random.Random(f"{start}/{trial}")) for trial in range(trials))


def _draw(space: Space, generator: random.Random) -> Assignment:
    return {path: _sample(values, generator) for path, values in space.items()}


def _sample(values: Any, generator: random.Random) -> Any:
    if isinstance(values, list):
        return values[generator.randrange(len(values))]
    low, high = values["min"], values["max"]
    if values.get("log"):
        value = math.exp(generator.uniform(math.log(low), math.log(high)))
    else:
        value = generator.uniform(low, high)
    return round(value) if values.get("integer") else float(f"{value:.6g}")
