"""Full fine-tuning."""

from __future__ import annotations

from tlpy.architectures.base import Architecture
from tlpy.transfer.groups import ParameterGroups, group_trainable


def full(architecture: Architecture) -> ParameterGroups:
    """Every parameter trains (except what an architecture itself keeps fixed, such as sine positions)."""
    return group_trainable(architecture)
