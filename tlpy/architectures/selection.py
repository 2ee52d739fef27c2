"""Parts of a network by the names that users give them: up to a layer, a span of blocks."""

from __future__ import annotations

from collections.abc import Sequence

from tlpy.architectures.base import HEADS, Architecture
from tlpy.components.rules import is_span
from tlpy.errors import InputError, Problem, nearest


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
