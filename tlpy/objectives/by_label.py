"""A term of its own for each label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from tlpy.objectives.base import Step, Term
from tlpy.records import Head


class ByLabel(Term):
    """The mean over labels of a term for each, which sees its label alone.

    Args:
        heads, weight: see `Term`.
        terms: by label.
    """

    def __init__(self, heads: Sequence[Head], terms: Mapping[str, Term], weight: float = 1.0) -> None:
        super().__init__(heads, weight)
        self.labels = tuple(terms)
        self.terms = nn.ModuleList(terms.values())

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        for label, term in self.by_label():
            term.scales = self.scales
            own = None if targets is None else {label: targets[label]}
            term.start(architecture, loaded, own)

    def by_label(self) -> list[tuple[str, Term]]:
        """Label and term of each."""
        return [(label, cast(Term, term)) for label, term in zip(self.labels, self.terms, strict=True)]

    def values(self, step: Step) -> dict[str, Tensor]:
        """Each label's value, its term's weight applied."""
        found = {}
        for label, term in self.by_label():
            own = replace(step, outputs={label: step.outputs[label]}, targets={label: step.targets[label]})
            found[label] = term(own).reshape(()) * term.weight
        return found

    def forward(self, step: Step) -> Tensor:
        return torch.stack(list(self.values(step).values())).mean()
