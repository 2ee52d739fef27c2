"""Freezing layers, up to a named one or by blocks."""

from __future__ import annotations

from collections.abc import Sequence

from tlpy.architectures.base import HEADS, Architecture
from tlpy.errors import InputError, Problem, nearest
from tlpy.transfer.groups import ParameterGroups, freeze_parameters
from tlpy.transfer.registry import is_span


def freeze(
    architecture: Architecture, up_to: str | None = None, blocks: Sequence[int] | None = None
) -> ParameterGroups:
    """Freeze the layers before `up_to` (TLIMB, Table 4), or the blocks m to n (MetaLR, section 2.1).

    Args:
        architecture: the network, with its weights loaded.
        up_to: the first layer that trains: all named parameters of the encoder before it, in
            definition order, are frozen. A layer (`layer3.1.conv1`), a block (`layer3.1`) or `heads`.
        blocks: the first and last frozen block, counted from 1, the last below the number of blocks.

    Raises:
        InputError: neither or both are given; no such layer or block.
    """
    if (up_to is None) == (blocks is None):
        raise InputError([Problem("transfer", "freeze takes either `up_to` or `blocks`")])
    if up_to is not None:
        return freeze_parameters(architecture, parameters_before(architecture, up_to))
    assert blocks is not None
    return freeze_parameters(architecture, parameters_of_blocks(architecture, blocks))


def parameters_before(architecture: Architecture, layer: str) -> list[str]:
    """Full names of the encoder's parameters before `layer`, in definition order.

    Raises:
        InputError: there is no such layer; names the nearest one.
    """
    names = [name for name, _ in architecture.encoder.named_parameters()]
    wanted = layer.removeprefix("encoder.")
    if wanted == HEADS:
        return [f"encoder.{name}" for name in names]
    inside = [index for index, name in enumerate(names) if name == wanted or name.startswith(f"{wanted}.")]
    for block in architecture.blocks():
        if block.name == wanted:
            inside.append(min(names.index(name.removeprefix("encoder.")) for name in block.parameters))
    if not inside:
        layers = dict.fromkeys(name.rpartition(".")[0] or name for name in names)
        known = [*(layers | dict.fromkeys(block.name for block in architecture.blocks()))]
        close = nearest(wanted, known, f"the first are {', '.join(known[:4])}")
        hint = f"{close}; `tlpy layers NAME --dims N` lists all"
        raise InputError([Problem("transfer.up_to", f"the architecture has no layer '{layer}'", hint)])
    return [f"encoder.{name}" for name in names[: min(inside)]]


def parameters_of_blocks(architecture: Architecture, span: Sequence[int]) -> list[str]:
    """Full names of the parameters of the blocks first to last, counted from 1.

    Raises:
        InputError: not 1 <= first <= last < number of blocks.
    """
    blocks = architecture.blocks()
    if not is_span(span) or span[1] >= len(blocks):
        names = ", ".join(f"{index} {block.name}" for index, block in enumerate(blocks, 1))
        message = f"expected [first, last] with 1 <= first <= last < {len(blocks)}, found {list(span)}"
        raise InputError([Problem("transfer.blocks", message, f"blocks: {names}")])
    return [name for block in blocks[span[0] - 1 : span[1]] for name in block.parameters]
