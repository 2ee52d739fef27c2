"""The Swin transformer in two and three dimensions: MONAI's."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from tlpy.architectures.monai_networks import SwinTransformer


class SwinEncoder(SwinTransformer):
    """Transformer with shifted windows (Liu et al. 2021); features are the mean over the last, merged stage.

    Maps (batch, channels, *size) to (batch, embed·2^stages). Sizes that the patch or a window does
    not divide are extended by zeros inside, so that any size works.

    Args:
        dims: spatial axes, 2 or 3.
        channels: input channels.
        patch: edge of a patch in voxels.
        window: edge of a window in patches.
        embed: width of the first stage; it doubles with each.
        depths: blocks in each of the four stages.
        heads: parts of the attention in each stage; divide its width.
        mlp_ratio: width of the perceptrons over that of a stage.
        dropout: within the blocks.
    """

    def __init__(
        self,
        dims: int,
        channels: int,
        patch: int = 2,
        window: int = 4,
        embed: int = 24,
        depths: Sequence[int] = (2, 2, 2, 2),
        heads: Sequence[int] = (3, 6, 12, 24),
        mlp_ratio: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(
            in_chans=channels,
            embed_dim=embed,
            window_size=(window,) * dims,
            patch_size=(patch,) * dims,
            depths=depths,
            num_heads=heads,
            mlp_ratio=float(mlp_ratio),
            drop_rate=dropout,
            spatial_dims=dims,
        )
        self.width = embed * 2 ** len(depths)

    def layer_groups(self) -> list[tuple[str, list[str]]]:
        """The embedding, then one group per block; a stage's merging goes with its last block."""
        groups = [("patch_embed", ["patch_embed"])]
        for stage in (f"layers{number}.0" for number in range(1, 5)):
            blocks = len(self.get_submodule(f"{stage}.blocks"))
            groups += [(f"{stage}.blocks.{index}", [f"{stage}.blocks.{index}"]) for index in range(blocks)]
            groups[-1][1].append(f"{stage}.downsample")
        return groups

    def forward_map(self, images: Tensor) -> Tensor:
        """The features before they are averaged, (batch, width, *small)."""
        out = self.pos_drop(self.patch_embed(images))
        for stage in (self.layers1, self.layers2, self.layers3, self.layers4):
            out = stage[0](out.contiguous())
        features: Tensor = self.proj_out(out, normalize=True)
        return features

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_map(images).flatten(2).mean(2)


def build_swin(name: str, dims: int, channels: int, size: Sequence[int], **arguments: object) -> SwinEncoder:
    """A Swin transformer for images of `channels`; any `size` works."""
    del name, size
    return SwinEncoder(dims, channels, **arguments)  # type: ignore[arg-type]
