"""What every architecture is: an encoder and named, replaceable heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable
from urllib.parse import quote

import torch
from torch import Tensor, nn

from tlpy.architectures import family
from tlpy.architectures.family import LayerGroups

HEADS = family.HEADS


@dataclass(frozen=True)
class Block:
    """A layer group: what is frozen, unfrozen or given a learning rate as one.

    Attributes:
        name: as users write it, without the `encoder.` in front.
        parameters: full parameter names, in definition order.
    """

    name: str
    parameters: tuple[str, ...]


@runtime_checkable
class Grouped(Protocol):
    """An encoder that declares its layer groups."""

    def layer_groups(self) -> LayerGroups:
        """Name and module names of each group, in definition order."""
        ...


class Architecture(nn.Module):
    """An encoder and one linear head per label.

    Args:
        encoder: maps images (batch, channels, *size) to features (batch, features).
        features: the width of these features.
        heads: outputs per label: 1 for regression and for two classes, else one per class.
        dropout: share of the features dropped before the heads in training.
        channels, size: of the images, where they are known; what an objective builds its networks for.
        groups: the encoder's layer groups; None: as its `layer_groups()` says, or else one for each child.

    Attributes:
        layout: the memory format that images are handed over in; who trains the network sets it.

    There is no head in a network that is trained on images alone.

    Raises:
        ValueError: a head without outputs.
    """

    def __init__(
        self,
        encoder: nn.Module,
        features: int,
        heads: Mapping[str, int],
        dropout: float = 0.0,
        channels: int | None = None,
        size: Sequence[int] | None = None,
        groups: LayerGroups | None = None,
    ) -> None:
        super().__init__()
        if any(outputs < 1 for outputs in heads.values()):
            raise ValueError(f"heads: expected at least one output each, found {dict(heads)}")
        self.channels = channels
        self.size = None if size is None else tuple(size)
        self.layout = torch.contiguous_format
        self._groups = groups
        self.encoder = encoder
        self.features = features
        self.dropout = nn.Dropout(dropout)
        self.labels = tuple(heads)
        self.heads = nn.ModuleDict({head_key(label): nn.Linear(features, n) for label, n in heads.items()})

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Outputs (batch, outputs) by label: logits for classes, standardised values for regression."""
        return self.predict(self.encoder(images))

    def predict(self, features: Tensor) -> dict[str, Tensor]:
        """Outputs (batch, outputs) by label, from the encoder's features (batch, features)."""
        kept = self.dropout(features)
        return {label: self.heads[head_key(label)](kept) for label in self.labels}

    def blocks(self) -> list[Block]:
        """The layer groups in definition order, the heads last.

        Raises:
            ValueError: a parameter is in no group or in two, or a group has none.
        """
        groups = self._layer_groups()
        members: dict[str, list[str]] = {name: [] for name, _ in groups}
        for name, _ in self.encoder.named_parameters():
            found = [
                group for group, modules in groups if any(_is_within(name, module) for module in modules)
            ]
            if len(found) != 1:
                raise ValueError(
                    f"parameter {name} is in {len(found)} layer groups, expected exactly one: {found}"
                )
            members[found[0]].append(f"encoder.{name}")
        empty = [group for group, names in members.items() if not names]
        if empty:
            raise ValueError(f"layer groups without parameters: {', '.join(empty)}")
        heads = tuple(f"{HEADS}.{name}" for name, _ in self.heads.named_parameters())
        return [*(Block(group, tuple(names)) for group, names in members.items()), Block(HEADS, heads)]

    def _layer_groups(self) -> LayerGroups:
        if self._groups is not None:
            return self._groups
        if isinstance(self.encoder, Grouped):
            return self.encoder.layer_groups()
        owners = dict.fromkeys(name.partition(".")[0] for name, _ in self.encoder.named_parameters())
        return [(name, [name]) for name in owners]


def head_key(label: str) -> str:
    """The module name of a label's head: a label may hold dots (`31-0.0`) or be called `type`."""
    key = quote(label, safe=" ()+,:;=@&$!*'/[]|").replace(".", "%2E")
    return f"%{key}" if hasattr(_PLAIN_HEADS, key) else key


_PLAIN_HEADS = nn.ModuleDict()


def _is_within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def count_parameters(architecture: nn.Module) -> tuple[int, int]:
    """The total number of parameters, and how many of them are trained."""
    total = sum(parameter.numel() for parameter in architecture.parameters())
    return total, sum(parameter.numel() for parameter in architecture.parameters() if parameter.requires_grad)


@torch.no_grad()
def measure_features(encoder: nn.Module, channels: int, size: tuple[int, ...], name: str) -> int:
    """The width of an encoder's features, from its attribute `width` or by trying one image.

    Raises:
        TypeError: the encoder does not return (batch, features); the message names `name`.
    """
    declared = getattr(encoder, "width", None)
    if isinstance(declared, int):
        return declared
    mode = encoder.training
    encoder.eval()
    try:
        result = cast(Tensor, encoder(torch.zeros(2, channels, *size)))
    finally:
        encoder.train(mode)
    if not isinstance(result, Tensor) or result.ndim != 2 or result.shape[0] != 2:
        found = tuple(result.shape) if isinstance(result, Tensor) else type(result).__name__
        raise TypeError(
            f"{name}: an encoder returns (batch, features), for 2 images expected (2, n), found {found}"
        )
    return int(result.shape[1])
