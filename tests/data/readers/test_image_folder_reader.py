"""A folder of pictures by class, simulated and real: what is no picture, mixed colours, subjects in names."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from reading import check_images, read, reader_of

from tlpy.data.readers.base import ImageError
from tlpy.errors import InputError

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "textures"


def test_classes_are_folders_and_the_rest_is_told(layout) -> None:
    reader = reader_of(layout("image_folder"), "image_folder", colour="grey")
    records, problems, skippable = read(reader, (reader.label,))
    assert problems == []
    assert {r.labels["class"] for r in records} == {"female", "male"}
    assert skippable == ["data/image_folder/overview.png: is in no class's folder"]
    assert "data/image_folder: 1 files of other kinds were passed over (.txt 1)" in reader.notes
    assert any("names no subjects" in note for note in reader.notes)
    empty = [r for r in records if r.image == "male/p900_s1"]
    with pytest.raises(ImageError, match="empty file"):
        reader.header(empty[0])
    check_images(reader, [r for r in records if r not in empty])
    assert read(reader, ("label",))[0][0].labels == {"label": "female"}


def test_colour_as_stored_or_as_asked(layout) -> None:
    depths = {}
    for colour in (None, "grey", "rgb"):
        reader = reader_of(layout("image_folder"), "image_folder", colour=colour)
        records = [r for r in read(reader)[0] if "p900" not in r.image]
        depths[colour] = {reader.header(r).channels for r in records}
        check_images(reader, records)
    assert depths == {None: {1, 3}, "grey": {1}, "rgb": {3}}


def test_a_pattern_finds_subjects_and_columns(layout) -> None:
    pattern = r"(?P<subject>p\d+)_s(?P<level>\d)"
    reader = reader_of(layout("image_folder"), "image_folder", pattern=pattern)
    records, problems, _ = read(reader, ("class", "level"))
    assert problems == []
    assert records[0].subject == records[1].subject == records[0].group
    assert [records[k].labels["level"] for k in (0, 1)] == ["1", "2"]
    assert not any("names no subjects" in note for note in reader.notes)
    _, _, skippable = read(
        reader_of(layout("image_folder"), "image_folder", pattern="(?P<a>p00)"), ("class",)
    )
    assert "data/image_folder/male/p900_s1.png: its path does not match the reader's pattern" in skippable


def test_official_parts(layout, tmp_path) -> None:
    source = layout("image_folder", dirt=False)
    for part in ("train", "valid", "test"):
        for folder in ("female", "male"):
            (tmp_path / part / folder).mkdir(parents=True)
            file = sorted((source / folder).iterdir())[0]
            (tmp_path / part / folder / f"{part}.png").write_bytes(file.read_bytes())
    records, problems, _ = read(reader_of(tmp_path, "image_folder"), ("class",))
    assert problems == []
    assert {(r.split, r.labels["class"]) for r in records} == {
        (part, name) for part in ("train", "val", "test") for name in ("female", "male")
    }


def test_options_and_folders_that_are_wrong(tmp_path) -> None:
    for options, text in (
        ({"colour": "gray"}, "expected grey or rgb"),
        ({"pattern": "("}, "no regular expression"),
        ({"pattern": "p\\d"}, "has no named group"),
    ):
        with pytest.raises(InputError, match=text):
            reader_of(tmp_path, "image_folder", **options)
    assert "no images: nothing ends in" in read(reader_of(tmp_path, "image_folder"), ("class",))[1][0]
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.npy").write_bytes(b"")
    assert "all images are of one class, 'one'" in read(reader_of(tmp_path, "image_folder"), ("class",))[1][0]
    assert "a file, expected a folder" in read(reader_of(tmp_path / "one" / "a.npy", "image_folder"))[1][0]


def test_classes_one_folder_too_deep_and_labels_of_a_pattern(layout, tmp_path) -> None:
    shutil.copytree(layout("image_folder", dirt=False), tmp_path / "data")
    _, problems, _ = read(reader_of(tmp_path, "image_folder"), ("class",))
    assert len(problems) == 1
    assert problems[0].endswith(
        "all images are of one class, 'data' (expected a folder a class; below 'data' are female, male)"
    )
    # The label of the pattern needs no classes in folders (as MURA's study1_positive).
    reader = reader_of(tmp_path, "image_folder", pattern=r"data/(?P<sex>\w+)/(?P<subject>p\d+)")
    records, problems, _ = read(reader, ("sex",))
    assert problems == []
    assert {r.labels["sex"] for r in records} == {"female", "male"}


def test_folders_within_a_class(layout, tmp_path) -> None:
    source = layout("image_folder", dirt=False)
    for folder in ("female", "male"):
        for number, file in enumerate(sorted((source / folder).iterdir())[:4]):
            place = tmp_path / folder / f"hospital{number % 2}" / "deep"
            place.mkdir(parents=True, exist_ok=True)
            (place / "same.png" if number < 2 else place / file.name).write_bytes(file.read_bytes())
    records, problems, skippable = read(reader_of(tmp_path, "image_folder"), ("class",))
    assert (problems, skippable, len(records)) == ([], [], 8)
    assert {r.labels["class"] for r in records} == {"female", "male"}


@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/textures is not here")
def test_real_textures() -> None:
    reader = reader_of(REAL, "image_folder")
    records, problems, skippable = read(reader, ("class",))
    assert (len(records), problems, skippable) == (768, [], [])
    assert reader.header(records[0]).shape == (32, 32)
    assert {r.labels["class"] for r in records} == {"brick", "grass", "gravel"}
