"""From features back to images: what reconstructing objectives train beside the encoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import Convolution
from torch import Tensor, nn
from torch.nn import functional

from tlpy.architectures.base import Architecture

_LEAST, _GROUPS = 16, 8
_NORM, _ACTIVATION = ("group", {"num_groups": _GROUPS}), ("relu", {"inplace": True})


class Decoder(nn.Module):
    """Doubles a feature map until it has the image's size; convolution, normalisation, ReLU at each size.

    Maps (batch, features, *any small size) to (batch, channels, *size). It is small: what is wanted is the
    encoder.

    Args:
        features: width of the map.
        channels, size: of the images.
        small: size of the map.
        width: channels of the first step, halved with each down to 16.
    """

    def __init__(
        self, features: int, channels: int, size: Sequence[int], small: Sequence[int], width: int = 128
    ) -> None:
        super().__init__()
        dims = len(size)
        self.sizes = _doublings(size, small)
        before, steps = features, []
        for number in range(len(self.sizes)):
            after = max(_LEAST, width // 2**number // _GROUPS * _GROUPS)
            steps.append(Convolution(dims, before, after, norm=_NORM, act=_ACTIVATION))
            before = after
        self.steps = nn.ModuleList(steps)
        self.last = Convolution(dims, before, channels, kernel_size=1, conv_only=True)

    def forward(self, maps: Tensor) -> Tensor:
        for size, step in zip(self.sizes, self.steps, strict=True):
            maps = step(functional.interpolate(maps, size=size, mode="nearest"))
        out: Tensor = self.last(maps)
        return out


def _doublings(size: Sequence[int], small: Sequence[int]) -> list[tuple[int, ...]]:
    """The sizes from just above `small` up to `size`, each half of the next, rounded up."""
    sizes = [tuple(size)]
    while any(axis > 2 * least for axis, least in zip(sizes[0], small, strict=True)):
        sizes.insert(0, tuple(-(-axis // 2) for axis in sizes[0]))
    return sizes


def make_decoder(architecture: Architecture, width: int) -> Decoder:
    """A decoder for the maps of an architecture's encoder, which is tried on an empty image."""
    channels, size = image_shape(architecture)
    modes = {module: module.training for module in architecture.modules()}
    architecture.eval()
    with torch.no_grad():
        device = next(architecture.parameters()).device
        maps = encode_map(architecture, torch.zeros(1, channels, *size, device=device))
    for module, mode in modes.items():
        module.training = mode
    return Decoder(maps.shape[1], channels, size, maps.shape[2:], width)


def encode_map(architecture: Architecture, images: Tensor) -> Tensor:
    """The encoder's feature map, (batch, features, *small); of one voxel where it has no `forward_map`."""
    if hasattr(architecture.encoder, "forward_map"):
        maps: Tensor = architecture.encoder.forward_map(images)  # type: ignore[operator]
        return maps
    features: Tensor = architecture.encoder(images)
    return features.reshape(*features.shape, *[1] * (images.ndim - 2))


def image_shape(architecture: nn.Module) -> tuple[int, tuple[int, ...]]:
    """Channels and spatial size of an architecture's images.

    Raises:
        ValueError: it was made without them.
    """
    channels, size = getattr(architecture, "channels", None), getattr(architecture, "size", None)
    if channels is None or size is None:
        raise ValueError("the architecture does not know the size of its images; make it by `build`")
    return channels, size


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of values where `mask` (broadcast) is 1; 0 where it is nowhere."""
    share = mask.expand_as(values).to(values.dtype)
    return (values * share).sum() / torch.clamp(share.sum(), min=1)
