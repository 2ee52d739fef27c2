"""What a way of transfer is. Imports no torch: planning makes ways of transfer to check them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tlpy.components.facts import Facts
from tlpy.errors import Problems

if TYPE_CHECKING:
    from tlpy.architectures.base import Architecture
    from tlpy.transfer.groups import ParameterGroups
    from tlpy.transfer.running import Running


class TransferFacts(Facts):
    """What a way of transfer says of itself.

    Attributes:
        neutral: it takes everything over and holds nothing back, which is as good as not to be named.
        heads_alone: nothing but the heads moves, so that a stage without labels has nothing to train.
        one_device: it does not work where several devices train a stage together.
        cost: seconds of a training step over those of a plain one, for packing.
    """

    neutral: ClassVar[bool] = False
    heads_alone: ClassVar[bool] = False
    one_device: ClassVar[bool] = False
    cost: ClassVar[float] = 1.0


class Transfer(TransferFacts, ABC):
    """Which parameters of a network move, how fast, and what happens to that while it trains.

    Its arguments are those of its `__init__`, or the fields of a dataclass. Only `groups` has to be said;
    everything else does nothing unless it is overridden. An own way is a subclass, or a function that takes
    the architecture and its arguments and gives `ParameterGroups`.

    A rate is the stage's, as its schedule has it, times the `lr_scale` of the group: a way of transfer sets
    the latter, at any time, and does not get into the schedule's way. `lr_scale` is kept in checkpoints; what
    else a way remembers from one epoch to the next is its `state`.
    """

    def check(self, where: str, blocks: int | None, problems: Problems) -> None:
        """Add what does not fit together; planning asks.

        Args:
            where: the param's path.
            blocks: how many layer groups the network has, heads included; None where that is not known.
            problems: takes what is wrong.
        """

    def settings(self, blocks: int) -> Sequence[Mapping[str, Any]]:
        """The components that it stands for in a search, each with its name; empty: for itself.

        Args:
            blocks: how many layer groups the network has, heads included.
        """
        del blocks
        return ()

    @abstractmethod
    def groups(self, architecture: Architecture) -> ParameterGroups:
        """What may train; the `requires_grad` of everything else is turned off. Weights are loaded.

        Raises:
            InputError: the network has no such layer or block.
        """

    @property
    def held_back(self) -> float:
        """Which share of the training part, by unit, it keeps for itself: nothing is trained on it.

        It comes as `Running.held_back` before each step, in batches as large as the training's.
        """
        return 0.0

    def start_epoch(self, running: Running) -> None:
        """Called before the first step of an epoch, and before its rates are written down.

        What it freezes now (`requires_grad`) stays as it is for the epoch, normalisation included.
        """

    def before_step(self, running: Running) -> None:
        """Called before each step of the optimizer, with the gradients that it is about to follow."""

    def end_epoch(self, running: Running) -> bool:
        """Called after an epoch's validation; whether the epoch stands.

        One that does not has been taken back (`Running.restore`): it can't become the epoch to keep, nor
        count for early stopping.
        """
        del running
        return True

    def state(self) -> dict[str, Any]:
        """What a retry needs beside the groups' `lr_scale`: tensors and plain values."""
        return {}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Take up a `state` that a run which was interrupted had left."""

    def finish(self, architecture: Architecture) -> None:
        """Called when the training is over and scored: the network gets back its plain parameters."""
