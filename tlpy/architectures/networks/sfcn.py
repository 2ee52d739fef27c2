"""SFCN, the simple fully convolutional network for brain age.

Peng et al. 2021, "Accurate brain age prediction with lightweight deep neural networks", Medical
Image Analysis 68. Modules are named as in the authors' code, so that their weights load.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from monai.networks.layers.factories import Conv, Norm
from torch import Tensor, nn

from tlpy.architectures.families.sfcn import SFCN
from tlpy.architectures.layers import HalvingPool


class SFCNEncoder(nn.Module):
    """Convolution, normalisation, pooling, ReLU, each halving the image; then 1x1 and the mean.

    Maps (batch, channels, *size) to (batch, filters[-1]). With the authors' filters in 3D it has
    2,950,336 parameters; their head of 40 bins brings 2,600 more. The authors average over a fixed
    5x6x5 window, here it is the mean over whatever is left, which is the same for their 160x192x160.

    Args:
        family: its arguments.
        channels: input channels.
        size: the images' spatial size; any works, its length is the number of dimensions.
    """

    def __init__(self, family: SFCN, channels: int, size: Sequence[int]) -> None:
        super().__init__()
        dims, filters = len(size), family.filters
        convolution, norm = Conv[Conv.CONV, dims], Norm[Norm.BATCH, dims]
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        before = channels
        for index, after in enumerate(filters):
            last = index == len(filters) - 1
            edge = 1 if last else family.kernel
            members = [convolution(before, after, edge, padding=edge // 2), norm(after)]
            if not last:
                members.append(HalvingPool())
            layers[f"conv_{index}"] = nn.Sequential(*members, nn.ReLU(inplace=True))
            before = after
        self.feature_extractor = nn.Sequential(layers)
        self.width = before

    def forward_map(self, images: Tensor) -> Tensor:
        """The features before they are averaged, (batch, width, *small)."""
        out: Tensor = self.feature_extractor(images)
        return out

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_map(images).flatten(2).mean(2)
