"""What a study is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from known_answers.people import People

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
    """

    run: Callable[[People, int, Path, str, int], Result]
    methods: tuple[str, ...]
    epochs: int
    metric: str
    lower: bool
