"""Images from their features, as a term beside the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from tlpy.architectures.base import Architecture
from tlpy.components.rules import Count, FromZero
from tlpy.objectives.base import Step, Term
from tlpy.objectives.decoder import encode_map, make_decoder
from tlpy.records import Head


class Reconstruction(Term):
    """A decoder gives the images back from their features, labelled and unlabelled ones

    mean (decode(encode(x)) - x)², over all voxels of images with and without labels.

    TLIMB's semi-supervised auxiliary objective: unlabelled images teach the encoder what images look like
    while labelled ones teach the label. Alone, in a stage without labels, it is an autoencoder. The decoder
    is no part of the architecture and is dropped with the stage.

    Args:
        heads, weight: see `Term`.
        width: channels of the decoder's first step.
    """

    beside_labels = True
    noun = "reconstruction of the images"

    selfsupervised = True
    vectors = False
    uses_maps = True

    def __init__(self, heads: Sequence[Head], weight: FromZero = 1.0, width: Count = 128) -> None:
        super().__init__(heads, weight)
        self.width = int(width)

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        del loaded, targets
        self.decoder = make_decoder(cast(Architecture, architecture), self.width)

    def forward(self, step: Step) -> Tensor:
        images = step.all_images
        maps = step.maps
        if maps is None:
            maps = encode_map(cast(Architecture, step.architecture), images)
        return functional.mse_loss(self.decoder(maps).float(), images.float())
