"""The vision transformer in one, two and three dimensions.

Structure, parameter names and outputs are those of MONAI's `ViT` without a class token (a test holds
the two together), so that its weights load. It is written here since importing MONAI takes over a
second of every task, and since MONAI's blocks hold a normalisation that nothing uses.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlpy.architectures.layers import patches


class Attention(nn.Module):
    """Self-attention over tokens (batch, tokens, width) in `heads` parts."""

    def __init__(self, width: int, heads: int, dropout: float, qkv_bias: bool) -> None:
        super().__init__()
        self.heads = heads
        self.share = dropout
        self.out_proj = nn.Linear(width, width)
        self.qkv = nn.Linear(width, width * 3, bias=qkv_bias)
        self.drop_output = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, width = tokens.shape
        parts = self.qkv(tokens).view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(
            query, key, value, dropout_p=self.share if self.training else 0.0
        )
        out: Tensor = self.drop_output(self.out_proj(mixed.transpose(1, 2).reshape(batch, count, width)))
        return out


class Perceptron(nn.Module):
    """Two linear layers with a GELU between them, on each token alone."""

    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.linear1 = nn.Linear(width, inner)
        self.linear2 = nn.Linear(inner, width)
        self.drop1 = nn.Dropout(dropout)
        self.drop2 = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.drop2(self.linear2(self.drop1(functional.gelu(self.linear1(tokens)))))
        return out


class TransformerBlock(nn.Module):
    """Attention and perceptron, each after a normalisation and beside a shortcut."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float, qkv_bias: bool) -> None:
        super().__init__()
        self.mlp = Perceptron(width, inner, dropout)
        self.norm1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads, dropout, qkv_bias)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attn(self.norm1(tokens))
        out: Tensor = tokens + self.mlp(self.norm2(tokens))
        return out


class PatchEmbedding(nn.Module):
    """Cuts an image into patches and makes each a token that knows its place.

    An image whose size the patch does not divide is first extended at its far edges by its own
    outermost voxels, so that any size works. `grid` is kept with the weights: positions can then be
    interpolated to another image size (`tlpy.weights.adapt`).
    """

    grid: Tensor

    def __init__(
        self, channels: int, size: Sequence[int], patch: int, width: int, positions: str, dropout: float
    ) -> None:
        super().__init__()
        self.size = tuple(size)
        grid = [ceil(axis / patch) for axis in size]
        self.patch, self.shape = patch, tuple(grid)
        self._padding = [edge for axis, n in zip(size, grid, strict=True) for edge in (n * patch - axis, 0)][
            ::-1
        ]
        self.patch_embeddings = patches(len(grid), channels, width, [patch] * len(grid))
        self.position_embeddings = nn.Parameter(torch.empty(1, prod(grid), width))
        if positions == "sincos":
            self.position_embeddings.requires_grad = False
            self.position_embeddings.data = sine_positions(grid, width)
        else:
            nn.init.trunc_normal_(self.position_embeddings, std=0.02)
        self.register_buffer("grid", torch.tensor(grid))
        self.dropout = nn.Dropout(dropout)

    def whole(self, images: Tensor) -> Tensor:
        """The images, extended so that the patch divides them."""
        return functional.pad(images, self._padding, mode="replicate") if any(self._padding) else images

    def forward(self, images: Tensor) -> Tensor:
        if tuple(images.shape[2:]) != self.size:
            raise ValueError(
                f"this transformer is for images of {self.size}, found {tuple(images.shape[2:])}"
            )
        images = self.whole(images)
        tokens = self.patch_embeddings(images).flatten(2).transpose(1, 2)
        out: Tensor = self.dropout(tokens + self.position_embeddings)
        return out


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


class ViTEncoder(nn.Module):
    """Vision transformer (Dosovitskiy et al. 2021); its features are the mean of the tokens.

    Maps (batch, channels, *size) to (batch, width).

    Args:
        dims: spatial axes, 1 to 3.
        channels: input channels.
        size: the images' spatial size.
        patch: edge of a patch in voxels.
        width: of a token.
        depth: transformer blocks.
        heads: parts of the attention; divides `width`.
        mlp_ratio: width of the perceptrons over that of a token.
        positions: `learnable`, or `sincos`, which stay as they are.
        qkv_bias: a bias in the attention's projection.
        dropout: within the blocks.
    """

    def __init__(
        self,
        dims: int,
        channels: int,
        size: Sequence[int],
        patch: int = 8,
        width: int = 192,
        depth: int = 6,
        heads: int = 6,
        mlp_ratio: int = 4,
        positions: str = "learnable",
        qkv_bias: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if len(size) != dims:
            raise ValueError(f"expected a size of {dims} axes, found {tuple(size)}")
        if width % heads:
            raise ValueError(f"width: expected a multiple of heads ({heads}), found {width}")
        self.patch_embedding = PatchEmbedding(channels, size, patch, width, positions, dropout)
        blocks = [TransformerBlock(width, heads, width * mlp_ratio, dropout, qkv_bias) for _ in range(depth)]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width)
        self.width = width

    def layer_groups(self) -> list[tuple[str, list[str]]]:
        """The embedding, then one group per block; the last normalisation goes with the last block."""
        names = [f"blocks.{index}" for index in range(len(self.blocks))]
        groups = [("patch_embedding", ["patch_embedding"]), *((name, [name]) for name in names)]
        groups[-1][1].append("norm")
        return groups

    def transform(self, tokens: Tensor) -> Tensor:
        """Tokens (batch, any number of them, width) through all blocks and the last normalisation."""
        for block in self.blocks:
            tokens = block(tokens)
        out: Tensor = self.norm(tokens)
        return out

    def forward_map(self, images: Tensor) -> Tensor:
        """The tokens in their places, (batch, width, *grid); their mean are the features."""
        tokens = self.transform(self.patch_embedding(images))
        return tokens.transpose(1, 2).unflatten(2, self.patch_embedding.shape)

    def forward(self, images: Tensor) -> Tensor:
        return self.transform(self.patch_embedding(images)).mean(1)


def build_vit(name: str, dims: int, channels: int, size: Sequence[int], **arguments: object) -> ViTEncoder:
    """A vision transformer for images of `channels` and `size`."""
    del name
    return ViTEncoder(dims, channels, size, **arguments)  # type: ignore[arg-type]
