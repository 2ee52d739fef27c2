"""Models Genesis: give back the image that was distorted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlpy.architectures.base import Architecture
from tlpy.components.rules import Count, FromZero, Share
from tlpy.objectives import distortions
from tlpy.objectives.base import Step, Term
from tlpy.objectives.decoder import encode_map, make_decoder
from tlpy.records import Head

Distortion = Callable[[Tensor, torch.Generator | None], Tensor]


class ModelsGenesis(Term):
    """Models Genesis (Zhou 2021): give back the image that was distorted

    mean (decode(encode(T(x))) - x)², T a random distortion of each image (Zhou et al. 2021).

    Mirrored (image and answer alike), then shuffled within small windows, then given a random curve of
    intensities, then painted over inside or outside of boxes. Images are scaled to [0, 1] by their lowest
    and highest value for that, and back to the network's scale after it. The paper takes small volumes out
    of scans (64x64x32); here an image is what PREPARE or a data module's crop gives. Its network is a U-Net
    whose decoder stays; here the encoder is trained through its last map, and the decoder goes.

    Args:
        heads, weight: see `Term`.
        nonlinear, shuffle, paint, flip: probability of each for an image.
        outpaint: share of painting that is outside of boxes.
        width: channels of the decoder's first step.
    """

    noun = "the restoration of distorted images (Models Genesis)"
    cites = ("Zhou Z, et al. Models Genesis. Med Image Anal 2021; 67:101840.",)

    selfsupervised = True
    vectors = False

    def __init__(
        self,
        heads: Sequence[Head],
        weight: FromZero = 1.0,
        nonlinear: Share = 0.9,
        shuffle: Share = 0.5,
        paint: Share = 0.9,
        outpaint: Share = 0.8,
        flip: Share = 0.4,
        width: Count = 128,
    ) -> None:
        super().__init__(heads, weight)
        self.nonlinear, self.shuffle, self.paint = float(nonlinear), float(shuffle), float(paint)
        self.outpaint, self.flip, self.width = float(outpaint), float(flip), int(width)

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        del loaded, targets
        self.decoder = make_decoder(cast(Architecture, architecture), self.width)

    def forward(self, step: Step) -> Tensor:
        distorted, true = self.distort(step.all_images, step.generator)
        found = self.decoder(encode_map(cast(Architecture, step.architecture), distorted))
        return functional.mse_loss(found.float(), true.float())

    @torch.no_grad()
    def distort(self, images: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Distorted images and what they are to become, both in the scale of `images`."""
        axes = tuple(range(1, images.ndim))
        low = images.amin(axes, keepdim=True)
        span = (images.amax(axes, keepdim=True) - low).clamp(min=1e-6)
        true = _some((images - low) / span, self.flip, distortions.mirror, generator)
        changed = _some(true, self.shuffle, distortions.shuffle, generator)
        changed = _some(changed, self.nonlinear, distortions.bezier, generator)
        outside = self.paint * self.outpaint
        draw = torch.rand(len(images), generator=generator)
        for chosen, paint in (
            (draw < outside, distortions.outpaint),
            ((draw >= outside) & (draw < self.paint), distortions.inpaint),
        ):
            changed = _where(changed, chosen, paint, generator)
        return changed * span + low, true * span + low


def _some(images: Tensor, p: float, distortion: Distortion, generator: torch.Generator | None) -> Tensor:
    """Each image distorted with probability p."""
    return _where(images, torch.rand(len(images), generator=generator) < p, distortion, generator)


def _where(
    images: Tensor, chosen: Tensor, distortion: Distortion, generator: torch.Generator | None
) -> Tensor:
    if not chosen.any():
        return images
    rows = chosen.nonzero().squeeze(1).to(images.device)
    return images.index_copy(0, rows, distortion(images[rows], generator).to(images.dtype))
