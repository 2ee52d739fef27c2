"""A batch in parts."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass
class Batch:
    """What a loader gives, taken apart.

    Attributes:
        images: (batch, channels, *size).
        targets: by label.
        source: (batch,) which data set each image is of; None where there is one.
        unlabelled, unlabelled_source: the same of images without labels.
    """

    images: Tensor
    targets: dict[str, Tensor]
    source: Tensor | None = None
    unlabelled: Tensor | None = None
    unlabelled_source: Tensor | None = None
