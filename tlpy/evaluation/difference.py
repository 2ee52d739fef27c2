"""A difference of two test scores, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NAN = float("nan")


@dataclass(frozen=True)
class Difference:
    """A difference of test scores, in units of the metric.

    Attributes:
        low, high: its 95 % interval over units and seeds; NaN where there are too few units.
        p: two-sided, that it is zero; NaN where there is no interval.
    """

    value: float = NAN
    low: float = NAN
    high: float = NAN
    p: float = NAN

    @property
    def known(self) -> bool:
        return bool(np.isfinite(self.value))

    @property
    def shown(self) -> int:
        """1 where the interval lies wholly above zero, −1 where wholly below, 0 where it tells neither."""
        return int(self.low > 0) - int(self.high < 0)


NONE = Difference()
