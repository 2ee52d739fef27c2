"""Residual networks in one, two and three dimensions: MONAI's, with torchvision's stem."""

from __future__ import annotations

from collections.abc import Sequence

from monai.networks.nets.resnet import ResNet
from torch import Tensor, nn
from torch.nn import functional

from tlpy.architectures.families.resnet import ResNet as Family


class ResNetEncoder(ResNet):
    """ResNet without its last layer (He et al. 2016, "Deep residual learning for image recognition").

    Maps (batch, channels, *size) to (batch, filters·8) or, with bottlenecks, (batch, filters·32).
    Parameters are named as in torchvision, too, so that weights of either load.

    Args:
        family: which one, with its arguments.
        channels: input channels.
        size: the images' spatial size; any works, its length is the number of dimensions.
    """

    def __init__(self, family: Family, channels: int, size: Sequence[int]) -> None:
        super().__init__(
            "bottleneck" if family.bottleneck else "basic",
            list(family.layers),
            [family.filters * 2**stage for stage in range(4)],
            spatial_dims=len(size),
            n_input_channels=channels,
            conv1_t_size=family.kernel,
            conv1_t_stride=family.stride,
            no_max_pool=not family.max_pool,
            shortcut_type=family.shortcut,
            bias_downsample=family.shortcut_bias,
            feed_forward=False,
        )
        self.width: int = self.in_planes
        if family.initial == "torch":
            for module in self.modules():
                if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
                    module.reset_parameters()

    def _downsample_basic_block(self, x: Tensor, planes: int, stride: int, spatial_dims: int = 3) -> Tensor:
        """Shortcut A: every `stride`-th voxel, with zeros for the channels that are new."""
        # MONAI's own takes `out.data`, which cuts the gradient.
        kept = x[(slice(None),) * 2 + (slice(None, None, stride),) * spatial_dims]
        return functional.pad(kept, [0, 0] * spatial_dims + [0, planes - x.shape[1]])

    def forward_map(self, images: Tensor) -> Tensor:
        """The features before they are averaged, (batch, width, *small)."""
        out = self.act(self.bn1(self.conv1(images)))
        out = out if self.no_max_pool else self.maxpool(out)
        found: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(out))))
        return found
