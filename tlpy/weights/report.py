"""What became of every weight when a network took over those of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tlpy import words
from tlpy.architectures.base import Block
from tlpy.errors import Problem

ENCODER = "encoder."
_SHOWN = 3


@dataclass
class LoadReport:
    """What became of every weight.

    Attributes:
        prefix: what stood before the encoder's names in the file.
        names: who writes names as the file does; empty: they are the network's own.
        matched: names in the network that were taken over as they are.
        adapted: names in the network, with how their shape was changed.
        new: names in the network that keep their random start, with the reason.
        skipped: names in the file that were not used, with the reason.
        heads: by label, what became of the network's head.
        converted: types in the file that are not the network's, with how many of its tensors had them.
        parameters: how many numbers each parameter of the network has, to tell them from buffers.
        blocks: the network's layer groups.
    """

    prefix: str = ""
    names: str = ""
    matched: list[str] = field(default_factory=list)
    adapted: dict[str, str] = field(default_factory=dict)
    new: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    converted: dict[str, int] = field(default_factory=dict)
    parameters: dict[str, int] = field(default_factory=dict)
    blocks: Sequence[Block] = ()

    @property
    def loaded(self) -> frozenset[str]:
        """Names of the parameters that were taken over, as they are or adapted."""
        return frozenset(self.parameters) & frozenset([*self.matched, *self.adapted])

    @property
    def share(self) -> float:
        """The share of the encoder's parameters, counted in numbers, that was taken over."""
        encoder = {name: count for name, count in self.parameters.items() if name.startswith(ENCODER)}
        return sum(encoder[name] for name in self.loaded if name in encoder) / max(1, sum(encoder.values()))

    def too_little(self, at_least: float, where: str, what: str) -> Problem:
        """What to say where this is less than was asked for.

        Args:
            at_least: the share of the encoder's parameters.
            where: the param's path, for the message.
            what: the file and the network, in words.
        """
        least, found = words.share(at_least), words.share(self.share)
        message = f"{what}: fills {found} of the encoder's parameters, at_least asks for {least}"
        lacking = [
            f"{name.removeprefix(ENCODER)}: {why}" for name, why in self.new.items() if ENCODER in name
        ]
        rest = f" and {len(lacking) - _SHOWN:,} more" if len(lacking) > _SHOWN else ""
        return Problem(where, message, f"left at random: {'; '.join(lacking[:_SHOWN])}{rest}")

    def layers(self) -> list[dict[str, Any]]:
        """By layer group, in definition order: its parameters, counted in numbers, by what became of them."""
        matched = set(self.matched)
        found = []
        for block in self.blocks:
            counts = {"matched": 0, "adapted": 0, "new": 0}
            for name in block.parameters:
                key = "matched" if name in matched else "adapted" if name in self.adapted else "new"
                counts[key] += self.parameters[name]
            total = sum(counts.values())
            if total:
                share = round(1 - counts["new"] / total, 4)
                found.append({"layer": block.name, "parameters": total, **counts, "share": share})
        return found

    def as_dict(self) -> dict[str, Any]:
        """For `load_report.json`; names sorted, layers in definition order."""
        counts = {key: len(getattr(self, key)) for key in ("matched", "adapted", "new", "skipped")}
        return {
            "prefix": self.prefix,
            "names": self.names,
            "share_of_encoder": round(self.share, 4),
            "layers": self.layers(),
            "counts": counts,
            "converted": dict(sorted(self.converted.items())),
            "heads": dict(sorted(self.heads.items())),
            "matched": sorted(self.matched),
            "adapted": dict(sorted(self.adapted.items())),
            "new": dict(sorted(self.new.items())),
            "skipped": dict(sorted(self.skipped.items())),
        }
