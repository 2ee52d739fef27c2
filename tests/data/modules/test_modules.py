"""Data modules: what each does to a batch, and how one is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from tlpy.data.augmentation.pipeline import build_augmentation
from tlpy.data.dataset import Dataset, Item
from tlpy.data.module import BaseDataModule
from tlpy.data.modules.bio_image import scale
from tlpy.data.modules.build import build_datamodule
from tlpy.data.modules.registry import complete_datamodule, input_size
from tlpy.errors import InputError


class Pictures(Dataset):
    """Random images, or given ones, with a regression label or none."""

    def __init__(self, count: int, size: tuple[int, ...] = (8, 8), seed: int = 0, labels: int = 1) -> None:
        draw = torch.Generator().manual_seed(seed)
        self.images = torch.randn(count, 1, *size, generator=draw)
        self.labels = labels

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Item:
        return self.images[index], [torch.tensor(float(index))] * self.labels


class Watcher(LightningModule):
    """Trains nothing and remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen: dict[str, list[Any]] = {"train": [], "val": [], "test": []}

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:  # noqa: ARG002
        self.seen["train"].append(batch)
        return self.weight.sum()

    def validation_step(self, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        self.seen["val"].append(batch)

    def test_step(self, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        self.seen["test"].append(batch)

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD([self.weight], 0.1)


def watch(module: BaseDataModule, epochs: int = 2) -> dict[str, list[Any]]:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    trainer = Trainer(accelerator="cpu", max_epochs=epochs, logger=False, num_sanity_val_steps=0, **quiet)
    watcher = Watcher()
    trainer.fit(watcher, datamodule=module)
    if "test" in module.parts:
        trainer.test(watcher, datamodule=module, verbose=False)
    return watcher.seen


def sets(**options: Any) -> dict[str, Dataset]:
    return {part: Pictures(n, seed=n, **options) for part, n in (("train", 8), ("val", 4), ("test", 6))}


def test_training_images_alone_are_augmented_and_anew_each_epoch() -> None:
    parts = sets()
    noise = build_augmentation([{"name": "noise", "p": 1.0}], 3)
    seen = watch(BaseDataModule(parts, 4, 3, augmentation=noise))
    assert torch.equal(torch.cat([b[0] for b in seen["val"][:1]]), parts["val"].images)  # type: ignore[attr-defined]
    assert torch.equal(torch.cat([b[0] for b in seen["test"]]), parts["test"].images)  # type: ignore[attr-defined]
    added = []
    for images, (labels,) in seen["train"]:
        added += list(images - parts["train"].images[labels.long()])  # type: ignore[attr-defined]
    flat = torch.stack(added).flatten(1)
    assert (flat.std(1) > 0).all()
    assert (torch.corrcoef(flat) - torch.eye(16)).abs().max() < 0.6
    # What was drawn follows from (seed, epoch, batch) alone.
    assert noise is not None
    for number, (images, (labels,)) in enumerate(seen["train"]):
        plain = parts["train"].images[labels.long()]  # type: ignore[attr-defined]
        assert torch.equal(images, noise(plain, number // 2, number % 2))


def test_the_same_module_trains_twice_alike() -> None:
    module = BaseDataModule(sets(), 4, 0, augmentation=build_augmentation([{"name": "noise", "p": 1.0}], 0))
    first, second = watch(module, 1)["train"], watch(module, 1)["train"]
    assert all(torch.equal(a[0], b[0]) for a, b in zip(first, second, strict=True))


def test_several_data_sets_by_role() -> None:
    others = {
        "unlabelled": {"train": Pictures(20, seed=1, labels=0)},
        "target": {"train": Pictures(3, seed=2)},
    }
    noise = build_augmentation([{"name": "noise", "p": 1.0}], 0)
    module = BaseDataModule(sets(), 4, 0, augmentation=noise, others=others)
    assert sorted(module.train_loaders()) == ["main", "target", "unlabelled"]
    seen = watch(module, 1)["train"]
    assert len(seen) >= 2
    assert all(list(batch) == ["main", "unlabelled", "target"] for batch in seen)
    assert sorted(v for b in seen[:2] for v in b["main"][1][0].tolist()) == list(range(8))
    assert seen[0]["unlabelled"][1] == []
    # Equal places in the batches of two roles do not get equal noise.
    assert noise is not None
    first = noise.draw(4, (8, 8), 0, 0)[0].values["seed"]
    assert not np.array_equal(first, noise.draw(4, (8, 8), 0, 1)[0].values["seed"])
    assert [images.shape[0] for images, _ in module.ordered("train", "target")] == [3]
    with pytest.raises(ValueError, match="parts of x must be train"):
        BaseDataModule(sets(), 4, 0, others={"x": {"val": Pictures(2)}})


@pytest.mark.parametrize(
    ("size", "given", "kept"),
    [((8, 8), 4, (4, 4)), ((9, 8), [4, 5], (4, 5)), ((7,), [7], (7,)), ((6, 5, 4), 4, (4, 4, 4))],
)
def test_the_middle_is_cut_out_of_every_part(
    size: tuple[int, ...], given: Any, kept: tuple[int, ...]
) -> None:
    component = complete_datamodule({"name": "crop_center", "size": given}, "datamodule", size)
    assert component == {"name": "crop_center", "size": list(kept)}
    assert input_size(component, size) == kept
    parts = sets(size=size)
    seen = watch(build_datamodule(component, (1, *kept), parts=parts, batch_size=4, seed=0), 1)
    for batches in seen.values():
        assert {tuple(images.shape[2:]) for images, _ in batches} == {kept}
    first = tuple(slice((n - k) // 2, (n - k) // 2 + k) for n, k in zip(size, kept, strict=True))
    assert torch.equal(seen["val"][0][0], parts["val"].images[(..., *first)])  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [(16,), (8, 8), (6, 6, 6)])
def test_bio_images_are_scaled_and_turned(size: tuple[int, ...]) -> None:
    component = complete_datamodule({"name": "bio_image", "low": 0, "high": 100}, "datamodule", size)
    parts = sets(size=size)
    seen = watch(build_datamodule(component, (1, *size), parts=parts, batch_size=8, seed=0), 1)
    assert torch.equal(seen["val"][0][0], scale(parts["val"].images, 0, 100))  # type: ignore[attr-defined]
    images, (labels,) = seen["train"][0]
    plain = scale(parts["train"].images[labels.long()], 0, 100)  # type: ignore[attr-defined]
    assert not torch.equal(images, plain)
    torch.testing.assert_close(images.flatten(1).sort(1).values, plain.flatten(1).sort(1).values)


def test_percentiles_are_numpys() -> None:
    images = torch.randn(3, 2, 7, 11, dtype=torch.float64)
    images[0, 0] = 4
    flat = images.flatten(2).numpy()
    low, high = np.percentile(flat, 2, axis=-1), np.percentile(flat, 97, axis=-1)
    with np.errstate(invalid="ignore"):
        expected = np.clip((flat - low[..., None]) / (high - low)[..., None], 0, 1)
    expected[0, 0] = 0
    np.testing.assert_allclose(scale(images, 2, 97).flatten(2).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("crop_centre", "unknown data module 'crop_centre' (did you mean 'crop_center'?)"),
        ("crop_center", "datamodule.size: expected one whole number for all axes"),
        ({"name": "crop_center", "size": 9}, "datamodule.size: 9 does not fit into the images' 8×8"),
        ({"name": "crop_center", "size": [4, 4, 4]}, "[4, 4, 4] does not fit into the images' 8×8"),
        ({"name": "bio_image", "low": 60, "high": 40}, "low (60) must be below high (40)"),
        ({"name": "bio_image", "turn": True}, "takes no 'turn' (did you mean 'turns'?)"),
    ],
)
def test_faults_are_named(value: Any, told: str) -> None:
    with pytest.raises(InputError) as error:
        complete_datamodule(value, "datamodule", (8, 8))
    assert told in str(error.value)


OWN = """
from tlpy.data.module import BaseDataModule

class Doubled(BaseDataModule):
    def __init__(self, *, factor=2.0, **common):
        super().__init__(**common)
        self.factor = factor
    def on_device(self, images):
        return images * self.factor

class Halved(BaseDataModule):
    def on_load(self, images):
        return images[..., ::2]
"""


def test_own_data_modules(tmp_path: Any, use_components: Any) -> None:
    (tmp_path / "own_datamodule.py").write_text(OWN)
    use_components(tmp_path)
    common: dict[str, Any] = {"parts": sets(), "batch_size": 4, "seed": 0}
    component = complete_datamodule({"name": "own_datamodule.Doubled", "factor": 3.0}, "d", (8, 8))
    seen = watch(build_datamodule(component, (1, 8, 8), **common), 1)
    assert torch.equal(seen["val"][0][0], 3 * common["parts"]["val"].images)
    for name, told in (
        ("own_datamodule.Halved", "gives images of 1×8×4 .channels × size., expected 1×8×8"),
        ("own_datamodule.Missing", "own_datamodule.Missing was not found"),
        ("torch.nn.Linear", "is not a subclass of tlpy.data.module.BaseDataModule"),
    ):
        with pytest.raises(InputError, match=told):
            build_datamodule({"name": name}, (1, 8, 8), **common)
    with pytest.raises(InputError, match="unexpected keyword argument 'size'"):
        build_datamodule({"name": "own_datamodule.Doubled", "size": 4}, (1, 4, 4), **common)
