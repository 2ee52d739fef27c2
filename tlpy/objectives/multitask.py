"""Several heads at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from tlpy.components.rules import FromZero
from tlpy.objectives.base import Objective, Step, Term
from tlpy.objectives.build import make_term
from tlpy.objectives.registry import default_primary
from tlpy.records import REGRESSION, Head

UNCERTAINTY = "uncertainty"
# e^-5 to e^5: beyond, a head has as good as no weight, or nothing but it counts.
_LIMIT = 5.0


class Multitask(Term):
    """A sum over heads, with fixed weights or by uncertainty (Kendall 2018)

    A sum over heads: Σ w_h L_h, or Σ e^{-s_h} c_h L_h + s_h with learnt s_h (Kendall et al. 2018, eq. 10).

    s is the logarithm of a head's variance, from -5 to 5; c is ½ for a regression, else 1. A head without
    any known label in a batch gives 0, moves nothing, and leaves its s as it is.

    Args:
        heads, weight: see `Term`.
        weights: `uncertainty`, a weight by label (1 where one is not named), or one for all.
        terms: `{label: {term: arguments}}`; a label that is not named has the default of its type.

    Raises:
        ValueError: `weights` is something else.
    """

    primary = True
    per_label = True
    noun = "the sum of the losses of all labels"
    cites_with = (
        (
            "weights",
            UNCERTAINTY,
            "Kendall A, Gal Y, Cipolla R. Multi-task learning using uncertainty to weigh losses for scene "
            "geometry and semantics. CVPR 2018.",
        ),
    )

    def __init__(
        self,
        heads: Sequence[Head],
        weight: FromZero = 1.0,
        weights: Any = 1.0,
        terms: Any = None,
    ) -> None:
        super().__init__(heads, weight)
        self.labels = tuple(head.label for head in heads)
        self.objectives = nn.ModuleList()
        for head in heads:
            given = (terms or {}).get(head.label) or {default_primary(head.type): {}}
            made = {name: make_term(name, arguments, [head]) for name, arguments in given.items()}
            self.objectives.append(Objective(made))
        self.halves = [0.5 if head.type == REGRESSION else 1.0 for head in heads]
        self.log_variance: nn.Parameter | None = None
        if weights == UNCERTAINTY:
            self.log_variance = nn.Parameter(torch.zeros(len(heads)))
        elif isinstance(weights, str):
            raise ValueError(f"weights: expected {UNCERTAINTY} or numbers, found {weights}")
        else:
            by_label = weights if isinstance(weights, Mapping) else dict.fromkeys(self.labels, weights)
            self.fixed = [float(by_label.get(label, 1.0)) for label in self.labels]

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        for label, objective in self._by_label():
            own = None if targets is None else {label: targets[label]}
            objective.start(architecture, loaded, own, self.scales)

    def undecayed(self) -> list[nn.Parameter]:
        return [] if self.log_variance is None else [self.log_variance]

    def forward(self, step: Step) -> Tensor:
        values = []
        for place, (label, objective) in enumerate(self._by_label()):
            targets = step.targets[label]
            own = replace(step, outputs={label: step.outputs[label]}, targets={label: targets})
            loss = objective(own)[0]
            if self.log_variance is None:
                values.append(self.fixed[place] * loss)
                continue
            s = _bounded(self.log_variance[place])
            # NaN and -1 are missing.
            known = (~torch.isnan(targets) if targets.is_floating_point() else targets >= 0).any()
            values.append(torch.where(known, (-s).exp() * self.halves[place] * loss + s, 0 * loss))
        return torch.stack(values).sum()

    def _by_label(self) -> list[tuple[str, Objective]]:
        return [(label, cast(Objective, o)) for label, o in zip(self.labels, self.objectives, strict=True)]


def _bounded(s: Tensor) -> Tensor:
    """s within its limits, with the gradient of s, so that it can come back from beyond."""
    return s + (s.clamp(-_LIMIT, _LIMIT) - s).detach()
