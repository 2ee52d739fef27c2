"""Swin transformers: the family that `tlpy.architectures.networks.swin` builds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Annotated

from tlpy.architectures.family import Family, LayerGroups, strided
from tlpy.components.rules import COUNT, BelowOne, Count, list_of

PerStage = Annotated[Sequence[int], list_of(COUNT, 4, 4, "four whole numbers")]


@dataclass(frozen=True)
class Swin(Family):
    """Swin transformer (Liu 2021), MONAI's, small by default, mean of the last stage

    Args:
        dims: see `Family`; 2 or 3.
        patch: edge of a patch in voxels.
        window: edge of a window in patches.
        embed: width of the first stage; it doubles with each.
        depths: blocks in each of the four stages.
        heads: parts of the attention in each stage; divide its width.
        mlp_ratio: width of the perceptrons over that of a stage.
        dropout: within the blocks.
    """

    cites = (
        "Liu Z, et al. Swin transformer: hierarchical vision transformer using shifted windows. ICCV 2021.",
    )
    dimensions = (2, 3)
    cost = 2.2
    batch_norm = False
    finer = "a smaller `patch`"
    network = "tlpy.architectures.networks.swin.SwinEncoder"

    patch: Count = 2
    window: Count = 4
    embed: Count = 24
    depths: PerStage = (2, 2, 2, 2)
    heads: PerStage = (3, 6, 12, 24)
    mlp_ratio: Count = 4
    dropout: BelowOne = 0.0

    def faults(self) -> Mapping[str, str]:
        widths = [self.embed * 2**stage for stage in range(4)]
        if any(width % heads for width, heads in zip(widths, self.heads, strict=True)):
            expected = f"expected numbers that divide the stages' widths {widths}"
            return {"heads": f"{expected}, found {self.heads}"}
        return {}

    def layer_groups(self) -> LayerGroups:
        """The embedding, then one group per block; a stage's merging goes with its last block."""
        groups = [("patch_embed", ["patch_embed"])]
        for stage, depth in enumerate(self.depths, 1):
            names = [f"layers{stage}.0.blocks.{block}" for block in range(depth)]
            groups += [(name, [name]) for name in names]
            groups[-1][1].append(f"layers{stage}.0.downsample")
        return groups

    def layer_names(self) -> Iterator[str]:
        yield "patch_embed.proj"
        parts = ("norm1", "attn", "attn.qkv", "attn.proj", "norm2", "mlp.linear1", "mlp.linear2")
        for stage, depth in enumerate(self.depths, 1):
            inside = f"layers{stage}.0"
            for block in range(depth):
                yield from (f"{inside}.blocks.{block}.{part}" for part in parts)
            yield from (f"{inside}.downsample.reduction", f"{inside}.downsample.norm")

    def last_map(self, size: Sequence[int]) -> list[int]:
        """The grid of patches, which each stage's end halves."""
        size = strided(size, self.patch)
        for _ in self.depths:
            size = strided(size)
        return size

    def macs(self, size: Sequence[int], channels: int) -> float:
        dims, width = len(size), self.embed
        size = strided(size, self.patch)
        total = float(prod(size) * channels * self.patch**dims * width)
        for depth in self.depths:
            windows = [min(self.window, axis) for axis in size]
            padded = prod(ceil(axis / edge) * edge for axis, edge in zip(size, windows, strict=True))
            attention = padded * width * (4 * width + 2 * prod(windows))
            total += depth * (attention + prod(size) * 2 * self.mlp_ratio * width**2)
            size = strided(size)
            total += prod(size) * 2**dims * width * 2 * width
            width *= 2
        return total
