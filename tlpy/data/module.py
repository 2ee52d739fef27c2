"""The data module: loaders over the parts of one data set or several, and what happens to their images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.utilities import CombinedLoader
from torch import Tensor
from torch.utils.data import DataLoader

from tlpy.data.augmentation.pipeline import Augmentation
from tlpy.data.dataset import Dataset, Item, JointDataset, PreparedDataset
from tlpy.data.modules.registry import DataModuleFacts
from tlpy.data.sampling import BatchSampler, EpochSampler, ShareSampler, StreamSampler
from tlpy.data.subjects import PARTS

# The role of the data set that a stage is judged by.
MAIN = "main"
# The role of batches of images without labels.
UNLABELLED = "unlabelled"

# The role of the share of the training part that a way of transfer keeps for itself.
HELD_BACK = "held_back"

# One data set's batch, or one of each data set by role.
LoadedBatch = Item | dict[str, Item]


class BaseDataModule(DataModuleFacts, LightningDataModule):
    """Owns loading, preprocessing of batches, and augmentation.

    A subclass may change every image in `on_load` (on the host) or `on_device`; training images are augmented
    after that. It takes its own arguments by keyword and hands the others on.
    What it says of itself as a whole are its facts (`DataModuleFacts`).

    Args:
        parts: the main data set's parts: train, val, test. A part may be absent, except train.
        batch_size: images a step on the device, of each data set.
        seed: what the order of training images and their augmentation follow from, with the epoch.
        sampling: `shuffle`, or `oversample` (see `EpochSampler`); of the main data set.
        pin_memory: for copies to a GPU.
        augmentation: of training images; None for none.
        others: training parts of further data sets by role; their batches come beside the main ones.
        shares: by role, how many images of it come with each of the main data set; 1 where nothing is said.
            0: none, they are there to be gone through once the training is over.
    """

    def __init__(
        self,
        parts: Mapping[str, Dataset],
        batch_size: int,
        seed: int,
        sampling: str = "shuffle",
        pin_memory: bool = False,
        augmentation: Augmentation | None = None,
        others: Mapping[str, Mapping[str, Dataset]] | None = None,
        shares: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.sets = {role: _in_order(given, role) for role, given in {MAIN: parts, **(others or {})}.items()}
        self.batch_size, self.seed, self.sampling, self.pin_memory = batch_size, seed, sampling, pin_memory
        self.augmentation = augmentation
        self.shares = dict(shares or {})
        self._at = (-1, -1)

    @property
    def parts(self) -> dict[str, Dataset]:
        """The main data set's parts."""
        return self.sets[MAIN]

    def on_load(self, images: Tensor) -> Tensor:
        """Images (batch, channels, *size) of any part, before they go to the device."""
        return images

    def on_device(self, images: Tensor) -> Tensor:
        """Images (batch, channels, *size) of any part on the device, before augmentation."""
        return images

    def train_dataloader(self) -> DataLoader[Item] | CombinedLoader:
        """Batches in an order that follows from the seed and the epoch alone.

        Of several data sets: a batch of each by role, until the main one is through.
        """
        self._at = (-1, -1)
        loaders = self.train_loaders()
        return loaders[MAIN] if len(loaders) == 1 else CombinedLoader(loaders, "max_size_cycle")

    def train_loaders(self) -> dict[str, DataLoader[Item]]:
        """Each data set's training loader, by role."""
        data = self.parts["train"]
        classes = None if self.sampling == "shuffle" else _classes(data, self.sampling)
        main = self._loader(data, EpochSampler(len(data), self.seed, self.sampling, classes))
        loaders = {MAIN: main}
        for place, (role, parts) in enumerate(self.sets.items()):
            if role != MAIN and self.shares.get(role, 1.0) > 0:
                size = max(1, round(self.batch_size * self.shares.get(role, 1.0)))
                others = StreamSampler(len(parts["train"]), self.seed, len(main) * size, place)
                loaders[role] = self._loader(parts["train"], others, size)
        return loaders

    def val_dataloader(self) -> DataLoader[Item] | list[Any]:
        return self.ordered("val") if "val" in self.parts else []

    def test_dataloader(self) -> DataLoader[Item] | list[Any]:
        return self.ordered("test") if "test" in self.parts else []

    @property
    def predicts(self) -> bool:
        """Whether there are images without labels beside the main ones."""
        return UNLABELLED in self.sets

    def predict_dataloader(self) -> DataLoader[Item] | list[Any]:
        """The training images without labels, each once."""
        return self.ordered("train", UNLABELLED) if self.predicts else []

    def held_back(self, epoch: int) -> DataLoader[Item]:
        """As many batches as an epoch has, of the share that a way of transfer keeps for itself.

        They are on the host, before `on_load` and without augmentation.
        """
        data, stream = self.sets[HELD_BACK]["train"], len(self.sets) + 1
        # What a pass leaves over begins the next one, so that no batch is smaller than the others.
        needed = len(self.train_loaders()[MAIN]) * self.batch_size
        sampler = StreamSampler(len(data), self.seed, needed, stream)
        sampler.set_epoch(epoch)
        return self._loader(data, sampler)

    def ordered(self, part: str, role: str = MAIN) -> DataLoader[Item]:
        """The part's images once, in the order of its data set."""
        data = self.sets[role][part]
        return self._loader(data, range(len(data)))

    def on_before_batch_transfer(self, batch: LoadedBatch, dataloader_idx: int) -> LoadedBatch:  # noqa: ARG002
        return _each(batch, lambda images, _: self.on_load(images))

    def on_after_batch_transfer(self, batch: LoadedBatch, dataloader_idx: int) -> LoadedBatch:  # noqa: ARG002
        if self.augmentation is None or self.trainer is None or not self.trainer.training:
            return _each(batch, lambda images, _: self.on_device(images))
        epoch, augmentation = self.trainer.current_epoch, self.augmentation
        # The number of the batch in its epoch; checkpoints are written between epochs.
        self._at = (epoch, self._at[1] + 1 if self._at[0] == epoch else 0)
        first = self._at[1] * self.trainer.world_size + self.trainer.global_rank
        roles = len(batch) if isinstance(batch, dict) else 1
        return _each(
            batch,
            lambda images, place: augmentation(self.on_device(images), epoch, first * roles + place),
        )

    def _share(self, batches: BatchSampler) -> BatchSampler | ShareSampler:
        """This process's share of training batches; validation and test are done whole by each."""
        if self.trainer is None or self.trainer.world_size == 1 or isinstance(batches.sampler, range):
            return batches
        return ShareSampler(batches, self.trainer.global_rank, self.trainer.world_size)

    def _loader(
        self, data: Dataset, sampler: EpochSampler | StreamSampler | range, batch_size: int | None = None
    ) -> DataLoader[Item]:
        batches = BatchSampler(sampler, self.batch_size if batch_size is None else batch_size)
        return DataLoader(
            data,
            batch_sampler=self._share(batches),
            # `__getitems__` has made a batch already.
            collate_fn=_as_it_is,
            # A generator of its own: making an iterator must not move the random numbers of dropout.
            generator=torch.Generator().manual_seed(self.seed),
            pin_memory=self.pin_memory,
        )


