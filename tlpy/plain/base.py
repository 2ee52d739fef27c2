"""What a plain baseline is: fitted to the training part, told of validation, asked about any images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tlpy.data.cache import PreparedImages
from tlpy.data.quality import Quality
from tlpy.data.subjects import SubjectRow, is_known, truth
from tlpy.metrics.formulas import Array
from tlpy.metrics.registry import METRICS, resampled
from tlpy.plain.facts import PlainFacts
from tlpy.records import REGRESSION, Head

_BLOCK = 64 << 20  # bytes of images read at once


@dataclass(frozen=True)
class Cases:
    """Images, and what is known of each.

    Attributes:
        sources: the prepared images of each data set.
        rows: an image each; `SubjectRow.source` says which data set it is of.
        covariates: of each data set by image: column → text; empty where there is no such table.
        confounds: the columns of these tables, each with what it is read as.
        seed: for a baseline that draws.
    """

    sources: Sequence[PreparedImages]
    rows: Sequence[SubjectRow]
    covariates: Sequence[Mapping[str, Mapping[str, str]]] = field(default=())
    confounds: Sequence[Head] = ()
    seed: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an image: (channels, *size)."""
        return self.sources[0].channels, *self.sources[0].size

    def blocks(self) -> Iterator[np.ndarray]:
        """The images in order, float32 (n, channels, *size): as many at once as memory should hold."""
        count = max(1, _BLOCK // (4 * int(np.prod(self.shape))))
        for start in range(0, len(self.rows), count):
            rows = self.rows[start : start + count]
            block = np.empty((len(rows), *self.shape), np.float32)
            for number, images in enumerate(self.sources):
                places = [at for at, row in enumerate(rows) if row.source == number]
                if places:
                    block[places] = images.gather([rows[at].image for at in places])
            yield block

    @property
    def quality(self) -> list[Quality]:
        """The figures of each image as it was stored: intensities, foreground, voxel size."""
        return [self.sources[row.source].quality[row.image] for row in self.rows]

    def those_with(self, head: Head) -> Cases:
        """The cases whose label is known, of several columns any."""
        return replace(self, rows=[row for row in self.rows if is_known(row, head)])


@dataclass(frozen=True)
class Question:
    """What is to be predicted, and by what answers are judged.

    Attributes:
        head: the label.
        metric: by which a setting is chosen on validation.
    """

    head: Head
    metric: str

    def truth(self, cases: Cases) -> Array:
        """(n,) numbers or class indices; (n, columns) of 0, 1 and NaN for several labels."""
        return truth(cases.rows, self.head).astype(np.float64)

    def cost(self, true: Array, predicted: Array) -> tuple[float, float]:
        """How bad predictions are, to be compared: the metric, then a finer one where that is equal.

        What has no value (one class only) costs infinitely much.
        """
        finer = "rmse" if self.head.type == REGRESSION else "log_loss"
        found = []
        for name in (self.metric, finer):
            value = float(resampled(name, self.head.type, true, predicted)[0])
            value = value if METRICS[name].lower_is_better else -value
            found.append(value if np.isfinite(value) else np.inf)
        return found[0], found[1]


class PlainBaseline(PlainFacts, ABC):
    """A method without a network. An own one is a subclass, named by class path.

    Its arguments are the fields of a dataclass, or those of its `__init__`. One object answers one question.
    """

    @abstractmethod
    def fit(self, question: Question, train: Cases, val: Cases) -> None:
        """Learn from `train`, and choose what is to be chosen by `val`, which may be empty.

        Args:
            question: what is to be predicted; its label is known of all cases.
        """

    @abstractmethod
    def predict(self, cases: Cases) -> Array:
        """Answers, as metrics take them.

        Returns:
            (n,) in the label's units, or the probability of the second of two classes; (n, classes)
            probabilities; (n, columns) probabilities of several labels.
        """

    def settled(self) -> dict[str, float | str]:
        """What was chosen or found in fitting, for `metrics.json`."""
        return {}

    def parameters(self) -> int:
        """How many numbers were fitted."""
        return 0
