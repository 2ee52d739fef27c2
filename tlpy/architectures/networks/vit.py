"""The vision transformer in one, two and three dimensions: MONAI's, for any size of image."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import torch
from monai.networks.blocks.transformerblock import TransformerBlock
from monai.networks.nets.vit import ViT
from torch import Tensor, nn
from torch.nn import functional

from tlpy.architectures.families.vit import ViT as Family
from tlpy.architectures.names.vit import OTHERS


class TransformerLayer(TransformerBlock):
    """MONAI's block of attention and perceptron, with torch's fused attention."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float, qkv_bias: bool) -> None:
        super().__init__(width, inner, heads, dropout, qkv_bias, use_flash_attention=True)
        # MONAI keeps it for a cross attention that is not there: weights that nothing trains.
        del self.norm_cross_attn

    def forward(self, x: Tensor, context: Tensor | None = None, attn_mask: Tensor | None = None) -> Tensor:
        # MONAI's fused attention drops out in evaluation, too.
        self.attn.dropout_rate = self.attn.drop_weights.p if self.training else 0.0
        out: Tensor = super().forward(x, context, attn_mask)
        return out


class ViTEncoder(ViT):
    """Vision transformer (Dosovitskiy et al. 2021); its features are the mean of the tokens.

    Maps (batch, channels, *size) to (batch, width). An image whose size the patch does not divide is
    first extended at its far edges by its own outermost voxels, so that any size works. The grid of
    patches is kept with the weights: positions can then be interpolated to another image size
    (`tlpy.weights.adapt`).

    Args:
        family: its arguments.
        channels: input channels.
        size: the images' spatial size.
    """

    other_names = OTHERS

    def __init__(self, family: Family, channels: int, size: Sequence[int]) -> None:
        patch, width, dropout = family.patch, family.width, family.dropout
        grid = tuple(ceil(axis / patch) for axis in size)
        super().__init__(
            channels,
            [n * patch for n in grid],
            patch,
            width,
            num_layers=0,
            num_heads=family.heads,
            pos_embed_type="learnable" if family.positions == "learnable" else "none",
            dropout_rate=dropout,
            spatial_dims=len(size),
        )
        inner = width * family.mlp_ratio
        self.blocks.extend(
            TransformerLayer(width, family.heads, inner, dropout, family.qkv_bias)
            for _ in range(family.depth)
        )
        if family.positions == "sincos":
            # MONAI's are for two and three axes and for some widths alone.
            table = nn.Parameter(sine_positions(grid, width), requires_grad=False)
            self.patch_embedding.position_embeddings = table
        self.patch_embedding.register_buffer("grid", torch.tensor(grid))
        self.size, self.patch, self.grid, self.width = tuple(size), patch, grid, width
        missing = [n * patch - axis for axis, n in zip(size, grid, strict=True)]
        self._padding = [edge for n in reversed(missing) for edge in (0, n)]

    def whole(self, images: Tensor) -> Tensor:
        """The images, extended so that the patch divides them.

        Raises:
            ValueError: images of another size.
        """
        if tuple(images.shape[2:]) != self.size:
            raise ValueError(
                f"this transformer is for images of {self.size}, found {tuple(images.shape[2:])}"
            )
        return functional.pad(images, self._padding, mode="replicate") if any(self._padding) else images

    def embed(self, images: Tensor) -> Tensor:
        """Tokens (batch, patches, width) that know their places."""
        tokens: Tensor = self.patch_embedding(self.whole(images))
        return tokens

    def transform(self, tokens: Tensor) -> Tensor:
        """Tokens (batch, any number of them, width) through all blocks and the last normalisation."""
        for block in self.blocks:
            tokens = block(tokens)
        out: Tensor = self.norm(tokens)
        return out

    def forward_map(self, images: Tensor) -> Tensor:
        """The tokens in their places, (batch, width, *grid); their mean are the features."""
        return self.transform(self.embed(images)).transpose(1, 2).unflatten(2, self.grid)

    def forward(self, images: Tensor) -> Tensor:
        return self.transform(self.embed(images)).mean(1)


def sine_positions(grid: Sequence[int], width: int) -> Tensor:
    """Fixed positions (1, tokens, width): sines and cosines of each axis' index (Vaswani 2017).

    Each axis has an equal share of the width; what is left over is zero.
    """
    share = width // (2 * len(grid))
    frequencies = 10000.0 ** (-torch.arange(share) / max(share, 1))
    places = torch.cartesian_prod(*(torch.arange(float(n)) for n in grid)).reshape(-1, len(grid))
    angles = (places[:, :, None] * frequencies).flatten(1)
    table = torch.cat([angles.sin(), angles.cos()], dim=1)
    return functional.pad(table, [0, width - table.shape[1]])[None]
