"""Residual networks in one, two and three dimensions: MONAI's, with torchvision's stem."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from tlpy.architectures.monai_networks import ResNet
from tlpy.architectures.registry import ARCHITECTURES


class ResNetEncoder(ResNet):
    """ResNet without its last layer (He et al. 2016, "Deep residual learning for image recognition").

    Maps (batch, channels, *size) to (batch, filters·8) or, with bottlenecks, (batch, filters·32).
    Parameters are named as in torchvision, too, so that weights of either load.

    Args:
        dims: spatial axes, 1 to 3.
        channels: input channels.
        layers: residual blocks in each of the four stages.
        bottleneck: bottleneck instead of basic blocks.
        filters: channels of the first stage; each later one has twice as many.
        kernel, stride: of the first convolution.
        max_pool: whether a maximum pooling follows it.
        shortcut: `B`, a 1x1 convolution where the shape changes, or `A`, zero padding
            (MedicalNet's ResNet-18 and 34).
        shortcut_bias: whether that convolution has a bias (MONAI's default; not in MedicalNet's
            ResNet-10 and 50, nor in torchvision).
    """

    def __init__(
        self,
        dims: int,
        channels: int,
        layers: Sequence[int],
        bottleneck: bool = False,
        filters: int = 64,
        kernel: int = 7,
        stride: int = 2,
        max_pool: bool = True,
        shortcut: str = "B",
        shortcut_bias: bool = True,
    ) -> None:
        super().__init__(
            "bottleneck" if bottleneck else "basic",
            list(layers),
            [filters * 2**stage for stage in range(4)],
            spatial_dims=dims,
            n_input_channels=channels,
            conv1_t_size=kernel,
            conv1_t_stride=stride,
            no_max_pool=not max_pool,
            shortcut_type=shortcut,
            bias_downsample=shortcut_bias,
            feed_forward=False,
        )
        self.width: int = self.in_planes

    def _downsample_basic_block(self, x: Tensor, planes: int, stride: int, spatial_dims: int = 3) -> Tensor:
        """Shortcut A: every `stride`-th voxel, with zeros for the channels that are new."""
        # MONAI's own takes `out.data`, which cuts the gradient.
        kept = x[(slice(None),) * 2 + (slice(None, None, stride),) * spatial_dims]
        return functional.pad(kept, [0, 0] * spatial_dims + [0, planes - x.shape[1]])

    def layer_groups(self) -> list[tuple[str, list[str]]]:
        """The stem, then one group per residual block: ten with the heads for ResNet-18 (MetaLR)."""
        groups = [("stem", ["conv1", "bn1"])]
        for stage in ("layer1", "layer2", "layer3", "layer4"):
            blocks = len(self.get_submodule(stage)._modules)
            groups += [(f"{stage}.{index}", [f"{stage}.{index}"]) for index in range(blocks)]
        return groups

    def forward_map(self, images: Tensor) -> Tensor:
        """The features before they are averaged, (batch, width, *small)."""
        out = self.act(self.bn1(self.conv1(images)))
        out = out if self.no_max_pool else self.maxpool(out)
        found: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(out))))
        return found


def build_resnet(
    name: str, dims: int, channels: int, size: Sequence[int], **arguments: object
) -> ResNetEncoder:
    """The registered ResNet `name` for images of `channels`; any `size` works."""
    del size
    entry = ARCHITECTURES.entry(name)
    return ResNetEncoder(dims, channels, entry.layers, entry.bottleneck, **arguments)  # type: ignore[arg-type]
