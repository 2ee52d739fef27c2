"""The Swin transformer in two and three dimensions: MONAI's."""

from __future__ import annotations

from collections.abc import Sequence

from monai.networks.nets.swin_unetr import SwinTransformer
from torch import Tensor

from tlpy.architectures.families.swin import Swin
from tlpy.architectures.names.swin import OTHERS


class SwinEncoder(SwinTransformer):
    """Transformer with shifted windows (Liu et al. 2021); features are the mean over the last, merged stage.

    Maps (batch, channels, *size) to (batch, embed·2^stages). Sizes that the patch or a window does
    not divide are extended by zeros inside, so that any size works.

    Args:
        family: its arguments.
        channels: input channels.
        size: the images' spatial size; any works, its length is the number of dimensions.
    """

    other_names = OTHERS

    def __init__(self, family: Swin, channels: int, size: Sequence[int]) -> None:
        dims = len(size)
        super().__init__(
            in_chans=channels,
            embed_dim=family.embed,
            window_size=(family.window,) * dims,
            patch_size=(family.patch,) * dims,
            depths=family.depths,
            num_heads=family.heads,
            mlp_ratio=float(family.mlp_ratio),
            drop_rate=family.dropout,
            spatial_dims=dims,
        )
        self.width = family.embed * 2 ** len(family.depths)

    def forward_map(self, images: Tensor) -> Tensor:
        """The features before they are averaged, (batch, width, *small)."""
        out = self.pos_drop(self.patch_embed(images))
        for stage in (self.layers1, self.layers2, self.layers3, self.layers4):
            out = stage[0](out.contiguous())
        features: Tensor = self.proj_out(out, normalize=True)
        return features

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_map(images).flatten(2).mean(2)
