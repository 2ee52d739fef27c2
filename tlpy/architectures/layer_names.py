"""The layers of the registered architectures by name, without torch: planning checks `up_to` with them.

A test holds these names and those of the networks together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tlpy.architectures.registry import ARCHITECTURES, ArchitectureEntry, block_names
from tlpy.errors import InputError, Problem, nearest

_HEADS = "heads"


def layer_names(component: Mapping[str, Any]) -> list[str]:
    """The encoder's layers that have parameters, in definition order, as `tlpy layers` lists them.

    Args:
        component: a registered architecture with its arguments.

    Raises:
        InputError: an unknown name or argument.
    """
    complete = ARCHITECTURES.complete(dict(component), "architecture")
    entry = ARCHITECTURES.entry(complete["name"])
    return list(_FAMILIES[entry.family](entry, complete))


def check_layer(component: Mapping[str, Any], layer: str, where: str) -> None:
    """Whether `layer` is a layer, a block, or a parameter of a layer of this architecture.

    Raises:
        InputError: there is none of that name; names the nearest one.
    """
    wanted = layer.removeprefix("encoder.")
    layers = layer_names(component)
    blocks = block_names(dict(component))
    known = {*layers, *blocks, _HEADS}
    inside = any(name.startswith(f"{wanted}.") for name in layers)
    if wanted in known or inside or wanted.rpartition(".")[0] in layers:
        return
    close = nearest(wanted, [*layers, *blocks], f"the first are {', '.join(layers[:4])}")
    hint = f"{close}; `tlpy layers {component['name']} --dims N` lists all"
    raise InputError([Problem(where, f"{component['name']} has no layer '{layer}'", hint)])


def _resnet(entry: ArchitectureEntry, arguments: Mapping[str, Any]) -> Iterator[str]:
    yield from ("conv1", "bn1")
    expansion, convolutions = (4, 3) if entry.bottleneck else (1, 2)
    for stage, count in enumerate(entry.layers, 1):
        for block in range(count):
            for number in range(1, convolutions + 1):
                yield from (f"layer{stage}.{block}.conv{number}", f"layer{stage}.{block}.bn{number}")
            # The first stage keeps the size, and without bottlenecks its channels too.
            changes = block == 0 and (stage > 1 or expansion > 1)
            if changes and arguments["shortcut"] == "B":
                yield from (f"layer{stage}.{block}.downsample.{number}" for number in range(2))


def _densenet(entry: ArchitectureEntry, _: Mapping[str, Any]) -> Iterator[str]:
    yield from ("features.conv0", "features.norm0")
    for block, count in enumerate(entry.layers, 1):
        for layer in range(1, count + 1):
            inside = f"features.denseblock{block}.denselayer{layer}.layers"
            yield from (f"{inside}.{name}" for name in ("norm1", "conv1", "norm2", "conv2"))
        if block < len(entry.layers):
            yield from (f"features.transition{block}.norm", f"features.transition{block}.conv")
    yield "features.norm5"


def _sfcn(_: ArchitectureEntry, arguments: Mapping[str, Any]) -> Iterator[str]:
    for index in range(len(arguments["filters"])):
        yield from (f"feature_extractor.conv_{index}.{part}" for part in range(2))


def _vit(_: ArchitectureEntry, arguments: Mapping[str, Any]) -> Iterator[str]:
    yield from ("patch_embedding", "patch_embedding.patch_embeddings")
    parts = ("mlp.linear1", "mlp.linear2", "norm1", "attn.out_proj", "attn.qkv", "norm2")
    for block in range(arguments["depth"]):
        yield from (f"blocks.{block}.{part}" for part in parts)
    yield "norm"


def _swin(_: ArchitectureEntry, arguments: Mapping[str, Any]) -> Iterator[str]:
    yield "patch_embed.proj"
    parts = ("norm1", "attn", "attn.qkv", "attn.proj", "norm2", "mlp.linear1", "mlp.linear2")
    for stage, depth in enumerate(arguments["depths"], 1):
        inside = f"layers{stage}.0"
        for block in range(depth):
            yield from (f"{inside}.blocks.{block}.{part}" for part in parts)
        yield from (f"{inside}.downsample.reduction", f"{inside}.downsample.norm")


_FAMILIES = {"resnet": _resnet, "densenet": _densenet, "sfcn": _sfcn, "vit": _vit, "swin": _swin}
