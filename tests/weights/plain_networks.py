"""Networks in plain torch whose weights are named as torchvision, timm and MedicalNet name them.

Written from the papers; nothing of `tlpy` is in here, so that what it loads was made by others.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

CONV: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
NORM: dict[int, Any] = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
MAXIMUM: dict[int, Any] = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}
MEAN: dict[int, Any] = {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d}


class BasicBlock(nn.Module):
    def __init__(self, dims: int, before: int, planes: int, stride: int, shortcut: str) -> None:
        super().__init__()
        self.conv1 = CONV[dims](before, planes, 3, stride, 1, bias=False)
        self.bn1 = NORM[dims](planes)
        self.conv2 = CONV[dims](planes, planes, 3, 1, 1, bias=False)
        self.bn2 = NORM[dims](planes)
        self.planes, self.stride, self.dims = planes, stride, dims
        self.downsample = None
        if shortcut == "B" and (stride > 1 or before != planes):
            convolution = CONV[dims](before, planes, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, NORM[dims](planes))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        if self.downsample is not None:
            kept = self.downsample(x)
        else:
            kept = x[(slice(None),) * 2 + (slice(None, None, self.stride),) * self.dims]
            kept = functional.pad(kept, [0, 0] * self.dims + [0, self.planes - kept.shape[1]])
        return (out + kept).relu()


class Bottleneck(nn.Module):
    def __init__(self, dims: int, before: int, planes: int, stride: int) -> None:
        super().__init__()
        self.conv1 = CONV[dims](before, planes, 1, bias=False)
        self.bn1 = NORM[dims](planes)
        self.conv2 = CONV[dims](planes, planes, 3, stride, 1, bias=False)
        self.bn2 = NORM[dims](planes)
        self.conv3 = CONV[dims](planes, 4 * planes, 1, bias=False)
        self.bn3 = NORM[dims](4 * planes)
        self.downsample = None
        if stride > 1 or before != 4 * planes:
            convolution = CONV[dims](before, 4 * planes, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, NORM[dims](4 * planes))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn3(self.conv3(self.bn2(self.conv2(out)).relu()))
        return (out + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet(nn.Module):
    """torchvision's names, and MedicalNet's: `conv1`, `bn1`, `layer1.0.conv1`, …, `fc`."""

    def __init__(
        self,
        layers: tuple[int, ...],
        dims: int = 2,
        channels: int = 3,
        filters: int = 64,
        bottleneck: bool = False,
        shortcut: str = "B",
        classes: int = 1000,
    ) -> None:
        super().__init__()
        self.conv1 = CONV[dims](channels, filters, 7, 2, 3, bias=False)
        self.bn1 = NORM[dims](filters)
        self.maxpool = MAXIMUM[dims](3, 2, 1)
        before = filters
        for stage, count in enumerate(layers):
            planes, blocks = filters * 2**stage, []
            for block in range(count):
                stride = 2 if stage and not block else 1
                made = (
                    Bottleneck(dims, before, planes, stride)
                    if bottleneck
                    else BasicBlock(dims, before, planes, stride, shortcut)
                )
                blocks.append(made)
                before = planes * (4 if bottleneck else 1)
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        if classes:
            self.fc = nn.Linear(before, classes)

    def features(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.bn1(self.conv1(x)).relu())
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return x.flatten(2).mean(2)


class DenseLayer(nn.Module):
    def __init__(self, dims: int, before: int, growth: int) -> None:
        super().__init__()
        self.norm1 = NORM[dims](before)
        self.conv1 = CONV[dims](before, 4 * growth, 1, bias=False)
        self.norm2 = NORM[dims](4 * growth)
        self.conv2 = CONV[dims](4 * growth, growth, 3, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv1(self.norm1(x).relu())
        return torch.cat([x, self.conv2(self.norm2(inner).relu())], 1)


class DenseNet(nn.Module):
    """torchvision's names: `features.denseblock1.denselayer1.norm1`, …, `classifier`."""

    def __init__(
        self, layers: tuple[int, ...], dims: int = 2, channels: int = 3, filters: int = 64, growth: int = 32
    ) -> None:
        super().__init__()
        parts: dict[str, nn.Module] = {
            "conv0": CONV[dims](channels, filters, 7, 2, 3, bias=False),
            "norm0": NORM[dims](filters),
            "relu0": nn.ReLU(),
            "pool0": MAXIMUM[dims](3, 2, 1),
        }
        width = filters
        for block, count in enumerate(layers, 1):
            inside = nn.Sequential()
            for layer in range(1, count + 1):
                inside.add_module(f"denselayer{layer}", DenseLayer(dims, width, growth))
                width += growth
            parts[f"denseblock{block}"] = inside
            if block < len(layers):
                between = nn.Sequential()
                between.add_module("norm", NORM[dims](width))
                between.add_module("relu", nn.ReLU())
                between.add_module("conv", CONV[dims](width, width // 2, 1, bias=False))
                between.add_module("pool", MEAN[dims](2, 2))
                parts[f"transition{block}"] = between
                width //= 2
        parts["norm5"] = NORM[dims](width)
        self.features_ = width
        self.features = nn.Sequential()
        for name, part in parts.items():
            self.features.add_module(name, part)
        self.classifier = nn.Linear(width, 10)

    def means(self, x: Tensor) -> Tensor:
        return self.features(x).relu().flatten(2).mean(2)


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.qkv, self.proj, self.heads = nn.Linear(width, 3 * width), nn.Linear(width, width), heads

    def forward(self, x: Tensor) -> Tensor:
        parts = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.proj(functional.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2))


class TimmBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width), Attention(width, heads)
        self.norm2, self.mlp = nn.LayerNorm(width), nn.Module()
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp.fc2(functional.gelu(self.mlp.fc1(self.norm2(x))))


