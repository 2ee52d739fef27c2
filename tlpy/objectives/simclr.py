"""Contrastive learning: two views of an image are alike, those of different images are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlpy.architectures.base import Architecture
from tlpy.components.rules import Count, FromZero, Positive
from tlpy.objectives.base import Step, Term, nothing
from tlpy.objectives.views import Views
from tlpy.records import Head


class SimCLR(Term):
    """SimCLR (Chen 2020): two views of one image are alike

    NT-Xent over two views of each image (Chen et al. 2020, "A simple framework for contrastive learning").

    Views go through the encoder and a projection head of two layers, which does not stay. The batch gives
    the images to differ from: a larger one helps.

    Args:
        heads, weight: see `Term`.
        temperature: τ, above 0.
        projection: width of what is compared.
        augmentation: what a view is.
    """

    augmentations = ("augmentation",)
    noun = "a contrastive loss (SimCLR)"
    cites = (
        "Chen T, et al. A simple framework for contrastive learning of visual representations. ICML 2020.",
    )

    selfsupervised = True

    def __init__(
        self,
        heads: Sequence[Head],
        weight: FromZero = 1.0,
        temperature: Positive = 0.5,
        projection: Count = 128,
        augmentation: Any = "strong",
    ) -> None:
        super().__init__(heads, weight)
        self.temperature, self.projection = float(temperature), int(projection)
        self.views = Views(augmentation)

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        del loaded, targets
        features = cast(Architecture, architecture).features
        self.head = nn.Sequential(
            nn.Linear(features, features), nn.ReLU(), nn.Linear(features, self.projection)
        )

    def forward(self, step: Step) -> Tensor:
        images = step.all_images
        if len(images) < 2:
            return nothing(step)
        both = torch.cat([self.views(images, step), self.views(images, step)])
        encoder = cast(Architecture, step.architecture).encoder
        first, second = self.head(encoder(both)).float().chunk(2)
        return nt_xent(first, second, self.temperature)


def nt_xent(first: Tensor, second: Tensor, temperature: float = 0.5) -> Tensor:
    """-mean log (exp(s_ij / τ) / Σ_{k≠i} exp(s_ik / τ)), s cosines, (i, j) the two views of an image.

    Args:
        first, second: (n, width) the two views, n at least 2.
        temperature: τ.
    """
    n = len(first)
    views = functional.normalize(torch.cat([first, second]), dim=1)
    similar = views @ views.T / temperature
    similar = similar.masked_fill(torch.eye(2 * n, dtype=torch.bool, device=views.device), float("-inf"))
    partners = torch.arange(2 * n, device=views.device).roll(n)
    return functional.cross_entropy(similar, partners)
