"""Every layout on the way a run takes, PLAN's catalogue and PREPARE; what is wrong in it is left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tlpy.data.prepare import prepare_shard
from tlpy.errors import InputError
from tlpy.plan.data.catalogue import Catalogue

# layout, file in it, reader, the data set's other settings, shape of an image, images with a label.
CASES: dict[str, tuple[str, str, Any, dict[str, Any], tuple[int, ...], int]] = {
    "bids": (
        "bids_sessions",
        "",
        {"name": "bids", "sessions": "all", "runs": "first", "ce": "none"},
        {"label": "age", "preprocessing": {"slice": "axial"}},
        (1, 20, 24),
        11,
    ),
    "hcp": ("hcp", "", "hcp", {"label": "age"}, (1, 20, 24, 20), 4),
    "nodes": (
        "hcp",
        "",
        {"name": "hcp", "nodes": 15},
        {"label": "sex", "preprocessing": {"size": 60}},
        (15, 60),
        5,
    ),
    "windows": (
        "hcp",
        "",
        {"name": "hcp", "nodes": 15},
        {"label": "sex", "preprocessing": {"window": 20}},
        (15, 20),
        14,
    ),
    "ukb": ("ukb", "", {"name": "ukb", "sessions": "first"}, {"label": ["age", "sex"]}, (1, 20, 24, 20), 5),
    "ixi": ("ixi", "", "ixi", {"label": "age"}, (1, 20, 24, 20), 5),
    "oasis1": ("oasis1", "", {"name": "oasis1", "sessions": "first"}, {"label": "age"}, (1, 20, 24, 20), 7),
    "oasis2": (
        "oasis2",
        "",
        {"name": "oasis2", "sessions": "all", "runs": "first"},
        {"label": "Group"},
        (1, 20, 24, 20),
        16,
    ),
    "decathlon": (
        "decathlon",
        "",
        "decathlon",
        {"label": "age", "preprocessing": {"size": [20, 24, 20]}},
        (1, 20, 24, 20),
        6,
    ),
    "mura": ("mura", "", "mura", {"preprocessing": {"resize": 24}}, (1, 24, 24), 24),
    "chestxray14": ("chestxray14", "", "chestxray14", {}, (1, 32, 32), 11),
    "medmnist": ("medmnist", "simcolour.npz", "medmnist", {}, (3, 28, 28), 8),
    "medmnist3d": ("medmnist", "simmnist3d.npz", "medmnist", {}, (1, 28, 28, 28), 8),
    "chest": (
        "medmnist",
        "simchest.npz",
        "medmnist",
        {"label": ["label_0", "label_1"], "task": "multilabel"},
        (1, 28, 28),
        8,
    ),
    "folder": ("image_folder", "", {"name": "image_folder", "colour": "grey"}, {}, (1, 20, 24), 16),
    "timeseries": (
        "timeseries",
        "",
        "timeseries",
        {"label": "category", "group": "run", "preprocessing": {"window": 9}},
        (12, 9),
        224,
    ),
    "connectomes": ("vectors", "", "vectors", {"label": "age"}, (1, 15), 7),
    "phenotypes": ("vectors", "more/phenotypes.csv", "vectors", {"label": "sex"}, (1, 2), 7),
}


@pytest.mark.parametrize("name", CASES)
def test_a_layout_is_planned_and_prepared(layout, tmp_path, name) -> None:
    tree, file, reader, others, shape, images = CASES[name]
    path = layout(tree) / file if file else layout(tree)
    spec = {"reader": reader, "path": str(path), **others}
    catalogue = Catalogue({}, on_bad_image="skip")
    data = catalogue.share({name: catalogue.dataset(name, spec)})[name]
    assert len(data.records) == images
    assert (data.channels, *data.size) == shape
    request = {**data.cache.request, "shard": 0, "shards": 1}
    assert prepare_shard(request, path, tmp_path / "out") == []
    prepared = np.load(tmp_path / "out" / "images.npy", mmap_mode="r")
    assert prepared.shape[1:] == shape
    table = [line.split("\t") for line in (tmp_path / "out" / "images.tsv").read_text().splitlines()[1:]]
    usable = {row[0]: int(row[1]) for row in table if row[2] == "ok"}
    assert {record.image for record in data.records} <= usable.keys()
    for record in data.records:
        assert np.isfinite(prepared[usable[record.image]]).all()
        assert np.ptp(prepared[usable[record.image]]) > 0


def test_images_that_differ_are_named(layout) -> None:
    catalogue = Catalogue({}, on_bad_image="skip")
    spec = {"reader": "image_folder", "path": str(layout("image_folder"))}
    with pytest.raises(InputError, match=r"channels: 1 \(15\), 3 \(1\) \(the rarest is male/p001_s2's"):
        catalogue.dataset("pictures", spec)
    spec = {"reader": {"name": "hcp", "nodes": 15}, "path": str(layout("hcp")), "label": "sex"}
    with pytest.raises(InputError, match=r"60 \(4\), 40 \(1\) .*size: \[60\]; the rarest is 100006's"):
        catalogue.dataset("nodes", spec)