class TimmViT(nn.Module):
    """timm's names: `patch_embed.proj`, `pos_embed`, `blocks.0.attn.qkv`, …; mean of the patches' tokens."""

    def __init__(
        self,
        size: tuple[int, ...],
        channels: int = 3,
        patch: int = 4,
        width: int = 12,
        depth: int = 2,
        heads: int = 2,
        class_token: bool = False,
    ) -> None:
        super().__init__()
        dims, tokens = len(size), 1
        for edge in size:
            tokens *= edge // patch
        self.patch_embed = nn.Module()
        self.patch_embed.proj = CONV[dims](channels, width, patch, patch)
        if class_token:
            self.cls_token = nn.Parameter(torch.randn(1, 1, width))
        self.pos_embed = nn.Parameter(torch.randn(1, tokens + class_token, width))
        self.blocks = nn.Sequential(*(TimmBlock(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 10)

    def features(self, x: Tensor) -> Tensor:
        tokens = self.patch_embed.proj(x).flatten(2).transpose(1, 2) + self.pos_embed
        return self.norm(self.blocks(tokens)).mean(1)


class TorchvisionBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.self_attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(0.0), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.ln_1(x)
        x = x + self.self_attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class TorchvisionViT(nn.Module):
    """torchvision's names: `conv_proj`, `encoder.layers.encoder_layer_0.self_attention.in_proj_weight`, …"""

    def __init__(self, edge: int, patch: int = 4, width: int = 12, depth: int = 2, heads: int = 2) -> None:
        super().__init__()
        self.conv_proj = nn.Conv2d(3, width, patch, patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.encoder = nn.Module()
        self.encoder.pos_embedding = nn.Parameter(torch.randn(1, (edge // patch) ** 2 + 1, width))
        self.encoder.layers = nn.Sequential()
        for block in range(depth):
            self.encoder.layers.add_module(f"encoder_layer_{block}", TorchvisionBlock(width, heads))
        self.encoder.ln = nn.LayerNorm(width)
        self.heads = nn.Sequential()
        self.heads.add_module("head", nn.Linear(width, 10))

    def patches(self, x: Tensor) -> Tensor:
        """The mean of the patches' tokens, without the token of the whole image."""
        tokens = self.conv_proj(x).flatten(2).transpose(1, 2) + self.encoder.pos_embedding[:, 1:]
        return self.encoder.ln(self.encoder.layers(tokens)).mean(1)


class SwinAttention(nn.Module):
    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.relative_position_bias_table = nn.Parameter(torch.randn((2 * window - 1) ** 2, heads))
        self.register_buffer("relative_position_index", torch.zeros(window**4, dtype=torch.long))


class Merging(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)
        self.norm = nn.LayerNorm(4 * width)


def swin_state(writer: str, embed: int = 12, heads: tuple[int, ...] = (1, 2, 2, 4), window: int = 4) -> Any:
    """Weights of a Swin transformer of 2D as somebody writes them, one block a stage and two in the third."""
    torch.manual_seed(3)
    network = nn.Module()
    network.features = nn.ModuleList()
    state: dict[str, Tensor] = {}

    def add(name: str, module: nn.Module) -> None:
        state.update({f"{name}.{key}": value.detach() for key, value in module.state_dict().items()})

    add("features.0.0" if writer == "torchvision" else "patch_embed.proj", nn.Conv2d(3, embed, 2, 2))
    add("features.0.2" if writer == "torchvision" else "patch_embed.norm", nn.LayerNorm(embed))
    for stage, depth in enumerate((1, 1, 2, 1)):
        width = embed * 2**stage
        for block in range(depth):
            inside = f"features.{2 * stage + 1}.{block}"
            if writer != "torchvision":
                inside = f"layers.{stage}.blocks.{block}"
            parts = ("mlp.0", "mlp.3") if writer == "torchvision" else ("mlp.fc1", "mlp.fc2")
            add(f"{inside}.norm1", nn.LayerNorm(width))
            add(f"{inside}.attn", SwinAttention(width, heads[stage], window))
            add(f"{inside}.norm2", nn.LayerNorm(width))
            add(f"{inside}.{parts[0]}", nn.Linear(width, 4 * width))
            add(f"{inside}.{parts[1]}", nn.Linear(4 * width, width))
        if stage < 3:
            names = {
                "torchvision": f"features.{2 * stage + 2}",
                "timm": f"layers.{stage + 1}.downsample",
                "Microsoft, and timm before 0.9": f"layers.{stage}.downsample",
            }
            add(names[writer], Merging(width))
    add("norm", nn.LayerNorm(embed * 8))
    add("head", nn.Linear(embed * 8, 10))
    return state


@torch.no_grad()
def at_work(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network with weights and statistics as of a training, in evaluation."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            module.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
            module.weight.uniform_(0.5, 1.5)
            module.bias.normal_(0, 0.1)
    return network.eval()