def _in_order(parts: Mapping[str, Dataset], role: str) -> dict[str, Dataset]:
    unknown = sorted(set(parts) - set(PARTS))
    if unknown or "train" not in parts:
        of = "" if role == MAIN else f" of {role}"
        raise ValueError(f"parts{of} must be train and, where there are, val and test; got {sorted(parts)}")
    return {part: parts[part] for part in PARTS if part in parts}


def _each(batch: LoadedBatch, change: Callable[[Tensor, int], Tensor]) -> LoadedBatch:
    """Change the images of a batch, or of each role's batch; `change` is told which role it is."""
    if isinstance(batch, dict):
        items = enumerate(batch.items())
        return {role: (change(images, place), labels) for place, (role, (images, labels)) in items}
    images, labels = batch
    return change(images, 0), labels


def _as_it_is(batch: Any) -> Any:
    return batch


def _classes(data: Dataset, sampling: str) -> list[int] | None:
    """What a sampling evens out: the first label's class indices, or the sources; None: there is none."""
    if sampling == "balanced":
        return data.source.tolist() if isinstance(data, JointDataset) else None
    if isinstance(data, PreparedDataset):
        first = next(iter(data.targets.values()))
    else:
        first = torch.stack([data[index][1][0] for index in range(len(data))])
    return None if first.is_floating_point() else first.tolist()
