"""Masked autoencoding: give back what was hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlpy.architectures.base import Architecture
from tlpy.architectures.networks.vit import TransformerLayer, ViTEncoder, sine_positions
from tlpy.components.rules import Between, Count, FromZero
from tlpy.objectives.base import Step, Term
from tlpy.objectives.decoder import encode_map, image_shape, make_decoder, masked_mean
from tlpy.records import Head


class MaskedAutoencoder(Term):
    """Masked autoencoder (He 2022): give back the patches that were hidden

    Mean squared error over the patches that were hidden, here 75 % of them, drawn for each image.

    He et al. 2022, "Masked autoencoders are scalable vision learners". A transformer (`vit`) sees the
    visible patches alone; a light transformer gives back all of them. Any other encoder sees an image whose
    hidden patches are 0, which after a z-score is the mean, and a light convolutional decoder gives it back.
    Nothing of the decoder stays.

    Args:
        heads, weight: see `Term`.
        ratio: share of the patches to hide, between 0 and 1.
        patch: their edge in voxels, where the encoder is no `vit`, which has its own; at most the image's.
        depth, width: of the transformer's decoder (width: of the convolutional one's first step, too).
        normalise: whether each patch is standardised before it is compared. It helped the paper's photographs
            a little; in a brain most patches are one tissue or background, whose noise it makes as important
            as what tells brains apart.
    """

    noun = "the reconstruction of hidden patches (masked autoencoder)"
    cites = ("He K, et al. Masked autoencoders are scalable vision learners. CVPR 2022.",)

    selfsupervised = True
    vectors = False

    def __init__(
        self,
        heads: Sequence[Head],
        weight: FromZero = 1.0,
        ratio: Between = 0.75,
        patch: Count = 8,
        depth: Count = 2,
        width: Count = 96,
        normalise: bool = False,
    ) -> None:
        super().__init__(heads, weight)
        if not 0 < ratio < 1:
            raise ValueError(f"ratio: expected a number between 0 and 1, found {ratio}")
        self.ratio, self.patch, self.depth, self.width = float(ratio), int(patch), int(depth), int(width)
        self.normalise = bool(normalise)

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        del loaded, targets
        architecture = cast(Architecture, architecture)
        encoder = architecture.encoder
        self.decoder: nn.Module
        if isinstance(encoder, ViTEncoder):
            channels, _ = image_shape(architecture)
            self.decoder = TokenDecoder(encoder, channels, self.width, self.depth)
        else:
            self.decoder = make_decoder(architecture, self.width)

    def forward(self, step: Step) -> Tensor:
        encoder = cast(Architecture, step.architecture).encoder
        return self._tokens(encoder, step) if isinstance(encoder, ViTEncoder) else self._map(step)

    def _tokens(self, encoder: ViTEncoder, step: Step) -> Tensor:
        images = step.all_images
        tokens = encoder.embed(images)
        order, kept = _shuffle(step, len(images), tokens.shape[1], self.ratio)
        visible = tokens.gather(1, order[:, :kept, None].expand(-1, -1, tokens.shape[2]))
        found = cast(TokenDecoder, self.decoder)(encoder.transform(visible), order)
        true = cut(encoder.whole(images).float(), [encoder.patch] * len(encoder.grid))
        if self.normalise:
            true = _standardised(true)
        hidden = torch.ones(len(images), tokens.shape[1], device=images.device)
        hidden.scatter_(1, order[:, :kept], 0.0)
        return masked_mean((found.float() - true).square(), hidden[..., None])

    def _map(self, step: Step) -> Tensor:
        images = step.all_images
        size = images.shape[2:]
        patch = [min(self.patch, axis) for axis in size]
        grid = [-(-axis // edge) for axis, edge in zip(size, patch, strict=True)]
        count = int(torch.tensor(grid).prod())
        order, kept = _shuffle(step, len(images), count, self.ratio)
        hidden = torch.ones(len(images), count, device=images.device)
        hidden = hidden.scatter_(1, order[:, :kept], 0.0).reshape(len(images), 1, *grid)
        for axis, edge in enumerate(patch):
            hidden = hidden.repeat_interleave(edge, 2 + axis).narrow(2 + axis, 0, size[axis])
        maps = encode_map(cast(Architecture, step.architecture), images * (1 - hidden).to(images.dtype))
        found, true = self.decoder(maps).float(), images.float()
        if self.normalise:
            pad = [edge for axis, n, e in zip(size, grid, patch, strict=True) for edge in (n * e - axis, 0)]
            whole = [functional.pad(x, pad[::-1], mode="replicate") for x in (found, true, hidden)]
            found, true, hidden = (cut(x, patch) for x in whole)
            true = _standardised(true)
            hidden = hidden[..., :1]
        return masked_mean((found - true).square(), hidden)


class TokenDecoder(nn.Module):
    """Visible tokens to all patches: a narrower transformer with a learnt token for what is hidden."""

    positions: Tensor

    def __init__(self, encoder: ViTEncoder, channels: int, width: int, depth: int) -> None:
        super().__init__()
        heads = _heads(width)
        self.embed = nn.Linear(encoder.width, width)
        self.mask = nn.Parameter(torch.zeros(1, 1, width))
        nn.init.normal_(self.mask, std=0.02)
        self.register_buffer("positions", sine_positions(encoder.grid, width))
        self.blocks = nn.Sequential(
            *(TransformerLayer(width, heads, 4 * width, 0.0, True) for _ in range(depth))
        )
        self.norm = nn.LayerNorm(width)
        self.last = nn.Linear(width, channels * encoder.patch ** len(encoder.grid))

    def forward(self, visible: Tensor, order: Tensor) -> Tensor:
        """Visible tokens (batch, kept, width), the first ones of `order` (batch, tokens), to all patches."""
        known = self.embed(visible)
        missing = self.mask.expand(len(known), order.shape[1] - known.shape[1], -1).to(known.dtype)
        places = order.argsort(1)[..., None].expand(-1, -1, known.shape[2])
        tokens = torch.cat([known, missing], 1).gather(1, places) + self.positions
        found: Tensor = self.last(self.norm(self.blocks(tokens)))
        return found


def _heads(width: int) -> int:
    return next(heads for heads in (6, 4, 3, 2, 1) if width % heads == 0)


def _shuffle(step: Step, images: int, patches: int, ratio: float) -> tuple[Tensor, int]:
    """An order of the patches for each image, and how many of its first are seen; at least one."""
    return step.uniform(images, patches).argsort(1), max(1, round(patches * (1 - ratio)))


def _standardised(patches: Tensor) -> Tensor:
    """Each patch with mean 0 and variance 1."""
    return (patches - patches.mean(-1, keepdim=True)) / (patches.var(-1, keepdim=True) + 1e-6).sqrt()


def cut(images: Tensor, patch: Sequence[int]) -> Tensor:
    """(batch, channels, *size) to (batch, patches, channels·voxels), patches in the order of their grid.

    Each axis is a multiple of the patch.
    """
    dims = len(patch)
    for axis, edge in enumerate(patch):
        images = images.unfold(2 + axis, edge, edge)
    # (batch, channels, *grid, *patch)
    grid = list(range(2, 2 + dims))
    inner = list(range(2 + dims, 2 + 2 * dims))
    return images.permute(0, *grid, 1, *inner).flatten(1 + dims).flatten(1, dims)
