"""Statistics of batch normalisation, for a network that looks at images of two domains."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def norms(network: nn.Module) -> list[Any]:
    """Its batch normalisations that are in training mode and keep statistics."""
    found = (module for module in network.modules() if isinstance(module, _BatchNorm))
    return [module for module in found if module.training and module.track_running_stats]


@contextmanager
def unrecorded(network: nn.Module) -> Iterator[None]:
    """Within, batch normalisation in training mode normalises by the batch and does not remember it."""
    found = norms(network)
    for norm in found:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in found:
            norm.track_running_stats = True


def measure_anew(network: nn.Module) -> int:
    """From now on batch normalisation forgets its statistics and averages those of all batches it sees.

    Each batch counts alike (AdaBN, Li et al. 2017, "Revisiting batch normalization for practical domain
    adaptation"). Call it in training mode; everything but these layers is left in evaluation mode, and so are
    those that were in it before (frozen ones). `network.eval()` ends it.

    Returns:
        How many layers measure.
    """
    found = norms(network)
    network.eval()
    for norm in found:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    return len(found)
