"""An objective is a sum of terms. A term knows one step and no head counts in advance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn


@dataclass
class Step:
    """What one training step offers its terms.

    Attributes:
        architecture: the network as it is now.
        images: (batch, channels, *size).
        outputs: by label, (batch, outputs).
        targets: by label, (batch,); missing: NaN, or -1 where they are whole numbers.
        progress: share of the training that is done, 0 to 1.
    """

    architecture: nn.Module
    images: Tensor
    outputs: dict[str, Tensor]
    targets: dict[str, Tensor]
    progress: float = 0.0


class Term(nn.Module):
    """One part of an objective.

    An own term is a subclass named by class path. It is made with `task` and its arguments.

    Args:
        task: `{"type", "labels", "classes"}`.
        weight: what its value is multiplied with.
    """

    def __init__(self, task: Mapping[str, Any], weight: float = 1.0) -> None:
        super().__init__()
        self.task = dict(task)
        self.weight = float(weight)

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        """Called once, when weights are loaded and it is settled which of them may move.

        Args:
            architecture: the network.
            loaded: names of the parameters that were taken over from an earlier stage.
            targets: all targets of the training part by label.
        """

    def forward(self, step: Step) -> Tensor:
        """The term's value, a scalar, before its weight."""
        raise NotImplementedError


class Objective(nn.Module):
    """The weighted sum of its terms.

    Args:
        terms: by name, the primary one first.

    Raises:
        ValueError: there is no term.
    """

    def __init__(self, terms: Mapping[str, Term]) -> None:
        super().__init__()
        if not terms:
            raise ValueError("an objective needs at least one term")
        self.names = tuple(terms)
        self.primary = self.names[0]
        # By position: a class path has dots, which a module's name may not have.
        self.terms = nn.ModuleList(terms.values())

    def _named(self) -> list[tuple[str, Term]]:
        return [(name, cast(Term, term)) for name, term in zip(self.names, self.terms, strict=True)]

    def start(
        self,
        architecture: nn.Module,
        loaded: frozenset[str] | set[str],
        targets: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Tell each term what the training starts from; see `Term.start`."""
        for _, term in self._named():
            term.start(architecture, frozenset(loaded), targets)

    def forward(self, step: Step) -> tuple[Tensor, dict[str, Tensor]]:
        """The total, and each term's share of it (weights applied, detached): they sum to the total.

        Raises:
            ValueError: a term gives something else than one number.
        """
        shares = {}
        for name, term in self._named():
            value = term(step)
            if not isinstance(value, Tensor) or value.numel() != 1:
                found = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
                raise ValueError(f"objective {name}: expected one number per step, found {found}")
            shares[name] = value.reshape(()) * term.weight
        total = torch.stack(list(shares.values())).sum()
        return total, {name: share.detach() for name, share in shares.items()}


def mean_over_known(losses: Tensor, known: Tensor, weights: Tensor | None = None) -> Tensor:
    """The (weighted) mean of `losses` where `known`; 0, with a gradient of 0, where nothing is.

    Args:
        losses: one value per image; what is not known may hold anything finite.
        known: which of them count.
        weights: one weight per image.
    """
    share = known.to(losses.dtype) if weights is None else known * weights.to(losses.dtype)
    total = share.sum()
    return (losses * share).sum() / torch.where(total > 0, total, torch.ones_like(total))
