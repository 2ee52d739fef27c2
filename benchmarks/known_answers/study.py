"""What a study is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from known_answers.people import People, load_people

Result = dict[str, float]


@dataclass(frozen=True)
class Study:
    """One question: a training for each method, and what must come out.

    Attributes:
        run: (people, seed, folder, method, epochs) to its numbers.
        methods: the first is the one that the others are compared with.
        epochs: of the training that the question is about.
        metric: what they are compared by.
        lower: whether less is better.
        besides: a further metric that they are compared by, where more is better.
        first: None: all seeds split the same people. A number: seed k has people, and two scanners, of its
            own, simulated with seed first + k.
        blur_alone: see `simulate_people`.
        least: how many people there are at least.
    """

    run: Callable[[People, int, Path, str, int], Result]
    methods: tuple[str, ...]
    epochs: int
    metric: str
    lower: bool
    besides: str | None = None
    first: int | None = None
    blur_alone: bool = False
    least: int = 0

    def people(self, n: int, folder: Path | None, seed: int) -> People:
        """Who is in it with this seed; kept in `folder` where one is given."""
        seed = 0 if self.first is None else self.first + seed
        return load_people(max(n, self.least), folder, seed, self.blur_alone)
