"""Which way is up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlpy.architectures.base import Architecture
from tlpy.objectives.base import Step, Term


class Rotation(Term):
    """Rotation prediction (Gidaris 2018): which quarter turn was it

    Cross entropy of the quarter turn that an image was given: 0, 90, 180 or 270 degrees.

    Gidaris et al. 2018, "Unsupervised representation learning by predicting image rotations"; all four of
    each image are in the batch. Pictures turn in their plane, volumes about their last axis: in RAS order
    the axial plane turns. So that the frame does not give the answer away, a plane that is not square is
    cut to its central square, which turns, and lies in a frame of the image's lowest value.

    It can't be learnt from images that an augmentation has turned or mirrored.

    Args:
        heads, weight: see `Term`.
    """

    dims = (2, 3)
    vectors = False
    conflicts = ("flip", "rot90")
    noun = "rotation prediction"
    cites = (
        "Gidaris S, Singh P, Komodakis N. Unsupervised representation learning by predicting image "
        "rotations. ICLR 2018.",
    )

    selfsupervised = True

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        del loaded, targets
        self.head = nn.Linear(cast(Architecture, architecture).features, 4)

    def forward(self, step: Step) -> Tensor:
        images = step.all_images
        turned = torch.cat([turn(images, quarters) for quarters in range(4)])
        true = torch.arange(4, device=images.device).repeat_interleave(len(images))
        encoder = cast(Architecture, step.architecture).encoder
        return functional.cross_entropy(self.head(encoder(turned)).float(), true)


def turn(images: Tensor, quarters: int) -> Tensor:
    """The central square of the first two spatial axes, turned by quarters, in a frame of the lowest value.

    Args:
        images: (batch, channels, height, width) or (batch, channels, height, width, depth).
        quarters: 0 to 3.

    Raises:
        ValueError: images with one spatial axis.
    """
    if images.ndim < 4:
        raise ValueError("images with one axis can't be turned")
    edge = min(images.shape[2], images.shape[3])
    corner = [(axis - edge) // 2 for axis in images.shape[2:4]]
    rows, columns = (slice(start, start + edge) for start in corner)
    square = torch.rot90(images[:, :, rows, columns], quarters, (2, 3))
    if images.shape[2] == images.shape[3]:
        return square
    lowest = images.amin(tuple(range(2, images.ndim)), keepdim=True)
    framed = lowest.expand_as(images).clone()
    framed[:, :, rows, columns] = square
    return framed
