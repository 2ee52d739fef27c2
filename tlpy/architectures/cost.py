"""What one training step costs, estimated without torch, so that PLAN can pack stages into tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlpy.architectures.families.resnet import ResNet18
from tlpy.architectures.registry import ARCHITECTURES, blamed, family_of

# One CPU thread, fp32, channels-last, fused Adam, ResNet-18 on 2D slices: 23 to 70 GFLOP/s, by machine.
FLOPS_PER_SECOND = 50e9
# A backward pass does about twice the work of a forward pass.
BACKWARD = 3.0


def estimate_flops(component: Mapping[str, Any], size: Sequence[int], channels: int) -> float:
    """Floating point operations of one forward and backward pass over one image.

    Args:
        component: an architecture with its arguments. An own network is taken for a ResNet-18, since
            nothing is known about it.
        size: the image's spatial size.
        channels: its channels.
    """
    known = ARCHITECTURES.facts(component["name"]).planned
    with blamed(component):
        return 2 * BACKWARD * (family_of(component) if known else ResNet18()).macs(size, channels)


def threads_for(component: Mapping[str, Any], size: Sequence[int], channels: int, batch: int) -> int:
    """How many threads a training step is worth: 1 below half a second on one, 2 below two seconds, else 4.

    It follows from the network and its images alone, never from the machine: other threads, other numbers.
    """
    seconds = batch * estimate_seconds(component, size, channels)
    return 1 if seconds < 0.5 else 2 if seconds < 2 else 4


def estimate_seconds(component: Mapping[str, Any], size: Sequence[int], channels: int) -> float:
    """Seconds of one training step per image on one CPU thread; right to a factor of about two."""
    factor = ARCHITECTURES.facts(component["name"]).cost
    return estimate_flops(component, size, channels) * factor / FLOPS_PER_SECOND
