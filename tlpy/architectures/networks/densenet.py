"""Densely connected networks in one, two and three dimensions: MONAI's, for any size of image."""

from __future__ import annotations

from collections.abc import Sequence

from monai.networks.layers.factories import Conv
from monai.networks.nets.densenet import DenseNet
from torch import Tensor, nn

from tlpy.architectures.families.densenet import DenseNet as Family
from tlpy.architectures.layers import HalvingMean
from tlpy.architectures.names.densenet import OTHERS


class DenseNetEncoder(DenseNet):
    """DenseNet without its last layer (Huang et al. 2017, "Densely connected convolutional networks").

    Maps (batch, channels, *size) to (batch, features), 1024 for DenseNet-121.

    Args:
        family: which one, with its arguments.
        channels: input channels.
        size: the images' spatial size; any works, its length is the number of dimensions.
    """

    other_names = OTHERS

    def __init__(self, family: Family, channels: int, size: Sequence[int]) -> None:
        dims, filters = len(size), family.filters
        super().__init__(
            dims,
            channels,
            1,
            filters,
            family.growth,
            family.layers,
            family.bottleneck,
            dropout_prob=family.dropout,
        )
        self.width: int = self.class_layers.out.in_features
        del self.class_layers.out
        kernel, stride = family.kernel, family.stride
        # MONAI's own is as the paper says.
        if (kernel, stride) != (7, 2):
            convolution = Conv[Conv.CONV, dims]
            self.features.conv0 = convolution(
                channels, filters, kernel, stride=stride, padding=kernel // 2, bias=False
            )
            nn.init.kaiming_normal_(self.features.conv0.weight)
        if not family.max_pool:
            self.features.pool0 = nn.Identity()
        for name, part in self.features.named_children():
            if name.startswith("transition"):
                part.pool = HalvingMean()
            elif name.startswith("denseblock") and family.dropout:
                # MONAI drops whole channels in 2D and 3D, the paper and torchvision single values.
                for layer in part:
                    layer.layers.dropout = nn.Dropout(family.dropout)

    def forward_map(self, images: Tensor) -> Tensor:
        """The features before they are averaged, (batch, width, *small)."""
        found: Tensor = self.class_layers.relu(self.features(images))
        return found
