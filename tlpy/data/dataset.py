"""The data set contract: `(image, [labels])`, one image at a time or a batch at once."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from tlpy.data.cache import PreparedImages
from tlpy.data.subjects import SubjectRow

# Held in memory below this; a gibibyte is 40,000 slices of 56x72 or 300 volumes of 96x96x96.
HELD_BYTES = 2**30

Item = tuple[Tensor, list[Tensor]]


class Dataset(TorchDataset[Item], ABC):
    """What a stage trains on. Subclass it with `__len__` and `__getitem__`; batches follow from these.

    An image is a float tensor (channels, *size); a label is a scalar tensor: float for a regression, a class
    index for a classification.
    """

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Item: ...

    def __getitems__(self, indices: Sequence[int]) -> Item:
        """A batch: images (batch, channels, *size) and, for each label, values (batch,)."""
        items = [self[index] for index in indices]
        labels = zip(*(labels for _, labels in items), strict=True)
        return torch.stack([image for image, _ in items]), [torch.stack(values) for values in labels]


class ImageSource:
    """The prepared images of one cache. Opened once a pack and shared by its stages.

    A small cache is held in memory as one tensor; a larger one stays memory-mapped and is read a batch at a
    time.

    Args:
        prepared: the opened cache.
        held_bytes: how large a cache may be to be held in memory.
    """

    def __init__(self, prepared: PreparedImages, held_bytes: int = HELD_BYTES) -> None:
        self._prepared = prepared
        self._held_bytes = held_bytes
        self._held: Tensor | None = None
        self._row = {image: row for row, image in enumerate(prepared.ids)}
        self._ids = np.array(prepared.ids, dtype=object)

    def __contains__(self, image: object) -> bool:
        return image in self._row

    def rows(self, images: Sequence[str]) -> np.ndarray:
        """(images,) where each lies, to ask `batch` for. Raises `KeyError` for an image that isn't there."""
        return np.array([self._row[image] for image in images], dtype=np.int64)

    def batch(self, rows: np.ndarray) -> Tensor:
        """Images (rows, channels, *size), float32, a copy."""
        if self._held is None and self._fits():
            self._held = torch.from_numpy(self._prepared.gather(list(self._ids)))
        if self._held is not None:
            return self._held[torch.from_numpy(rows)]
        return torch.from_numpy(self._prepared.gather(self._ids[rows].tolist()))

    def _fits(self) -> bool:
        shape = (self._prepared.channels, *self._prepared.size)
        return len(self._ids) * math.prod(shape) * 4 <= self._held_bytes


class PreparedDataset(Dataset):
    """Prepared images of one part with their targets.

    Args:
        source: the opened cache.
        subjects: the part's rows.
        targets: for each label (n,) float32 (regression) or int64 (class index).
    """

    def __init__(
        self, source: ImageSource, subjects: Sequence[SubjectRow], targets: Mapping[str, np.ndarray]
    ) -> None:
        self.subjects = list(subjects)
        self.targets = {label: torch.from_numpy(np.ascontiguousarray(v)) for label, v in targets.items()}
        self._source = source
        self._rows = source.rows([row.image for row in self.subjects])

    def __len__(self) -> int:
        return len(self.subjects)

    def __getitem__(self, index: int) -> Item:
        images, labels = self.__getitems__([index])
        return images[0], [values[0] for values in labels]

    def __getitems__(self, indices: Sequence[int]) -> Item:
        chosen = torch.as_tensor(indices)
        return self._source.batch(self._rows[np.asarray(indices)]), [v[chosen] for v in self.targets.values()]


class JointDataset(PreparedDataset):
    """Prepared images of several data sets as one. After its labels, each image tells its source.

    Args:
        sources: the opened cache of each data set.
        subjects: rows of all of them; `SubjectRow.source` says which.
        targets: for each label (n,) or (n, columns); NaN or -1 where an image lacks it.
    """

    def __init__(
        self,
        sources: Sequence[ImageSource],
        subjects: Sequence[SubjectRow],
        targets: Mapping[str, np.ndarray],
    ) -> None:
        self.subjects = list(subjects)
        self.targets = {label: torch.from_numpy(np.ascontiguousarray(v)) for label, v in targets.items()}
        self.source = np.array([row.source for row in self.subjects], dtype=np.int64)
        self._sources = list(sources)
        self._rows = np.zeros(len(self.subjects), dtype=np.int64)
        for number in np.unique(self.source):
            own = np.flatnonzero(self.source == number)
            self._rows[own] = self._sources[number].rows([self.subjects[row].image for row in own])

    def __getitems__(self, indices: Sequence[int]) -> Item:
        chosen = np.asarray(indices)
        of = self.source[chosen]
        labels = [values[torch.as_tensor(chosen)] for values in self.targets.values()]
        return self._gather(chosen, of), [*labels, torch.from_numpy(of)]

    def _gather(self, chosen: np.ndarray, of: np.ndarray) -> Tensor:
        numbers = np.unique(of)
        if len(numbers) == 1:
            return self._sources[numbers[0]].batch(self._rows[chosen])
        parts = {number: self._sources[number].batch(self._rows[chosen[of == number]]) for number in numbers}
        first = next(iter(parts.values()))
        images = first.new_empty((len(chosen), *first.shape[1:]))
        for number, part in parts.items():
            images[torch.from_numpy(of == number)] = part
        return images
