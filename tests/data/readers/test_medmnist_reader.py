"""MedMNIST, simulated and real: official parts, 2D, colour and 3D, several labels, equal images, maps."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from reading import check_images, read, reader_of

from tlpy.data.readers.base import ImageError
from tlpy.data.readers.npz import members, open_member

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "medmnist"


def test_official_parts_labels_and_equal_images(layout) -> None:
    file = layout("medmnist") / "simmnist.npz"
    reader = reader_of(file, "medmnist")
    records, problems, skippable = read(reader, (reader.label,))
    assert (problems, skippable) == ([], [])
    assert [r.split for r in records] == ["test"] * 2 + ["train"] * 4 + ["val"] * 2
    assert records[2].image == "train/000000"
    assert records[2].file == "simmnist.npz#train/0"
    assert [r.labels["label"] for r in records[2:6]] == sorted(r.labels["label"] for r in records[2:6])
    assert reader.notes == [
        "data/simmnist.npz names no subjects: whether one person is in several parts cannot be checked",
        "warning: 1 image is in both train and test of simmnist.npz (train/0 and test/0), 1 of them with "
        "different labels: scores there are a little too good",
    ]
    assert len({r.subject for r in records}) == len(records)
    check_images(reader, records)


@pytest.mark.parametrize(
    ("name", "shape", "channels"), [("simcolour", (28, 28), 3), ("simmnist3d", (28,) * 3, 1)]
)
def test_colour_and_volumes(layout, name, shape, channels) -> None:
    file = layout("medmnist") / f"{name}.npz"
    reader = reader_of(file, "medmnist")
    records, problems, _ = read(reader, ("label",))
    assert problems == []
    header = reader.header(records[0])
    assert (header.shape, header.channels) == (shape, channels)
    stored = np.load(file)["test_images"][0]
    assert np.array_equal(
        reader.load(records[0]).array, np.moveaxis(stored, -1, 0) if channels == 3 else stored
    )
    check_images(reader, records)


def test_a_channel_axis_of_one_is_passed_over(layout, tmp_path) -> None:
    for name, axis, shape in (("simmnist", -1, (28, 28)), ("simmnist3d", 1, (28,) * 3)):
        with np.load(layout("medmnist") / f"{name}.npz") as stored:
            arrays = {
                key: np.expand_dims(array, axis) if "images" in key else array
                for key, array in stored.items()
            }
        np.savez(tmp_path / f"{name}.npz", **arrays)
        reader = reader_of(tmp_path / f"{name}.npz", "medmnist")
        records, problems, _ = read(reader, ("label",))
        assert problems == []
        header = reader.header(records[3])
        assert (header.shape, header.channels) == (shape, 1)
        same = reader_of(layout("medmnist") / f"{name}.npz", "medmnist")
        assert np.array_equal(reader.load(records[3]).array, same.load(records[3]).array)


def test_several_labels_are_columns(layout) -> None:
    reader = reader_of(layout("medmnist") / "simchest.npz", "medmnist")
    records, problems, _ = read(reader, ("label_0", "label_2"))
    assert problems == []
    assert set(records[0].labels) == {"label_0", "label_2"}
    assert read(reader, ("label",))[1] == [
        "data/simchest.npz: each image has 3 labels (name one, or several: label: [label_0, label_1])"
    ]
    assert read(reader, ("label_9",))[1][0].startswith("data/simchest.npz: has no label 'label_9'")
    assert read(reader, ("label_0",), "subject")[1] == [
        "data/simchest.npz: has no columns but its labels, but group: subject was asked for"
    ]


def test_an_array_is_mapped_not_held(layout) -> None:
    folder = layout("medmnist")
    for name in ("simmnist", "simmnist3d"):  # packed, and stored as it is
        found = members(folder / f"{name}.npz")
        array = open_member(folder / f"{name}.npz", found["train_images"])
        assert isinstance(array, np.memmap)
        assert np.array_equal(array, np.load(folder / f"{name}.npz")["train_images"])


def test_files_that_are_wrong(tmp_path) -> None:
    images, labels = np.zeros((4, 8, 8), np.uint8), np.zeros((4, 1), np.uint8)
    cases = {
        "empty": (b"", "empty file (0 bytes)"),
        "text": (b"hello", "no .npz archive"),
        "none": ({"images": images}, "holds images; expected train_images"),
        "short": (
            {"train_images": images, "train_labels": labels[:3]},
            "train_labels is (3, 1) for 4 images",
        ),
        "flat": ({"train_images": images[0], "train_labels": labels}, "expected (N, H, W)"),
        "lone": ({"train_images": images}, "has train_images but no train_labels"),
        "objects": ({"train_images": np.array([None])}, "holds Python objects"),
    }
    for name, (content, text) in cases.items():
        path = tmp_path / f"{name}.npz"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.savez(path, **content)
        records, problems, _ = read(reader_of(path, "medmnist"), ("label",))
        assert records == []
        assert text in problems[0], (name, problems)
    assert read(reader_of(tmp_path, "medmnist"))[1][0].endswith(
        "a folder, expected a MedMNIST .npz file (name one of its files: empty.npz, flat.npz, lone.npz, "
        "none.npz, objects.npz, short.npz)"
    )


@pytest.mark.parametrize("shape", [(6, 2016), (6, 2016, 1), (6, 1, 2016), (6, 1, 30, 1)])
def test_features_of_subjects_are_no_pictures(tmp_path, shape) -> None:
    arrays = {f"{part}_images": np.zeros(shape, np.float32) for part in ("train", "val", "test")}
    arrays |= {f"{part}_labels": np.zeros(shape[0], np.uint8) for part in ("train", "val", "test")}
    np.savez(tmp_path / "a.npz", **arrays)
    _, problems, _ = read(reader_of(tmp_path / "a.npz", "medmnist"), ("label",))
    assert len(problems) == 3
    assert "features of subjects are read by `vectors`" in problems[0]


def test_a_damaged_member_is_told_when_it_is_read(tmp_path) -> None:
    path = tmp_path / "large.npz"
    images = np.random.default_rng(0).integers(0, 256, (60, 28, 28)).astype(np.uint8)
    np.savez_compressed(path, train_images=images, train_labels=np.arange(60) % 2)
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("train_images.npy")
    at = info.header_offset + info.compress_size // 2
    data[at : at + 40] = b"\xff" * 40
    path.write_bytes(data)
    reader = reader_of(path, "medmnist")
    records, _, _ = read(reader, ("label",))
    assert len(records) == 60
    with pytest.raises(ImageError, match="damaged: its member train_images"):
        reader.load(records[0])


@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/medmnist is not here")
@pytest.mark.parametrize(
    ("name", "counts", "note"),
    [
        ("breastmnist", (546, 78, 156), "1 image is in both train and test"),
        ("pneumoniamnist", (4708, 524, 624), "8 images are in both train and val"),
        ("adrenalmnist3d", (1188, 98, 298), ""),
    ],
)
def test_real_files(name, counts, note) -> None:
    reader = reader_of(REAL / f"{name}.npz", "medmnist")
    records, problems, _ = read(reader, ("label",))
    assert problems == []
    assert tuple(sum(r.split == part for r in records) for part in ("train", "val", "test")) == counts
    assert {r.labels["label"] for r in records} == {"0", "1"}
    warned = [text for text in reader.notes if text.startswith("warning")]
    assert len(warned) == bool(note)
    assert all(note in text for text in warned)
