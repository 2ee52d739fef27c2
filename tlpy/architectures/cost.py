"""What one training step costs, estimated without torch, so that PLAN can pack stages into tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, prod
from typing import Any

from tlpy.architectures.registry import ARCHITECTURES, ArchitectureEntry

# One CPU thread, fp32, channels-last, fused Adam, ResNet-18 on 2D slices: 23 to 70 GFLOP/s, by machine.
FLOPS_PER_SECOND = 50e9
# A backward pass does about twice the work of a forward pass.
BACKWARD = 3.0


def estimate_flops(component: Mapping[str, Any], size: Sequence[int], channels: int) -> float:
    """Floating point operations of one forward and backward pass over one image.

    Args:
        component: an architecture with its arguments; defaults are filled in. A class path is
            taken for a ResNet-18, since nothing is known about it.
        size: the image's spatial size.
        channels: its channels.
    """
    name = str(component["name"])
    known = dict(component) if "." not in name else {"name": "resnet18"}
    complete = ARCHITECTURES.complete(known, "architecture")
    entry = ARCHITECTURES.entry(complete["name"])
    counts = {
        "resnet": _resnet_macs,
        "sfcn": _sfcn_macs,
        "densenet": _densenet_macs,
        "vit": _vit_macs,
        "swin": _swin_macs,
    }
    return 2 * BACKWARD * counts[entry.family](entry, complete, size, channels)


def estimate_seconds(component: Mapping[str, Any], size: Sequence[int], channels: int) -> float:
    """Seconds of one training step per image on one CPU thread; right to a factor of about two."""
    name = str(component["name"])
    factor = ARCHITECTURES.entry(name).cost if name in ARCHITECTURES else 1.0
    return estimate_flops(component, size, channels) * factor / FLOPS_PER_SECOND


def _halved(size: Sequence[int], stride: int = 2) -> list[int]:
    return [max(1, ceil(axis / stride)) for axis in size]


def _resnet_macs(
    entry: ArchitectureEntry, arguments: dict[str, Any], size: Sequence[int], channels: int
) -> float:
    dims, width = len(size), arguments["filters"]
    size = _halved(size, arguments["stride"])
    total = float(prod(size)) * channels * width * arguments["kernel"] ** dims
    if arguments["max_pool"]:
        size = _halved(size)
    before, expansion = width, 4 if entry.bottleneck else 1
    for stage, blocks in enumerate(entry.layers):
        planes = width * 2**stage
        for block in range(blocks):
            wide = size
            if stage > 0 and block == 0:
                size = _halved(size)
            after = planes * expansion
            if entry.bottleneck:
                total += prod(wide) * before * planes + prod(size) * planes * (planes * 3**dims + after)
            else:
                total += prod(size) * 3**dims * planes * (before + planes)
            if before != after and arguments["shortcut"] == "B":
                total += prod(size) * before * after
            before = after
    return total


def _densenet_macs(
    entry: ArchitectureEntry, arguments: dict[str, Any], size: Sequence[int], channels: int
) -> float:
    dims, width, growth = len(size), arguments["filters"], arguments["growth"]
    size = _halved(size, arguments["stride"])
    total = float(prod(size)) * channels * width * arguments["kernel"] ** dims
    if arguments["max_pool"]:
        size = _halved(size)
    inner = arguments["bottleneck"] * growth
    for block, layers in enumerate(entry.layers, 1):
        for _ in range(layers):
            total += prod(size) * inner * (width + growth * 3**dims)
            width += growth
        if block < len(entry.layers):
            total += prod(size) * width * (width // 2)
            size, width = [max(1, axis // 2) for axis in size], width // 2
    return total


def _sfcn_macs(
    entry: ArchitectureEntry, arguments: dict[str, Any], size: Sequence[int], channels: int
) -> float:
    del entry
    total, before = 0.0, channels
    *body, last = arguments["filters"]
    for filters in body:
        total += prod(size) * before * filters * arguments["kernel"] ** len(size)
        size, before = [max(1, axis // 2) for axis in size], filters
    return total + prod(size) * before * last


def _vit_macs(
    entry: ArchitectureEntry, arguments: dict[str, Any], size: Sequence[int], channels: int
) -> float:
    del entry
    width, patch = arguments["width"], arguments["patch"]
    tokens = prod(ceil(axis / patch) for axis in size)
    embedding = tokens * channels * patch ** len(size) * width
    layer = tokens * width * width * (4 + 2 * arguments["mlp_ratio"]) + 2 * tokens * tokens * width
    return float(embedding + arguments["depth"] * layer)


def _swin_macs(
    entry: ArchitectureEntry, arguments: dict[str, Any], size: Sequence[int], channels: int
) -> float:
    del entry
    dims, width, patch = len(size), arguments["embed"], arguments["patch"]
    size = _halved(size, patch)
    total = float(prod(size) * channels * patch**dims * width)
    for depth in arguments["depths"]:
        windows = [min(arguments["window"], axis) for axis in size]
        padded = prod(ceil(axis / edge) * edge for axis, edge in zip(size, windows, strict=True))
        attention = padded * width * (4 * width + 2 * prod(windows))
        total += depth * (attention + prod(size) * 2 * arguments["mlp_ratio"] * width**2)
        size = _halved(size)
        total += prod(size) * 2**dims * width * 2 * width
        width *= 2
    return total
