"""Cases of images that are made up, without a cache on disk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from tlpy.data.cache import PreparedImages
from tlpy.data.quality import Quality
from tlpy.data.subjects import SubjectRow
from tlpy.plain.base import Cases

Labels = dict[str, Sequence[Any]]


class Images:
    """What `Cases` asks of prepared images."""

    def __init__(self, array: np.ndarray, quality: Sequence[Quality] = ()) -> None:
        self.array = array.astype(np.float32)
        self.channels, self.size = array.shape[1], array.shape[2:]
        self.quality = {str(at): one for at, one in enumerate(quality)}

    def gather(self, ids: Sequence[str]) -> np.ndarray:
        return self.array[[int(image) for image in ids]]


def cases(array: np.ndarray, labels: Labels, quality: Sequence[Quality] = ()) -> Cases:
    """One image a subject; a label of "" is missing.

    Args:
        array: (n, channels, *size).
        labels: column → n values.
    """
    rows = [
        SubjectRow(str(at), f"s{at}", f"s{at}", "", "train", {k: str(v[at]) for k, v in labels.items()})
        for at in range(len(array))
    ]
    return Cases([cast(PreparedImages, Images(array, quality))], rows)
