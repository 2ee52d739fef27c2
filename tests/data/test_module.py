"""Loaders: an order from (seed, epoch) alone, batches, sampling, and images in memory or on disk."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tlpy.data.cache import PreparedImages
from tlpy.data.dataset import Dataset, ImageSource, PreparedDataset
from tlpy.data.module import BaseDataModule
from tlpy.data.sampling import BatchSampler, EpochSampler
from tlpy.data.subjects import SubjectRow


class Numbers(Dataset):
    """An own data set: the issue's contract and nothing more."""

    def __init__(self, size: int, classes: bool = False) -> None:
        self.size, self.classes = size, classes

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Tensor, list[Tensor]]:
        label = torch.tensor(index % 5 == 0).long() if self.classes else torch.tensor(float(index))
        return torch.full((1, 2, 2), float(index)), [label]


def order(module: BaseDataModule, epoch: int) -> list[float]:
    loader = module.train_dataloader()
    loader.batch_sampler.sampler.set_epoch(epoch)  # type: ignore[union-attr]
    return [float(image[0, 0, 0]) for images, _ in loader for image in images]


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    module = BaseDataModule({"train": Numbers(20)}, 4, seed=3)
    first = order(module, 5)
    torch.manual_seed(99)
    assert order(BaseDataModule({"train": Numbers(20)}, 4, seed=3), 5) == first
    assert order(module, 6) != first
    assert order(BaseDataModule({"train": Numbers(20)}, 4, seed=4), 5) != first
    assert sorted(first) == list(range(20))


def test_making_an_iterator_moves_no_random_numbers() -> None:
    loader = BaseDataModule({"train": Numbers(8)}, 4, seed=0).train_dataloader()
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    list(loader)
    assert torch.rand(1) == expected


def test_batches_of_images_and_labels() -> None:
    images, labels = next(
        iter(BaseDataModule({"train": Numbers(8), "val": Numbers(6)}, 4, 0).val_dataloader())
    )
    assert images.shape == (4, 1, 2, 2)
    assert labels[0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("size", "batch", "sizes"),
    [(17, 8, [8, 9]), (16, 8, [8, 8]), (18, 8, [8, 8, 2]), (1, 8, [1]), (3, 1, [1, 1, 1]), (9, 8, [9])],
)
def test_a_last_batch_of_one_joins_the_one_before(size: int, batch: int, sizes: list[int]) -> None:
    sampler = BatchSampler(range(size), batch)
    assert [len(found) for found in sampler] == sizes
    assert len(sampler) == len(sizes)
    assert sorted(index for found in sampler for index in found) == list(range(size))


def test_oversampling_evens_classes_out_and_leaves_none_out() -> None:
    classes = [0] * 13 + [1] * 3 + [2] * 5
    sampler = EpochSampler(21, seed=0, sampling="oversample", classes=classes)
    drawn = list(sampler)
    assert len(drawn) == len(sampler) == 39
    assert Counter(classes[index] for index in drawn) == {0: 13, 1: 13, 2: 13}
    assert set(drawn) == set(range(21))
    assert max(Counter(index for index in drawn if classes[index] == 1).values()) == 5
    sampler.set_epoch(1)
    assert list(sampler) != drawn


def test_oversampling_an_own_data_set() -> None:
    found = order(BaseDataModule({"train": Numbers(20, classes=True)}, 4, 0, "oversample"), 0)
    assert sum(value % 5 == 0 for value in found) == len(found) / 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sampling": "weighted"}, "sampling must be one of shuffle, oversample, balanced, got 'weighted'"),
        ({"sampling": "oversample"}, "a regression has none"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"parts": {"val": Numbers(3)}}, "parts must be train"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, Any], message: str) -> None:
    settings = {"parts": {"train": Numbers(5)}, "batch_size": 2, "seed": 0} | arguments
    with pytest.raises(ValueError, match=message):
        BaseDataModule(**settings).train_dataloader()


def prepared(folder: Path) -> PreparedImages:
    """Two shards of 6 images of 3x4."""
    import csv
    import json

    images = np.arange(12 * 12, dtype=np.float32).reshape(12, 1, 3, 4)
    figures = dict.fromkeys(("minimum", "maximum", "mean", "sd", "foreground"), 0.0)
    for shard in range(2):
        here = folder / f"c-00{shard}"
        here.mkdir()
        np.save(here / "images.npy", images[shard::2])
        names = [f"sub-{row:02d}" for row in range(12)][shard::2]
        with (here / "images.tsv").open("w", newline="") as file:
            columns = ["image", "index", "status", "reason", "file", "shape", "spacing", *figures]
            writer = csv.DictWriter(file, columns, delimiter="\t")
            writer.writeheader()
            for index, name in enumerate(names):
                same = {"status": "ok", "reason": "", "file": "", "shape": "3x4", "spacing": "1x1"}
                writer.writerow({"image": name, "index": index, **same, **figures})
        steps = {"orient": None, "spacing": None, "size": None, "normalise": "none", "slice": None}
        observed = {"images": 6, "spacing": None, "intensity": None}
        part = {"format": 1, "dims": 2, "channels": 1, "size": [3, 4], "axes": None, "steps": []}
        (here / "contract.json").write_text(
            json.dumps({**part, "preprocessing": steps, "observed": observed})
        )
    return PreparedImages.open(sorted(folder.iterdir()))


@pytest.mark.parametrize("held_bytes", [0, 2**20])
def test_images_in_memory_and_on_disk_are_the_same(tmp_path: Path, held_bytes: int) -> None:
    source = ImageSource(prepared(tmp_path), held_bytes)
    rows = [SubjectRow(f"sub-{row:02d}", f"{row}", f"{row}", "", "train", {}) for row in (7, 2, 11, 4)]
    data = PreparedDataset(source, rows, {"age": np.array([7, 2, 11, 4], np.float32)})
    images, (ages,) = data.__getitems__([2, 0])
    assert images[:, 0, 0, 0].tolist() == [11 * 12, 7 * 12]
    assert ages.tolist() == [11, 7]
    image, labels = data[1]
    assert image.shape == (1, 3, 4)
    assert image[0, 0, 0] == 24
    assert labels[0] == 2
    images.zero_()
    assert data[2][0][0, 0, 0] == 11 * 12
    assert "sub-99" not in source
