"""Vision transformers: the family that `tlpy.architectures.networks.vit` builds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from tlpy.architectures.family import Family, LayerGroups, strided
from tlpy.components.rules import BelowOne, Count


@dataclass(frozen=True)
class ViT(Family):
    """Vision transformer (Dosovitskiy 2021), MONAI's, small by default, mean of the tokens

    Args:
        dims: see `Family`.
        patch: edge of a patch in voxels.
        width: of a token.
        depth: transformer blocks.
        heads: parts of the attention; divides `width`.
        mlp_ratio: width of the perceptrons over that of a token.
        positions: `learnable`, or `sincos`, which stay as they are.
        qkv_bias: a bias in the attention's projection.
        dropout: within the blocks.
    """

    cites = (
        "Dosovitskiy A, et al. An image is worth 16×16 words: transformers for image recognition at "
        "scale. ICLR 2021.",
    )
    cost = 0.7
    on_meta = True
    batch_norm = False
    finer = "a smaller `patch`"
    network = "tlpy.architectures.networks.vit.ViTEncoder"

    patch: Count = 8
    width: Count = 192
    depth: Count = 6
    heads: Count = 6
    mlp_ratio: Count = 4
    positions: Literal["learnable", "sincos"] = "learnable"
    qkv_bias: bool = False
    dropout: BelowOne = 0.0

    def faults(self) -> Mapping[str, str]:
        if self.width % self.heads:
            return {"width": f"expected a multiple of heads ({self.heads}), found {self.width}"}
        return {}

    def layer_groups(self) -> LayerGroups:
        """The embedding, then one group per block; the last normalisation goes with the last block."""
        names = [f"blocks.{index}" for index in range(self.depth)]
        groups = [("patch_embedding", ["patch_embedding"]), *((name, [name]) for name in names)]
        groups[-1][1].append("norm")
        return groups

    def layer_names(self) -> Iterator[str]:
        yield from ("patch_embedding", "patch_embedding.patch_embeddings")
        parts = ("mlp.linear1", "mlp.linear2", "norm1", "attn.out_proj", "attn.qkv", "norm2")
        for block in range(self.depth):
            yield from (f"blocks.{block}.{part}" for part in parts)
        yield "norm"

    def last_map(self, size: Sequence[int]) -> list[int]:
        """The grid of patches."""
        return strided(size, self.patch)

    def macs(self, size: Sequence[int], channels: int) -> float:
        tokens, width = prod(strided(size, self.patch)), self.width
        embedding = tokens * channels * self.patch ** len(size) * width
        layer = tokens * width * width * (4 + 2 * self.mlp_ratio) + 2 * tokens * tokens * width
        return float(embedding + self.depth * layer)
