"""What a search method is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from tlpy.components.facts import Facts
from tlpy.digests import canonical

# Dotted path → a list of values, or a distribution `{min, max, log, integer}`.
Space = Mapping[str, Any]
# Dotted path → value.
Assignment = dict[str, Any]


class SearchMethod(Facts, ABC):
    """Chooses assignments of a space. An own method is a subclass, named by class path."""

    @abstractmethod
    def assignments(self, space: Space, trials: int | None, seed: int) -> list[Assignment]:
        """The assignments to try; the same for the same arguments.

        Args:
            space: what is searched; never empty.
            trials: `search.trials`, how many to try; None where the params file says nothing.
            seed: of the run.

        Returns:
            A value for each path of the space, each assignment once.

        Raises:
            InputError: what the space or `trials` lacks for this method.
        """


def distinct(assignments: Iterable[Assignment]) -> list[Assignment]:
    """Each assignment once, in order."""
    return list({canonical(assignment): assignment for assignment in assignments}.values())
