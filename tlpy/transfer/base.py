"""What a way of transfer is. Imports no torch: planning makes ways of transfer to check them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from tlpy.components.facts import Facts
from tlpy.errors import Problems

if TYPE_CHECKING:
    from tlpy.architectures.base import Architecture
    from tlpy.transfer.groups import ParameterGroups


class TransferFacts(Facts):
    """What a way of transfer says of itself.

    Attributes:
        neutral: it takes everything over and holds nothing back, which is as good as not to be named.
        heads_alone: nothing but the heads moves, so that a stage without labels has nothing to train.
    """

    neutral: ClassVar[bool] = False
    heads_alone: ClassVar[bool] = False


class Transfer(TransferFacts, ABC):
    """Which parameters of a network move, and how fast, once its weights are taken over.

    Its arguments are those of its `__init__`, or the fields of a dataclass. An own way is a subclass, or a
    function that takes the architecture and its arguments and gives `ParameterGroups`.
    """

    def check(self, where: str, blocks: int | None, problems: Problems) -> None:
        """Add what does not fit together; planning asks.

        Args:
            where: the param's path.
            blocks: how many layer groups the network has, heads included; None where that is not known.
            problems: takes what is wrong.
        """

    @abstractmethod
    def groups(self, architecture: Architecture) -> ParameterGroups:
        """What trains; the `requires_grad` of everything else is turned off.

        Raises:
            InputError: the network has no such layer or block.
        """
