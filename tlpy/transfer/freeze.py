"""Freezing layers, up to a named one or by blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlpy.components.rules import Span, is_span
from tlpy.errors import InputError, Problem, Problems, nearest
from tlpy.transfer.base import Transfer

if TYPE_CHECKING:
    from tlpy.architectures.base import Architecture
    from tlpy.transfer.groups import ParameterGroups


@dataclass(frozen=True)
class Freeze(Transfer):
    """the layers before `up_to`, or the blocks m to n of `blocks: [m, n]`, are kept as they are

    TLIMB, Table 4, and MetaLR, section 2.1.

    Args:
        up_to: the first layer that trains: all named parameters of the encoder before it, in
            definition order, are frozen. A layer (`layer3.1.conv1`), a block (`layer3.1`) or `heads`.
        blocks: the first and last frozen block, counted from 1, the last below the number of blocks.
    """

    up_to: str | None = None
    blocks: Span | None = None

    def check(self, where: str, blocks: int | None, problems: Problems) -> None:
        if (self.up_to is None) == (self.blocks is None):
            example = "{name: freeze, up_to: layer3.1.conv1} or {name: freeze, blocks: [1, 4]}"
            problems.add(where, "freeze takes either `up_to` or `blocks`", f"for example {example}")
        if self.up_to == "":
            problems.add(f"{where}.up_to", "expected the name of a layer, found ''")
        if self.blocks is not None and blocks is not None and self.blocks[1] >= blocks:
            last = f"the last frozen block is {self.blocks[1]}"
            heads = f"but the last of the {blocks} blocks, the heads, must train"
            problems.add(f"{where}.blocks", f"{last}, {heads}")

    def groups(self, architecture: Architecture) -> ParameterGroups:
        from tlpy.transfer.groups import freeze_parameters

        problems = Problems()
        self.check("transfer", None, problems)
        problems.raise_if_any()
        if self.up_to is not None:
            return freeze_parameters(architecture, parameters_before(architecture, self.up_to))
        return freeze_parameters(architecture, parameters_of_blocks(architecture, self.blocks or ()))


def parameters_before(architecture: Architecture, layer: str) -> list[str]:
    """Full names of the encoder's parameters before `layer`, in definition order.

    Raises:
        InputError: there is no such layer; names the nearest one.
    """
    from tlpy.architectures.base import HEADS

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
