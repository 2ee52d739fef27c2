"""The scale of each feature of vectors, measured on a stage's training part and used for all its parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tlpy.data.dataset import ImageSource

# Rows are looked at so many bytes at a time.
_BYTES = 1 << 24


@dataclass(frozen=True)
class FeatureScale:
    """What brings each feature to mean 0 and standard deviation 1 over a training part.

    Attributes:
        mean, sd: (features,) float64; the population's sd, 1 for a feature that does not vary (as
            scikit-learn's StandardScaler has it).
    """

    mean: np.ndarray
    sd: np.ndarray

    @classmethod
    def of(cls, batches: Iterable[Tensor]) -> FeatureScale:
        """Measured batch by batch (Chan et al. 1983, The American Statistician 37: updating formulas).

        Args:
            batches: (rows, 1, features) each, at least one.
        """
        count, mean, squares = 0, np.zeros(0), np.zeros(0)
        for batch in batches:
            rows = batch[:, 0].numpy().astype(np.float64)
            n, own = len(rows), rows.mean(axis=0)
            scatter = ((rows - own) ** 2).sum(axis=0)
            if not count:
                count, mean, squares = n, own, scatter
                continue
            apart = own - mean
            squares = squares + scatter + apart**2 * (count * n / (count + n))
            mean = mean + apart * (n / (count + n))
            count += n
        sd = np.sqrt(squares / max(count, 1))
        constant = sd <= 1e-7 * np.abs(mean)
        return cls(mean, np.where(constant, 1.0, sd))

    def apply(self, images: Tensor) -> Tensor:
        """Images (batch, 1, features), float32, scaled."""
        # In double precision: the mean of a volume in mm³ may be much larger than its sd.
        return ((images.double() - torch.from_numpy(self.mean)) / torch.from_numpy(self.sd)).float()


def row_batches(source: ImageSource, rows: np.ndarray) -> Iterable[Tensor]:
    """The images (n, 1, features) at `rows` of a cache, a few at a time."""
    features = source.batch(rows[:1]).shape[-1] if len(rows) else 1
    step = max(1, _BYTES // (4 * features))
    for start in range(0, len(rows), step):
        yield source.batch(rows[start : start + step])


class ScaledSource(ImageSource):
    """The images of another source, each feature scaled."""

    def __init__(self, source: ImageSource, scale: FeatureScale) -> None:
        self._source, self._scale = source, scale

    def __contains__(self, image: object) -> bool:
        return image in self._source

    def rows(self, images: Sequence[str]) -> np.ndarray:
        return self._source.rows(images)

    def batch(self, rows: np.ndarray) -> Tensor:
        return self._scale.apply(self._source.batch(rows))
