"""What an architecture says of itself, and what a family of them answers to planning. Imports no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, ClassVar, Literal

from tlpy.components.facts import Facts
from tlpy.components.loading import load_object
from tlpy.errors import InputError, Problem

if TYPE_CHECKING:
    from torch import nn

# What the last layer group is called.
HEADS = "heads"
# Name and module names of each layer group, in definition order.
LayerGroups = list[tuple[str, list[str]]]
Kinds = tuple[Literal["images", "vectors"], ...]


class ArchitectureFacts(Facts):
    """What an architecture says of itself; an own network, which is no `Family`, may say so, too.

    Attributes:
        planned: whether planning can make it and ask it; what tells a `Family` from a bare network.
        dimensions: the numbers of spatial axes it works in.
        takes: `images`, whose neighbours belong together, `vectors`, whose features have no order, or both.
        cost: seconds of one training step per floating point operation, relative to `resnet18`
            (measured, one CPU thread, 2D slices of 56x72).
        channels_last: whether a CPU trains it faster in that layout (measured; a GPU always does).
        on_meta: whether it can be built on torch's `meta` device: nothing looks at values meanwhile.
        batch_norm: whether it has batch normalisation, whose statistics `adabn` measures; an own network that
            says nothing is asked when it is built.
        finer: what leaves more of small images, as the plan says it where a last map is a single voxel.
        network: class path of a family's torch side; it is made with the family, channels and size.
    """

    planned: ClassVar[bool] = False
    dimensions: ClassVar[tuple[int, ...]] = (1, 2, 3)
    takes: ClassVar[Kinds] = ("images", "vectors")
    cost: ClassVar[float] = 1.0
    channels_last: ClassVar[bool] = True
    on_meta: ClassVar[bool] = False
    batch_norm: ClassVar[bool] = True
    finer: ClassVar[str] = ""
    network: ClassVar[str] = ""


@dataclass(frozen=True)
class Family(ArchitectureFacts, ABC):
    """A family of architectures: its arguments are its fields, its facts are class attributes.

    It knows its layers, their groups and their cost from the arguments alone, so that planning can ask
    without torch: keep the file of an own one free of it, and the network in another (`network`). An
    architecture of the family is the class itself, or a subclass that says, for instance, how deep it is.

    Args:
        dims: spatial axes; None: those of the images.
    """

    planned = True
    takes: ClassVar[Kinds] = ("images",)

    dims: int | None = None

    @abstractmethod
    def layer_names(self) -> Iterable[str]:
        """The layers that have parameters, in definition order, as `tlpy layers` lists them."""

    @abstractmethod
    def layer_groups(self) -> LayerGroups:
        """Name and module names of each layer group, in definition order, without the heads."""

    @abstractmethod
    def macs(self, size: Sequence[int], channels: int) -> float:
        """Multiplications with an addition in a forward pass over one image of this size and channels."""

    def last_map(self, size: Sequence[int]) -> list[int] | None:
        """The spatial size of the map that the features are the mean of; None where it is not known.

        Args:
            size: the images' spatial size.
        """
        del size
        return None

    def faults(self) -> Mapping[str, str]:
        """Argument → what is wrong with it beside the others; each alone is as its annotation says."""
        return {}

    @property
    def head_dropout(self) -> float:
        """Share of the features dropped before the heads: for a network with no place of its own for it."""
        return 0.0

    def encoder(self, channels: int, size: Sequence[int]) -> nn.Module:
        """The network, from images (batch, channels, *size) to features (batch, features). Imports torch.

        Raises:
            InputError: there is no such network.
        """
        if not self.network:
            message = f"{type(self).__name__} names no network"
            raise InputError([Problem("architecture", message, "say `network`, a class path")])
        network: nn.Module = load_object(self.network, "architecture")(self, channels, tuple(size))
        return network


def strided(size: Sequence[int], stride: int = 2) -> list[int]:
    """What a convolution or a pooling with a stride, and with padding, leaves of an image's size."""
    return [max(1, ceil(axis / stride)) for axis in size]


def halved(size: Sequence[int]) -> list[int]:
    """What halving leaves of it: pooling without padding, which leaves an axis of one voxel as it is."""
    return [max(1, axis // 2) for axis in size]
