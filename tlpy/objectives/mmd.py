"""Maximum mean discrepancy of features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, cast

import torch
from torch import Tensor, nn

from tlpy.architectures.base import Architecture
from tlpy.components.rules import Count, FromZero, at_least
from tlpy.objectives.base import Step, Term, nothing
from tlpy.records import Head


class MMD(Term):
    """multi-kernel maximum mean discrepancy of the features (Long 2015)

    Multi-kernel MMD² between the features of labelled and unlabelled images.

    mean k(s, s') + mean k(t, t') - 2 mean k(s, t), k the mean of Gaussians exp(-‖a - b‖² / h) whose
    widths h are the mean squared distance of the step's pairs times 2^i, i around 0 (Long et al. 2015,
    "Learning transferable features with deep adaptation networks"). A pair of one feature with itself is
    left out. With few images a step, features of the steps before stand beside the new ones, without a
    gradient (`queue`).

    Args:
        heads, weight: see `Term`.
        kernels: how many widths.
        queue: features of each domain to look at in all; 0: those of the step alone.
    """

    needs_unlabelled = True
    noun = "maximum mean discrepancy"
    cites = ("Long M, et al. Learning transferable features with deep adaptation networks. ICML 2015.",)

    aligns = True
    queued: Tensor
    filled: Tensor

    def __init__(
        self,
        heads: Sequence[Head],
        weight: FromZero = 1.0,
        kernels: Count = 5,
        queue: Annotated[int, at_least(0)] = 64,
    ) -> None:
        super().__init__(heads, weight)
        self.kernels, self.queue = int(kernels), int(queue)

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        del loaded, targets
        features = cast(Architecture, architecture).features
        self.register_buffer("queued", torch.zeros(2, self.queue, features))
        self.register_buffer("filled", torch.zeros(2, dtype=torch.long))

    def forward(self, step: Step) -> Tensor:
        if step.features is None or step.unlabelled_features is None:
            return nothing(step)
        source = self._with_queue(0, step.features.float(), step.training)
        target = self._with_queue(1, step.unlabelled_features.float(), step.training)
        if min(len(source), len(target)) < 2:
            return nothing(step)
        return mmd(source, target, self.kernels)

    def _with_queue(self, domain: int, features: Tensor, training: bool) -> Tensor:
        """The new features, then those of the last steps up to `queue`; the new ones are remembered."""
        if not self.queue:
            return features
        kept = self.queued[domain, : int(self.filled[domain])]
        found = torch.cat([features, kept[: max(0, self.queue - len(features))]])
        if training:
            newest = torch.cat([features.detach(), kept])[: self.queue]
            self.queued[domain, : len(newest)] = newest
            self.filled[domain] = len(newest)
        return found


def mmd(source: Tensor, target: Tensor, kernels: int = 5) -> Tensor:
    """Unbiased multi-kernel MMD² between (n, d) and (m, d) features, n and m at least 2."""
    n, m = len(source), len(target)
    both = torch.cat([source, target])
    squares = both.square().sum(1)
    distances = (squares[:, None] + squares - 2 * both @ both.T).clamp(min=0)
    pairs = (n + m) * (n + m - 1)
    width = (distances.detach().sum() / pairs).clamp(min=1e-12)
    scales = [2.0 ** (place - kernels // 2) for place in range(kernels)]
    kernel = torch.stack([(-distances / (width * scale)).exp() for scale in scales]).mean(0)
    kernel = kernel - torch.diag(kernel.diagonal())
    within = kernel[:n, :n].sum() / (n * (n - 1)) + kernel[n:, n:].sum() / (m * (m - 1))
    return within - 2 * kernel[:n, n:].mean()
