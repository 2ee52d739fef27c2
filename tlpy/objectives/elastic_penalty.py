"""The elastic penalty: weights stay near those they started from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlpy.components.rules import FromZero
from tlpy.objectives.base import Step, Term
from tlpy.records import Head

NORMALISATIONS = (
    nn.modules.batchnorm._NormBase,  # batch and instance normalisation
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)
_PREFIX = "start/"


class ElasticPenalty(Term):
    """L2-SP (Li 2018): keeps weights near those they started from

    L2-SP, "starting point as the reference" (Li, Grandvalet & Davoine 2018, eq. 3).

        (alpha/2) Σ_{i in S} (w_i - w⁰_i)²  +  (beta/2) Σ_{i not in S} w_i²

    S are the parameters taken over from an earlier stage, w⁰ their values then; the others (a new
    head) are drawn towards zero. Parameters of normalisation layers are left out, as in the paper,
    and so is what is frozen, which would only add a constant. It is a weight decay: give the
    optimizer none beside it.

    w⁰ lies in buffers: it moves with the module to the device and is in its `state_dict`, so that a
    checkpoint goes on from the true start.

    Args:
        heads: see `Term`; unused.
        alpha: pull towards the start, at least 0 (the paper: 0.1 at a learning rate of 0.01; 0.01 here).
        beta: pull of new parameters towards zero, at least 0.
    """

    needs_start = True
    decays = True
    number = "alpha"
    strengths = ("alpha", "beta")
    noun = "an elastic penalty (L2-SP)"
    cites = (
        "Li X, Grandvalet Y, Davoine F. Explicit inductive bias for transfer learning with convolutional "
        "networks. ICML 2018.",
    )

    def __init__(self, heads: Sequence[Head], alpha: FromZero = 0.01, beta: FromZero = 0.01) -> None:
        super().__init__(heads)
        if alpha < 0 or beta < 0:
            raise ValueError(f"alpha and beta: expected numbers of at least 0, found {alpha} and {beta}")
        self.alpha, self.beta = float(alpha), float(beta)
        self._frozen: frozenset[str] = frozenset()

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        """Remember the taken-over parameters as they are now."""
        del targets
        found = penalised(architecture)
        # By name: a moving average of the network has no gradients at all.
        self._frozen = frozenset(name for name, parameter in found if not parameter.requires_grad)
        for name in [name for name in self._buffers if name.startswith(_PREFIX)]:
            del self._buffers[name]
        for name, parameter in found:
            if name in loaded:
                self.register_buffer(_key(name), parameter.detach().clone())

    def forward(self, step: Step) -> Tensor:
        taken, new = [], []
        for name, parameter in penalised(step.architecture):
            if name in self._frozen:
                continue
            start = self._buffers.get(_key(name))
            # One fused operation each way instead of a difference, a square and a sum.
            if start is not None:
                taken.append(functional.mse_loss(parameter, start, reduction="sum"))
            else:
                new.append(functional.mse_loss(parameter, torch.zeros_like(parameter), reduction="sum"))
        zero = step.images.new_zeros((), dtype=torch.float32)
        pull = torch.stack(taken).sum() if taken else zero
        decay = torch.stack(new).sum() if new else zero
        return self.alpha / 2 * pull + self.beta / 2 * decay

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Take the start from a checkpoint, whether or not `start` was called before."""
        for name in state_dict:
            key = name.removeprefix(prefix)
            if name.startswith(prefix + _PREFIX) and key not in self._buffers:
                self.register_buffer(key, torch.empty_like(state_dict[name]))
        super()._load_from_state_dict(state_dict, prefix, *rest)


def penalised(architecture: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Names and parameters outside normalisation layers, in definition order."""
    owners = {
        f"{owner}.{name}" if owner else name
        for owner, module in architecture.named_modules()
        if isinstance(module, NORMALISATIONS)
        for name, _ in module.named_parameters(recurse=False)
    }
    return [(name, parameter) for name, parameter in architecture.named_parameters() if name not in owners]


def _key(name: str) -> str:
    # A buffer's name may hold no dot.
    return _PREFIX + name.replace(".", "/")
