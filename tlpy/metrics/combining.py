"""How what is predicted of several images becomes one answer. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        tasks: the types of task that it makes sense for.
        words: what an answer is under it.
    """

    tasks: tuple[str, ...]
    words: str


_CALLED = ("binary", "multiclass", "multilabel")
RULES: Mapping[str, Rule] = {
    "mean": Rule(("regression", *_CALLED), "the mean of what is predicted"),
    # Those of several classes are brought to a sum of 1 again.
    "max": Rule(("regression", *_CALLED), "the largest of what is predicted"),
    "any": Rule(("binary", "multilabel"), "positive where one image alone is called so"),
    "vote": Rule(_CALLED, "the share of the images that are called so"),
}
