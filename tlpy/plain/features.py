"""Linear models of features as they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlpy.metrics.formulas import Array
from tlpy.plain.base import Cases
from tlpy.plain.linear import LinearBaseline


@dataclass(kw_only=True)
class LinearFeatures(LinearBaseline):
    """ridge or logistic regression on the features as they are"""

    data = ("vectors",)
    noun = "ridge regression on the features"
    noun_for_classes = "logistic regression on the features"

    def features(self, cases: Cases) -> Array:
        found = [block.reshape(len(block), -1).astype(np.float64) for block in cases.blocks()]
        return np.concatenate(found) if found else np.empty((0, int(np.prod(cases.shape))))
