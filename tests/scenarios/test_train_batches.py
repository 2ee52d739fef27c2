"""What a stage's record says about batches is done, in training alone or in every part."""

from __future__ import annotations

from pathlib import Path

import toys
from toys import Train, read, results

NOISE = [{"name": "noise", "p": 1.0, "sd": 1.0}]


def test_augmentation_changes_training_and_the_seed_reaches_it(train: Train, tmp_path: Path) -> None:
    for name, changes in {
        "plain": {},
        "noisy": {"training__augmentation": NOISE},
        "again": {"training__augmentation": NOISE},
        "seed": {"training__augmentation": NOISE, "seed": 1},
    }.items():
        assert train(toys.stage("s1", **changes), out=name) == {"s1": "done"}
    found = {name: results(tmp_path / name / "s1") for name in ("plain", "noisy", "again", "seed")}
    assert found["noisy"] == found["again"]
    assert found["plain"]["history.csv"] != found["noisy"]["history.csv"] != found["seed"]["history.csv"]


def test_evaluation_sees_images_as_they_are(train: Train, tmp_path: Path) -> None:
    """With weights that can't move, augmentation changes the training loss alone."""
    still = {"training__optimizer": {"name": "sgd"}, "training__lr": 1e-30}
    vit = {"name": "vit", "patch": 4, "width": 12, "depth": 1, "heads": 2, "dropout": 0.0}
    for name, changes in {"plain": {}, "noisy": {"training__augmentation": NOISE}}.items():
        assert train(toys.stage("s1", **{**still, **changes, "architecture": vit}), out=name) == {
            "s1": "done"
        }
    plain, noisy = (results(tmp_path / name / "s1") for name in ("plain", "noisy"))
    assert plain["predictions.csv"] == noisy["predictions.csv"]
    assert plain["history.csv"] != noisy["history.csv"]


def test_crops_reach_every_part_and_the_contract(train: Train, tmp_path: Path) -> None:
    crop = {"name": "crop_center", "size": [6, 6]}
    assert train(toys.stage("s1", size=(6, 6), training__datamodule=crop)) == {"s1": "done"}
    assert read(tmp_path / "out/s1", "contract.json")["datamodule"] == crop


def test_a_data_module_that_gives_another_size_fails_with_a_reason(train: Train, tmp_path: Path) -> None:
    crop = {"name": "crop_center", "size": [6, 6]}
    assert train(toys.stage("s1", training__datamodule=crop)) == {"s1": "failed"}
    assert (
        "crop_center gives images of 1×6×6 (channels × size), expected 1×8×8"
        in read(tmp_path / "out/s1")["reason"]
    )
