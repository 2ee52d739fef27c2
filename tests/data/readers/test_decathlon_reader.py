"""The Medical Segmentation Decathlon on a simulated tree and on the real hippocampi."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from layouts import simulate_layout
from reading import check_images, read, reader_of

from tlpy.errors import InputError

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "hippocampus"


def test_images_and_masks(layout) -> None:
    reader = reader_of(layout("decathlon"), "decathlon")
    records, problems, skippable = read(reader, (reader.label,))
    assert problems == []
    assert [r.image for r in records] == [f"brain_{k:03d}" for k in range(1, 7)]
    assert [r.labels["mask"] for r in records][:2] == ["", "labelsTr/brain_002.nii.gz"]
    assert skippable == [
        "data/decathlon/dataset.json: names the mask labelsTr/brain_001.nii.gz of imagesTr/brain_001.nii.gz, "
        "which is not there",
        "data/decathlon/dataset.json: names imagesTr/brain_999.nii.gz, which is not there",
    ]
    check_images(reader, records)


def test_labels_of_a_table_beside_and_test_images(layout) -> None:
    root = layout("decathlon")
    records, problems, _ = read(reader_of(root, "decathlon", part="all"), ("age", "sex", "mask"))
    assert (len(records), problems) == (8, [])
    assert {r.labels["sex"] for r in records} == {"F", "M"}
    assert records[-1].labels["mask"] == ""
    assert [r.file for r in read(reader_of(root, "decathlon", part="test"))[0]] == [
        "imagesTs/brain_007.nii.gz",
        "imagesTs/brain_008.nii.gz",
    ]
    with pytest.raises(InputError, match="expected training or test or all"):
        reader_of(root, "decathlon", part="train")


def test_several_modalities_are_channels(tmp_path) -> None:
    root = simulate_layout("decathlon", tmp_path / "brats", subjects=8, modalities=4)
    reader = reader_of(root, "decathlon", part="all")
    records, problems, _ = read(reader, ("sex",))
    assert (len(records), problems) == (8, [])
    header = reader.header(records[0])
    assert (header.shape, header.channels) == ((20, 24, 20), 4)
    array = reader.load(records[0]).array
    assert np.array_equal(array[3] * 8, array[0])
    check_images(reader, records)


def test_a_fourth_axis_becomes_channels(tmp_path) -> None:
    root = tmp_path / "brats"
    (root / "imagesTr").mkdir(parents=True)
    volume = np.random.default_rng(0).integers(0, 9, (5, 6, 7, 4)).astype(np.int16)
    nib.save(nib.Nifti1Image(volume, np.diag([-1.0, 1, 1, 1])), root / "imagesTr/a.nii.gz")
    (root / "dataset.json").write_text(json.dumps({"training": [{"image": "./imagesTr/a.nii.gz"}]}))
    reader = reader_of(root, "decathlon")
    records, problems, _ = read(reader)
    assert problems == []
    assert reader.header(records[0]).channels == 4
    assert np.array_equal(reader.load(records[0]).array, np.moveaxis(volume, -1, 0))
    check_images(reader, records)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "no such file, expected the list of images"),
        ("{", "no JSON"),
        ("{}", "lists no images"),
        ('{"training": [3]}', "training[0]: found 3"),
        ('{"training": ["a.nii.gz"]}', "none of the images of dataset.json is there"),
    ],
)
def test_lists_that_cannot_be_read(tmp_path, content, text) -> None:
    if content:
        (tmp_path / "dataset.json").write_text(content)
    assert any(text in problem for problem in read(reader_of(tmp_path, "decathlon"))[1])


@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/hippocampus is not here")
def test_real_hippocampi() -> None:
    reader = reader_of(REAL, "decathlon")
    records, problems, skippable = read(reader, ("mask",))
    assert (len(records), problems, skippable) == (60, [], [])
    assert all((REAL / record.labels["mask"]).is_file() for record in records)
    check_images(reader, records[:3])
