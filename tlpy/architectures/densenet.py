"""Densely connected networks in one, two and three dimensions.

Structure, parameter names and outputs are those of MONAI's `DenseNet` (a test holds the two
together); written here for the same reason as the ResNets: importing MONAI takes over a second.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlpy.architectures.layers import HalvingMean, batch_norm, convolution, max_pool_layer
from tlpy.architectures.registry import ARCHITECTURES


class DenseLayer(nn.Module):
    """Two convolutions whose `growth` new channels are put beside what came in."""

    def __init__(self, dims: int, before: int, growth: int, bottleneck: int, dropout: float) -> None:
        super().__init__()
        inner = bottleneck * growth
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["norm1"] = batch_norm(dims, before)
        layers["relu1"] = nn.ReLU(inplace=True)
        layers["conv1"] = convolution(dims, before, inner, 1, bias=False)
        layers["norm2"] = batch_norm(dims, inner)
        layers["relu2"] = nn.ReLU(inplace=True)
        layers["conv2"] = convolution(dims, inner, growth, 3, bias=False)
        if dropout > 0:
            layers["dropout"] = nn.Dropout(dropout)
        self.layers = nn.Sequential(layers)

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([images, self.layers(images)], 1)


class DenseNetEncoder(nn.Module):
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
        dropout: at the end of each layer.
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
        super().__init__()
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        parts["conv0"] = convolution(dims, channels, filters, kernel, stride=stride, bias=False)
        parts["norm0"] = batch_norm(dims, filters)
        parts["relu0"] = nn.ReLU(inplace=True)
        parts["pool0"] = max_pool_layer(dims) if max_pool else nn.Identity()
        width = filters
        for block, count in enumerate(layers, 1):
            members: OrderedDict[str, nn.Module] = OrderedDict()
            for index in range(1, count + 1):
                members[f"denselayer{index}"] = DenseLayer(dims, width, growth, bottleneck, dropout)
                width += growth
            parts[f"denseblock{block}"] = nn.Sequential(members)
            if block < len(layers):
                parts[f"transition{block}"] = _transition(dims, width, width // 2)
                width //= 2
        parts["norm5"] = batch_norm(dims, width)
        self.width = width
        self.features = nn.Sequential(parts)
        for module in self.modules():
            if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
                nn.init.kaiming_normal_(module.weight)

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
        return functional.relu(self.features(images))

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_map(images).flatten(2).mean(2)


def _transition(dims: int, before: int, after: int) -> nn.Sequential:
    """Fewer channels and half the size between two blocks."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    parts["norm"] = batch_norm(dims, before)
    parts["relu"] = nn.ReLU(inplace=True)
    parts["conv"] = convolution(dims, before, after, 1, bias=False)
    parts["pool"] = HalvingMean()
    return nn.Sequential(parts)


def build_densenet(
    name: str, dims: int, channels: int, size: Sequence[int], **arguments: object
) -> DenseNetEncoder:
    """The registered DenseNet `name` for images of `channels`; any `size` works."""
    del size
    return DenseNetEncoder(dims, channels, ARCHITECTURES.entry(name).layers, **arguments)  # type: ignore[arg-type]
