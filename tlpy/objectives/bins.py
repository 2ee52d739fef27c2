"""Bins over a number's range, and back. NumPy only.

Peng et al. 2021, "Accurate brain age prediction with lightweight deep neural networks": 40 bins of one
year from 42 to 82.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tlpy import words


def centres(low: float, high: float, bins: int) -> np.ndarray:
    """The middle of each of `bins` equal bins from `low` to `high`, (bins,)."""
    return low + (np.arange(bins) + 0.5) * (high - low) / bins


def misplaced(label: str, numbers: Sequence[float] | np.ndarray, low: float, high: float) -> str:
    """What is wrong where most of a label's training `numbers` are outside of the bins; else ""."""
    values = np.asarray(numbers, float)
    if not values.size or ((values < low) | (values > high)).mean() <= 0.5:
        return ""
    return (
        f"most of the training part is outside of the bins from {words.number(low)} to {words.number(high)}: "
        f"{label} goes from {words.number(values.min())} to {words.number(values.max())}"
    )


def decode(outputs: np.ndarray, low: float, high: float, bins: int, **_: Any) -> np.ndarray:
    """The expected number Σ_b p_b·centre_b, with p the softmax of the outputs.

    Args:
        outputs: (n, bins).
        low, high, bins: the bins; further arguments of the term may be given, and are not used.

    Returns:
        (n,) in the label's units.

    Raises:
        ValueError: another number of outputs than bins.
    """
    if outputs.ndim != 2 or outputs.shape[1] != bins:
        raise ValueError(f"expected outputs (n, {bins}), found {outputs.shape}")
    values = outputs.astype(np.float64)
    shares = np.exp(values - values.max(axis=1, keepdims=True))
    found: np.ndarray = shares @ centres(low, high, bins) / shares.sum(axis=1)
    return found
