"""What there is to choose from, for `tlpy architectures` and `tlpy layers`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlpy.architectures.cost import estimate_flops
from tlpy.architectures.registry import ARCHITECTURES
from tlpy.errors import InputError, Problem

# Sizes for a listing where none is given; only a transformer's positions depend on it.
SIZES = {1: (64,), 2: (64, 64), 3: (64, 64, 64)}


def list_architectures() -> list[dict[str, Any]]:
    """One record per registered architecture, without importing torch.

    Keys: `name`, `summary`, `dims`, `arguments` (with defaults), `gflops` by number of dimensions
    (a forward and backward pass over one image of 64 voxels an edge and one channel).
    """
    records = []
    for name in ARCHITECTURES.names():
        known = ARCHITECTURES.declaration(name)
        dims = known.facts.dimensions
        gflops = {n: round(estimate_flops({"name": name}, SIZES[n], 1) / 1e9, 2) for n in dims}
        records.append(
            {
                "name": name,
                "summary": known.summary,
                "dims": list(dims),
                "arguments": known.defaults,
                "gflops": gflops,
            }
        )
    return records


def describe_layers(
    component: Mapping[str, Any],
    dims: int = 2,
    channels: int = 1,
    outputs: int = 1,
    up_to: str | None = None,
    size: Sequence[int] | None = None,
) -> dict[str, Any]:
    """The named layers of an architecture in definition order, as `{name: freeze, up_to: …}` needs them.

    Where its facts allow it (`on_meta`), it is built on torch's `meta` device, which takes neither memory
    nor time.

    Args:
        component: name or class path with arguments.
        dims: spatial axes.
        channels: input channels.
        outputs: outputs of the one head, called `label`.
        up_to: the first layer that would train.
        size: spatial size; 64 voxels an edge where absent.

    Returns:
        `architecture`, `total`, `trainable`, `up_to`, and `layers`: each with `name`, `block`,
        `kind`, `shape` of its weight, `parameters`, `running` (this and all before it),
        `trainable` (what trains when frozen up to this layer) and `frozen`.

    Raises:
        InputError: an unknown architecture, argument or layer; a size of other than `dims` numbers.
    """
    import torch

    from tlpy.architectures.build import build, is_family
    from tlpy.architectures.selection import parameters_before

    shape = tuple(size) if size is not None else SIZES[dims]
    if len(shape) != dims:
        raise InputError([Problem("size", f"expected {dims} numbers, found {list(shape)}")])
    name = component["name"]
    on_meta = is_family(name) and ARCHITECTURES.facts(name).on_meta
    with torch.device("meta" if on_meta else "cpu"):
        architecture = build(component, channels, shape, {"label": outputs})
    frozen = set(parameters_before(architecture, up_to)) if up_to else set()
    total = sum(parameter.numel() for parameter in architecture.parameters())
    stopped = sum(p.numel() for name, p in architecture.named_parameters() if name in frozen)
    owner = {name: block.name for block in architecture.blocks() for name in block.parameters}
    layers: dict[str, dict[str, Any]] = {}
    running = 0
    for name, parameter in architecture.named_parameters():
        layer = name.rpartition(".")[0]
        record = layers.setdefault(
            layer,
            {
                "name": layer.removeprefix("encoder."),
                "block": owner[name],
                "kind": type(architecture.get_submodule(layer)).__name__,
                "shape": list(parameter.shape),
                "parameters": 0,
                "running": 0,
                "trainable": total - running,
                "frozen": name in frozen,
            },
        )
        running += parameter.numel()
        record["parameters"] += parameter.numel()
        record["running"] = running
    return {
        "architecture": name,
        "dims": dims,
        "channels": channels,
        "outputs": outputs,
        "size": list(shape),
        "up_to": up_to,
        "total": total,
        "trainable": total - stopped,
        "layers": list(layers.values()),
    }
