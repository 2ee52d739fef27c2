"""The data module: loaders over one data set's parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils.data import DataLoader

from tlpy.data.dataset import Dataset, Item, PreparedDataset
from tlpy.data.sampling import BatchSampler, EpochSampler
from tlpy.data.subjects import PARTS
from tlpy.scenarios.framework import LightningDataModule


class BaseDataModule(LightningDataModule):
    """Owns loading. A subclass may change images on the training device in `on_after_batch_transfer`.

    Args:
        parts: the data set of each part: train, val, test. A part may be absent, except train.
        batch_size: images a step on the device.
        seed: what the order of training images follows from, with the epoch.
        sampling: `shuffle`, or `oversample` (see `EpochSampler`).
        pin_memory: for copies to a GPU.
    """

    def __init__(
        self,
        parts: Mapping[str, Dataset],
        batch_size: int,
        seed: int,
        sampling: str = "shuffle",
        pin_memory: bool = False,
    ) -> None:
        super().__init__()
        unknown = sorted(set(parts) - set(PARTS))
        if unknown or "train" not in parts:
            raise ValueError(f"parts must be train and, where there are, val and test; got {sorted(parts)}")
        self.parts = {part: parts[part] for part in PARTS if part in parts}
        self.batch_size, self.seed, self.sampling, self.pin_memory = batch_size, seed, sampling, pin_memory

    def train_dataloader(self) -> DataLoader[Item]:
        """Batches in an order that follows from the seed and the epoch alone."""
        data = self.parts["train"]
        classes = _classes(data) if self.sampling == "oversample" else None
        return self._loader(data, EpochSampler(len(data), self.seed, self.sampling, classes))

    def val_dataloader(self) -> DataLoader[Item] | list[Any]:
        return self.ordered("val") if "val" in self.parts else []

    def test_dataloader(self) -> DataLoader[Item] | list[Any]:
        return self.ordered("test") if "test" in self.parts else []

    def ordered(self, part: str) -> DataLoader[Item]:
        """The part's images once, in the order of its data set."""
        data = self.parts[part]
        return self._loader(data, range(len(data)))

    def _loader(self, data: Dataset, sampler: EpochSampler | range) -> DataLoader[Item]:
        return DataLoader(
            data,
            batch_sampler=BatchSampler(sampler, self.batch_size),
            # `__getitems__` has made a batch already.
            collate_fn=_as_it_is,
            # A generator of its own: making an iterator must not move the random numbers of dropout.
            generator=torch.Generator().manual_seed(self.seed),
            pin_memory=self.pin_memory,
        )


def _as_it_is(batch: Any) -> Any:
    return batch


def _classes(data: Dataset) -> list[int] | None:
    """The first label's class indices, which `oversample` evens out; None where it has none."""
    if isinstance(data, PreparedDataset):
        first = next(iter(data.targets.values()))
    else:
        first = torch.stack([data[index][1][0] for index in range(len(data))])
    return None if first.is_floating_point() else first.tolist()
