"""Residual networks in one, two and three dimensions.

Structure, parameter names and outputs are those of MONAI's `ResNet` (a test holds the two together)
with torchvision's stem, so that weights of either load. It is written here since importing MONAI
takes over a second of every task, and since MONAI's shortcut A cuts the gradient (`out.data`).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from tlpy.architectures.layers import batch_norm, convolution, max_pool_layer
from tlpy.architectures.registry import ARCHITECTURES


class Padding(nn.Module):
    """Shortcut A (He 2016): every `stride`-th voxel, with zeros for the channels that are new."""

    def __init__(self, planes: int, stride: int) -> None:
        super().__init__()
        self.planes = planes
        self.stride = stride

    def forward(self, images: Tensor) -> Tensor:
        dims = images.ndim - 2
        kept = images[(slice(None), slice(None), *([slice(None, None, self.stride)] * dims))]
        return functional.pad(kept, [0, 0] * dims + [0, self.planes - images.shape[1]])


class BasicBlock(nn.Module):
    """Two convolutions of width 3 and a shortcut around them."""

    expansion = 1

    def __init__(
        self, dims: int, before: int, planes: int, stride: int, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        self.conv1 = convolution(dims, before, planes, 3, stride=stride, bias=False)
        self.bn1 = batch_norm(dims, planes)
        self.act = nn.ReLU(inplace=True)
        self.conv2 = convolution(dims, planes, planes, 3, bias=False)
        self.bn2 = batch_norm(dims, planes)
        self.downsample = downsample

    def forward(self, images: Tensor) -> Tensor:
        shortcut = images if self.downsample is None else self.downsample(images)
        out = self.act(self.bn1(self.conv1(images)))
        out = self.bn2(self.conv2(out))
        out += shortcut
        return self.act(out)


class Bottleneck(nn.Module):
    """Convolutions of width 1, 3 and 1 and a shortcut around them."""

    expansion = 4

    def __init__(
        self, dims: int, before: int, planes: int, stride: int, downsample: nn.Module | None
    ) -> None:
        super().__init__()
        self.conv1 = convolution(dims, before, planes, 1, bias=False)
        self.bn1 = batch_norm(dims, planes)
        self.conv2 = convolution(dims, planes, planes, 3, stride=stride, bias=False)
        self.bn2 = batch_norm(dims, planes)
        self.conv3 = convolution(dims, planes, planes * self.expansion, 1, bias=False)
        self.bn3 = batch_norm(dims, planes * self.expansion)
        self.act = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, images: Tensor) -> Tensor:
        shortcut = images if self.downsample is None else self.downsample(images)
        out = self.act(self.bn1(self.conv1(images)))
        out = self.act(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += shortcut
        return self.act(out)


class ResNetEncoder(nn.Module):
    """ResNet without its last layer (He et al. 2016, "Deep residual learning for image recognition").

    Maps (batch, channels, *size) to (batch, filters·8) or, with bottlenecks, (batch, filters·32).

    Args:
        dims: spatial axes, 1 to 3.
        channels: input channels.
        layers: residual blocks per stage.
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
        super().__init__()
        self._shortcut = (shortcut, shortcut_bias)
        self._dims = dims
        self.conv1 = convolution(dims, channels, filters, kernel, stride=stride, bias=False)
        self.bn1 = batch_norm(dims, filters)
        self.act = nn.ReLU(inplace=True)
        self.maxpool = max_pool_layer(dims) if max_pool else nn.Identity()
        block = Bottleneck if bottleneck else BasicBlock
        before, stages = filters, []
        for stage, blocks in enumerate(layers):
            planes = filters * 2**stage
            stages.append(self._stage(block, before, planes, blocks, 1 if stage == 0 else 2))
            before = planes * block.expansion
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.width = before
        for module in self.modules():
            if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def _stage(
        self, block: type[BasicBlock | Bottleneck], before: int, planes: int, blocks: int, stride: int
    ) -> nn.Sequential:
        after = planes * block.expansion
        members: list[nn.Module] = []
        for index in range(blocks):
            step = stride if index == 0 else 1
            changes = step != 1 or before != after
            downsample = self._downsample(before, after, step) if changes else None
            members.append(block(self._dims, before, planes, step, downsample))
            before = after
        return nn.Sequential(*members)

    def _downsample(self, before: int, after: int, stride: int) -> nn.Module:
        kind, bias = self._shortcut
        if kind == "A":
            return Padding(after, stride)
        projection = convolution(self._dims, before, after, 1, stride=stride, bias=bias)
        return nn.Sequential(projection, batch_norm(self._dims, after))

    def layer_groups(self) -> list[tuple[str, list[str]]]:
        """The stem, then one group per residual block: ten with the heads for ResNet-18 (MetaLR)."""
        groups = [("stem", ["conv1", "bn1"])]
        for stage in ("layer1", "layer2", "layer3", "layer4"):
            blocks = len(self.get_submodule(stage)._modules)
            groups += [(f"{stage}.{index}", [f"{stage}.{index}"]) for index in range(blocks)]
        return groups

    def forward_map(self, images: Tensor) -> Tensor:
        """The features before they are averaged, (batch, width, *small)."""
        out = self.maxpool(self.act(self.bn1(self.conv1(images))))
        found: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(out))))
        return found

    def forward(self, images: Tensor) -> Tensor:
        return self.forward_map(images).flatten(2).mean(2)


def build_resnet(
    name: str, dims: int, channels: int, size: Sequence[int], **arguments: object
) -> ResNetEncoder:
    """The registered ResNet `name` for images of `channels`; any `size` works."""
    del size
    entry = ARCHITECTURES.entry(name)
    return ResNetEncoder(dims, channels, entry.layers, entry.bottleneck, **arguments)  # type: ignore[arg-type]
