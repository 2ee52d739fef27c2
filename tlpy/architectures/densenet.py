"""Densely connected networks in one, two and three dimensions: MONAI's, for any size of image."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from tlpy.architectures.layers import HalvingMean
from tlpy.architectures.monai_networks import Conv, DenseNet
from tlpy.architectures.registry import ARCHITECTURES


class DenseNetEncoder(DenseNet):
    """DenseNet without its last layer (Huang et al. 2017, "Densely connected convolutional networks").

    Maps (batch, channels, *size) to (batch, features), 1024 for DenseNet-121.

    Args:
        dims: spatial axes, 1 to 3.
        channels: input channels.
        layers: dense layers per block.
        filters: channels of the first convolution.
        kernel, stride: of the first convolution.
        max_pool: whether a maximum pooling follows it.
        growth: channels that each layer adds.
        bottleneck: channels between a layer's two convolutions, over `growth`.
        dropout: share of the values dropped at the end of each layer.
    """

    def __init__(
        self,
        dims: int,
        channels: int,
        layers: Sequence[int],
        filters: int = 64,
        kernel: int = 7,
        stride: int = 2,
        max_pool: bool = True,
        growth: int = 32,
        bottleneck: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(dims, channels, 1, filters, growth, layers, bottleneck, dropout_prob=dropout)
        self.width: int = self.class_layers.out.in_features
        del self.class_layers.out
        if (kernel, stride) != (7, 2):
            convolution = Conv[Conv.CONV, dims]
            self.features.conv0 = convolution(
                channels, filters, kernel, stride=stride, padding=kernel // 2, bias=False
            )
            nn.init.kaiming_normal_(self.features.conv0.weight)
        if not max_pool:
            self.features.pool0 = nn.Identity()
        for name, part in self.features.named_children():
            if name.startswith("transition"):
                part.pool = HalvingMean()
            elif name.startswith("denseblock") and dropout:
                # MONAI drops whole channels in 2D and 3D, the paper and torchvision single values.
                for layer in part:
                    layer.layers.dropout = nn.Dropout(dropout)

    def layer_groups(self) -> list[tuple[str, list[str]]]:
        """The stem, then one group per dense block, which has its transition or the last normalisation."""
        groups = [("stem", ["features.conv0", "features.norm0"])]
        names = [f"features.{name}" for name, _ in self.features.named_children()][4:]
        return [
            *groups,
            *((block, [block, after]) for block, after in zip(names[::2], names[1::2], strict=True)),
        ]

    def forward_map(self, images: Tensor) -> Tensor:
        """The features before they are averaged, (batch, width, *small)."""
        found: Tensor = self.class_layers.relu(self.features(images))
        return found


def build_densenet(
    name: str, dims: int, channels: int, size: Sequence[int], **arguments: object
) -> DenseNetEncoder:
    """The registered DenseNet `name` for images of `channels`; any `size` works."""
    del size
    return DenseNetEncoder(dims, channels, ARCHITECTURES.entry(name).layers, **arguments)  # type: ignore[arg-type]
