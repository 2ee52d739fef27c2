"""MURA on a simulated tree: studies, patients, official parts, and what is wrong in the real one."""

from __future__ import annotations

import shutil

import pytest
from reading import check_images, read, reader_of

from tlpy.data.preprocessing import conform, output_size, validate
from tlpy.data.readers.base import ImageError
from tlpy.errors import Problems


def test_studies_and_patients(layout) -> None:
    reader = reader_of(layout("mura"), "mura")
    records, problems, skippable = read(reader, ("finding", "body_part"), group="study")
    assert problems == []
    bad = [r for r in records if r.image.endswith("image7")]
    good = [r for r in records if r not in bad]
    assert len(good) == 24  # eight patients with two studies of one or two images
    assert {r.labels["finding"] for r in good} == {"negative", "positive"}
    assert len({r.subject for r in good}) == 8
    assert len({r.group for r in good}) == 16
    assert {(r.split, r.subject > "patient00006") for r in good} == {("train", False), ("test", True)}
    with pytest.raises(ImageError, match="empty"):
        reader.load(bad[0])
    place = "data/mura/train/XR_SHOULDER/patient00001"
    assert skippable[0].startswith(f"{place}/overview.png: does not lie as XR_<PART>/patient<n>/study<n>_")
    assert [text.rpartition("study1_")[2] for text in skippable[1:]] == [
        f"{good[0].labels['finding']}/image9.png, which is not there"
    ]
    check_images(reader, good)
    assert {reader.header(r).channels for r in good} == {1}


def test_body_parts_and_the_part_called_valid(layout) -> None:
    root = layout("mura")
    records, problems, skippable = read(
        reader_of(root, "mura", body_parts=["WRIST"], valid="val"), ("finding",)
    )
    assert problems == []
    assert len(records) == 12
    assert {r.split for r in records} == {"train", "val"}
    assert not any("image9" in text for text in skippable)
    _, problems, _ = read(reader_of(root, "mura", body_parts=["WIRST"]), ("finding",))
    assert problems == ["data/mura: reader.body_parts: no radiographs of 'WIRST' (did you mean 'WRIST'?)"]


def test_the_folder_above_and_a_study_of_two_minds(layout, tmp_path) -> None:
    root = shutil.copytree(layout("mura", dirt=False), tmp_path / "MURA-v1.1").parent
    assert len(read(reader_of(root, "mura"), ("finding",))[0]) == 24
    study = next((root / "MURA-v1.1" / "train" / "XR_WRIST" / "patient00001").iterdir())
    other = "negative" if "positive" in study.name else "positive"
    twin = shutil.copytree(study, study.with_name(f"study2_{other}"))
    (twin / "image1.png").rename(twin / "image2.png")
    _, problems, _ = read(reader_of(root, "mura"), ("finding",))
    assert len(problems) == 1
    assert "of a study of which" in problems[0]
    _, problems, _ = read(reader_of(tmp_path / "MURA-v1.1" / "valid" / "none", "mura"), ("finding",))
    assert problems == ["data/none: no such folder"]


def test_radiographs_of_many_sizes_are_resized_once(layout) -> None:
    reader = reader_of(layout("mura", dirt=False), "mura")
    records, _, _ = read(reader, ("finding",))
    assert len({reader.header(r).shape for r in records}) == 8
    settings = validate({"resize": [24, 20]}, "preprocessing", Problems())
    for record in records[:6]:
        assert output_size(reader.header(record), settings) == (24, 20)
        assert conform(reader.load(record), settings).array.shape == (1, 24, 20)
