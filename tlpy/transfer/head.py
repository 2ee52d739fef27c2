"""Training the heads alone, also called a linear probe."""

from __future__ import annotations

from tlpy.architectures.base import Architecture
from tlpy.transfer.groups import ParameterGroups, freeze_parameters


def head(architecture: Architecture) -> ParameterGroups:
    """The encoder stays bit for bit as it is; the heads train."""
    return freeze_parameters(
        architecture, [f"encoder.{name}" for name, _ in architecture.encoder.named_parameters()]
    )
