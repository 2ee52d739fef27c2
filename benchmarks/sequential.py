#!/usr/bin/env python3
"""Way (a): the search as it is written by hand, one variant after the other.

A plain Dataset that reads NIfTI, a plain DataLoader, a default Lightning Trainer on all cores, pretraining
and fine-tuning for each variant. Only the networks are tlpy's: the ratio is of ways of working.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import lightning
import nibabel as nib
import numpy as np
import torch
from setting import Person, Setting, Variant, people
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from tlpy.architectures.build import build
from tlpy.metrics.registry import compute


class Brains(Dataset):
    """Central axial slices, z-scored over the volume, with age (standardised) or sex."""

    def __init__(self, people: list[Person], label: str, mean: float = 0.0, sd: float = 1.0) -> None:
        self.people, self.label, self.mean, self.sd = people, label, mean, sd

    def __len__(self) -> int:
        return len(self.people)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        person = self.people[index]
        volume = nib.as_closest_canonical(nib.load(person.image)).get_fdata(dtype=np.float32)
        middle = int(np.floor(0.5 * (volume.shape[2] - 1) + 0.5))
        brain = volume[volume > volume.min()]
        image = (volume[:, :, middle] - brain.mean()) / brain.std()
        target = (person.age - self.mean) / self.sd if self.label == "age" else float(person.sex == "M")
        return torch.from_numpy(image[None]), torch.tensor(target, dtype=torch.float32)


class Net(lightning.LightningModule):
    """A network with one output; mean squared error for age, binary cross-entropy for sex."""

    def __init__(self, variant: Variant, size: tuple[int, ...], label: str) -> None:
        super().__init__()
        self.variant, self.label = variant, label
        self.net = build({"name": variant.architecture}, channels=1, size=size, heads={label: 1})
        self.start: dict[str, torch.Tensor] = {}

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.net(images)[self.label][:, 0]

    def continue_from(self, pretrained: Net) -> None:
        """Take the encoder over, and remember it for the elastic penalty."""
        self.net.encoder.load_state_dict(pretrained.net.encoder.state_dict())
        self.start = {
            name: p.detach().clone() for name, p in self.net.encoder.named_parameters() if p.ndim > 1
        }

    def loss(self, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        images, targets = batch
        outputs = self(images)
        if self.label == "age":
            return functional.mse_loss(outputs, targets)
        loss = functional.binary_cross_entropy_with_logits(outputs, targets)
        if self.variant.penalty:
            weights = dict(self.net.encoder.named_parameters())
            pull = sum(((weights[name] - start) ** 2).sum() for name, start in self.start.items())
            decay = sum((p**2).sum() for p in self.net.heads.parameters())
            loss = loss + self.variant.penalty / 2 * (pull + decay)
        return loss

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        loss = self.loss(batch)
        self.log("train_loss", loss, prog_bar=True)
        return loss

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
        self.log("val_loss", self.loss(batch), prog_bar=True)

    def predict_step(self, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return torch.sigmoid(self(batch[0]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.variant.lr)


def run_variant(setting: Setting, variant: Variant, everyone: list[Person], root: Path) -> dict[str, float]:
    """Pretrain, fine-tune and score one variant: AUROC on validation and test."""
    lightning.seed_everything(setting.seed)
    parts = {part: [p for p in everyone if p.part == part] for part in ("train", "val", "test")}
    ages = np.array([p.age for p in parts["train"]])

    def loader(part: str, label: str, shuffle: bool = False) -> DataLoader:
        data = Brains(parts[part], label, ages.mean(), ages.std())
        return DataLoader(data, batch_size=setting.batch_size, shuffle=shuffle)

    size = tuple(loader("val", "sex").dataset[0][0].shape[1:])
    pretrained = Net(variant, size, "age")
    lightning.Trainer(max_epochs=setting.pretrain_epochs, accelerator="cpu", default_root_dir=root).fit(
        pretrained, loader("train", "age", shuffle=True), loader("val", "age")
    )
    net = Net(variant, size, "sex")
    net.continue_from(pretrained)
    trainer = lightning.Trainer(max_epochs=setting.finetune_epochs, accelerator="cpu", default_root_dir=root)
    trainer.fit(net, loader("train", "sex", shuffle=True), loader("val", "sex"))

    scores = {}
    for part in ("val", "test"):
        predicted = torch.cat(trainer.predict(net, loader(part, "sex"))).numpy()
        true = np.array([int(p.sex == "M") for p in parts[part]])
        scores[part] = compute("binary", true, predicted)["auroc"]
    return scores


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("setting", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    setting = Setting.read(arguments.setting)
    everyone = people(Path(setting.data))
    root = arguments.out.parent / "lightning"
    scores = {v.name: run_variant(setting, v, everyone, root) for v in setting.variants}
    arguments.out.write_text(json.dumps({"scores": scores}), encoding="utf-8")


if __name__ == "__main__":
    main()
