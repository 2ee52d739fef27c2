"""Freezing layers, up to a named one or by blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlpy.components.rules import Span
from tlpy.errors import Problems
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
        from tlpy.architectures.selection import parameters_before, parameters_of_blocks
        from tlpy.transfer.groups import freeze_parameters

        problems = Problems()
        self.check("transfer", None, problems)
        problems.raise_if_any()
        if self.up_to is not None:
            return freeze_parameters(architecture, parameters_before(architecture, self.up_to))
        return freeze_parameters(architecture, parameters_of_blocks(architecture, self.blocks or ()))
