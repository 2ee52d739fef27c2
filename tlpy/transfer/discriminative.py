"""Discriminative rates: the further from the heads, the slower."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlpy.components.rules import UpToOne
from tlpy.transfer.base import Transfer

if TYPE_CHECKING:
    from tlpy.architectures.base import Architecture
    from tlpy.transfer.groups import ParameterGroups


@dataclass(frozen=True)
class Discriminative(Transfer):
    """all trains, each layer group `decay` times as fast as the next one towards the heads

    Of d groups, the k-th moves at decay^(d - k) times the stage's rate, the heads at the rate itself. Of a
    transformer, whose groups are the embedding and its blocks, this is the usual layer-wise decay (Clark
    2020; Bao 2022: 0.65 to 0.75); Howard & Ruder have 1/2.6.

    Args:
        decay: above 0, at most 1.
    """

    noun = "discriminative learning rates"
    cites = (
        "Howard J, Ruder S. Universal language model fine-tuning for text classification. ACL 2018.",
        "Bao H, Dong L, Piao S, Wei F. BEiT: BERT pre-training of image transformers. ICLR 2022.",
    )

    decay: UpToOne = 0.75

    def groups(self, architecture: Architecture) -> ParameterGroups:
        from tlpy.transfer.groups import decayed, group_by_block

        return group_by_block(architecture, decayed(architecture, self.decay))
