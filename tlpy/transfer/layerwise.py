"""What MetaLR is compared with: a run of layer groups is frozen, from the first one on or anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tlpy.components.rules import Count, Span
from tlpy.errors import InputError, Problem, Problems
from tlpy.transfer.base import Transfer

if TYPE_CHECKING:
    from tlpy.architectures.base import Architecture
    from tlpy.transfer.groups import ParameterGroups

_SEARCH = "search: {space: {finetune.transfer: [%s]}} tries all of them"


@dataclass(frozen=True)
class Layerwise(Transfer):
    """the first `blocks` layer groups are kept as they are (Tajbakhsh 2016)

    Without `blocks`, in a search, all of 1 to d - 1 for d layer groups, the heads being the last one.

    Args:
        blocks: how many are frozen, below the number of groups.
    """

    noun = "layer-wise fine-tuning"
    cites = (
        "Tajbakhsh N, et al. Convolutional neural networks for medical image analysis: full training or "
        "fine tuning? IEEE TMI 2016;35(5):1299-1312.",
    )

    blocks: Count | None = None

    def check(self, where: str, blocks: int | None, problems: Problems) -> None:
        _check(where, None if self.blocks is None else (1, self.blocks), blocks, "layerwise", problems)

    def settings(self, blocks: int) -> Sequence[Mapping[str, Any]]:
        if self.blocks is not None:
            return ()
        return [{"name": "layerwise", "blocks": last} for last in range(1, blocks)]

    def groups(self, architecture: Architecture) -> ParameterGroups:
        return _frozen(architecture, None if self.blocks is None else (1, self.blocks), "layerwise")


@dataclass(frozen=True)
class Bidirectional(Transfer):
    """the layer groups m to n of `blocks: [m, n]` are kept as they are, both ends train (MetaLR, section 2.1)

    Without `blocks`, in a search, all of 1 <= m <= n < d for d layer groups, the heads being the last one:
    d(d - 1)/2 settings, 45 for ResNet-18. Those with m = 1 are `layerwise`.

    Args:
        blocks: the first and last frozen group, counted from 1.
    """

    noun = "bi-directional fine-tuning"
    cites = (
        "Chen Y, Liu L, Li J, Jiang H, Ding C, Zhou Z. MetaLR: meta-tuning of learning rates for transfer "
        "learning in medical imaging. MICCAI 2023.",
    )

    blocks: Span | None = None

    def check(self, where: str, blocks: int | None, problems: Problems) -> None:
        _check(where, self.blocks, blocks, "bidirectional", problems)

    def settings(self, blocks: int) -> Sequence[Mapping[str, Any]]:
        if self.blocks is not None:
            return ()
        both = [(m, n) for m in range(2, blocks) for n in range(m, blocks)]
        return [*Layerwise().settings(blocks), *({"name": "bidirectional", "blocks": [*one]} for one in both)]

    def groups(self, architecture: Architecture) -> ParameterGroups:
        return _frozen(architecture, self.blocks, "bidirectional")


def _check(where: str, span: Sequence[int] | None, blocks: int | None, name: str, problems: Problems) -> None:
    if span is None:
        message = f"{name} without `blocks` stands for many settings"
        problems.add(where, message, f"give `blocks`, or search: {_SEARCH % name}")
    elif blocks is not None and span[1] >= blocks:
        last = f"the last frozen block is {span[1]}"
        problems.add(f"{where}.blocks", f"{last}, but the last of the {blocks} blocks, the heads, must train")


def _frozen(architecture: Architecture, span: Sequence[int] | None, name: str) -> ParameterGroups:
    """A group for each block; those from the first to the last of `span` are frozen."""
    from tlpy.transfer.groups import group_by_block

    if span is None:
        raise InputError([Problem("transfer", f"{name} needs `blocks` to train", _SEARCH % name)])
    names = [block.name for block in architecture.blocks()]
    if span[1] >= len(names):
        listed = ", ".join(f"{number} {block}" for number, block in enumerate(names, 1))
        message = f"expected blocks below {len(names)}, found {list(span)}"
        raise InputError([Problem("transfer.blocks", message, f"blocks: {listed}")])
    return group_by_block(architecture, dict.fromkeys(names[span[0] - 1 : span[1]], 0.0))
