"""What PLAN hands to PLAIN: which baseline is fitted to what."""

from __future__ import annotations

from dataclasses import dataclass

from tlpy.records import Component, Head, Judged, Record, Source


@dataclass(frozen=True)
class PlainFit(Judged):
    """A baseline and one split: everything that determines what it answers.

    Attributes:
        id: the hash of the rest, but for names, and of the code.
        sources, heads, metric: as of the stage that it is compared with, see `tlpy.records.Stage`.
        seed: of the replicate; 0 for a baseline that draws no random numbers.
    """

    id: str
    component: Component
    sources: tuple[Source, ...]
    heads: tuple[Head, ...]
    metric: str
    seed: int


@dataclass(frozen=True)
class PlainPack(Record):
    """The fits of one target, made by one task."""

    id: str
    fits: tuple[PlainFit, ...]
