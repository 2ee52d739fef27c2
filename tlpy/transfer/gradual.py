"""Gradual unfreezing: from the heads down, a layer group at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlpy.components.rules import Count, UpToOne
from tlpy.transfer.base import Transfer

if TYPE_CHECKING:
    from tlpy.architectures.base import Architecture
    from tlpy.transfer.groups import ParameterGroups
    from tlpy.transfer.running import Running


@dataclass
class Gradual(Transfer):
    """the heads train first, then one layer group more every `every` epochs (Howard & Ruder 2018)

    What does not train yet is frozen, its normalisation and dropout too. With `decay` below 1 groups move at
    discriminative rates as well, as in the paper (1/2.6).

    Args:
        every: epochs between two unfreezings.
        decay: how fast a group moves, over the next one towards the heads.
    """

    one_device = True
    noun = "gradual unfreezing"
    cites = ("Howard J, Ruder S. Universal language model fine-tuning for text classification. ACL 2018.",)

    every: Count = 1
    decay: UpToOne = 1.0

    def groups(self, architecture: Architecture) -> ParameterGroups:
        from tlpy.transfer.groups import decayed, group_by_block

        return group_by_block(architecture, decayed(architecture, self.decay))

    def start_epoch(self, running: Running) -> None:
        """Of d groups, the last 1 + ⌊(epoch - 1) / every⌋ move."""
        free = 1 + (running.epoch - 1) // self.every
        for number, group in enumerate(reversed(running.groups)):
            moves = number < free
            for parameter in group["params"]:
                parameter.requires_grad = moves
            group["lr_scale"] = self.decay**number if moves else 0.0
