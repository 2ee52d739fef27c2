"""The plain ways: everything trains, or the heads alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlpy.transfer.base import Transfer

if TYPE_CHECKING:
    from tlpy.architectures.base import Architecture
    from tlpy.transfer.groups import ParameterGroups


class Full(Transfer):
    """every parameter is taken over and trained

    What an architecture itself keeps fixed, such as sine positions, stays fixed.
    """

    neutral = True

    def groups(self, architecture: Architecture) -> ParameterGroups:
        from tlpy.transfer.groups import group_trainable

        return group_trainable(architecture)


class Head(Transfer):
    """the encoder is kept as it is, bit for bit, only the heads are trained

    Also called a linear probe.
    """

    heads_alone = True

    def groups(self, architecture: Architecture) -> ParameterGroups:
        from tlpy.transfer.groups import freeze_parameters

        names = [f"encoder.{name}" for name, _ in architecture.encoder.named_parameters()]
        return freeze_parameters(architecture, names)
