"""Linear models of the foreground's volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlpy.metrics.formulas import Array
from tlpy.plain.base import Cases
from tlpy.plain.linear import LinearBaseline


@dataclass(kw_only=True)
class LinearVolume(LinearBaseline):
    """ridge or logistic regression on the volume of the foreground

    Of each image as it was stored: the voxels above the background, in ml where the voxels' size is known,
    else counted. A brain that was cut out has its volume, a whole head that of the head.
    """

    data = ("images",)
    noun = "ridge regression on foreground volume"
    noun_for_classes = "logistic regression on foreground volume"

    def features(self, cases: Cases) -> Array:
        found = [
            one.foreground
            * float(np.prod(one.shape))
            * (float(np.prod(one.spacing)) / 1000 if one.spacing else 1)
            for one in cases.quality
        ]
        return np.array(found, np.float64)[:, None]
