"""Linear models of a time series' means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlpy.metrics.formulas import Array
from tlpy.plain.base import Cases
from tlpy.plain.linear import LinearBaseline


@dataclass(kw_only=True)
class LinearWindows(LinearBaseline):
    """ridge or logistic regression on the mean of each channel over a window, or a whole run"""

    data = ("series",)
    noun = "ridge regression on window means"
    noun_for_classes = "logistic regression on window means"

    def features(self, cases: Cases) -> Array:
        means = [block.mean(axis=2, dtype=np.float64) for block in cases.blocks()]
        return np.concatenate(means) if means else np.empty((0, cases.shape[0]))
