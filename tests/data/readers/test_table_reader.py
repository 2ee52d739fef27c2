"""Tables of images: where paths start, which columns are found, and rows that are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from reading import read

from tlpy.data.readers.base import ImageError, ImageRecord, Reader
from tlpy.data.readers.registry import open_reader
from tlpy.errors import Problems


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Four pictures below `images/` and a table beside them."""
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    rows = ["image,subject,label,fold"]
    for number in range(4):
        Image.fromarray(np.full((5, 6), number, np.uint8)).save(folder / "images" / f"{number}.png")
        rows.append(f"images/{number}.png,p{number // 2},{'ab'[number % 2]},{number}")
    (folder / "list.csv").write_text("\n".join(rows) + "\n")
    return folder / "list.csv"


def reader_of(path: Path, columns: dict[str, str] | None = None, **options) -> Reader:
    return open_reader({"name": "table", **options}, path, "data/list.csv", columns)


def test_reads_paths_subjects_and_labels(pictures: Path) -> None:
    reader = reader_of(pictures)
    records, problems, skippable = read(reader, ("label",))
    assert (problems, skippable) == ([], [])
    assert [r.image for r in records] == [f"images/{number}" for number in range(4)]
    assert [r.subject for r in records] == ["p0", "p0", "p1", "p1"]
    assert records[3].labels == {"label": "b"}
    assert records[3].where == "data/list.csv:5"
    assert reader.load(records[3]).array[0, 0] == 3.0
    assert reader.notes == ["data/list.csv: 2 subjects have several images, which stay in one part"]


def test_paths_start_from_the_real_folder_of_a_linked_table(pictures: Path, tmp_path: Path) -> None:
    link = tmp_path / "task" / "staged.csv"
    link.parent.mkdir()
    link.symlink_to(pictures)
    reader = reader_of(link)
    records, problems, _ = read(reader)
    assert problems == []
    assert reader.header(records[0]).shape == (5, 6)


def test_paths_start_from_a_named_folder(pictures: Path, tmp_path: Path) -> None:
    table = tmp_path / "other.tsv"
    table.write_text("path\tlabel\n0.png\ta\n1.png\tb\n")
    for images in (str(pictures.parent / "images"), "data/images"):
        records, problems, _ = read(reader_of(table, images=images), ("label",))
        assert problems == []
        assert [r.image for r in records] == ["0", "1"]


def test_ids_of_absolute_paths_do_not_hold_the_machine(pictures: Path, tmp_path: Path) -> None:
    table = tmp_path / "absolute.csv"
    table.write_text(f"file\n{pictures.parent}/images/0.png\n{pictures.parent}/images/1.png\n")
    records, _, _ = read(reader_of(table))
    assert [r.image for r in records] == ["0", "1"]


def test_columns_are_found_in_any_case_and_by_map(pictures: Path) -> None:
    text = pictures.read_text()
    pictures.write_text(text.replace("image,subject", "Path,EID"))
    assert [r.subject for r in read(reader_of(pictures))[0]] == ["p0", "p0", "p1", "p1"]
    pictures.write_text(text.replace("image,subject", "Bild,Person"))
    records, problems, _ = read(
        reader_of(pictures, {"image": "Bild", "subject": "Person", "session": "fold"})
    )
    assert problems == []
    assert [r.session for r in records] == ["0", "1", "2", "3"]
    _, problems, _ = read(reader_of(pictures, {"image": "bild", "subject": "Perso"}), ("lable",))
    assert problems == [
        "data/list.csv: no column 'bild' for the image (did you mean 'Bild'?)",
        "data/list.csv: no column 'Perso' for the subject (did you mean 'Person'?)",
        "data/list.csv: no column 'lable' for the label (did you mean 'label'?)",
    ]
    _, problems, _ = read(reader_of(pictures))
    assert problems[0].startswith("data/list.csv: no column image or path or file with the images' paths")


def test_without_subjects_every_image_stands_for_itself_or_its_group(pictures: Path) -> None:
    pictures.write_text(pictures.read_text().replace("subject", "patient"))
    reader = reader_of(pictures)
    records, _, _ = read(reader)
    assert [r.subject for r in records] == [r.image for r in records]
    assert "names no subjects" in reader.notes[0]
    grouped, _, _ = read(reader, (), "patient")
    assert [r.subject for r in grouped] == [r.group for r in grouped] == ["p0", "p0", "p1", "p1"]
    assert len(reader.notes) == 1


def test_wrong_rows_are_named(pictures: Path) -> None:
    with pictures.open("a") as file:
        file.write("images/9.png,p9,a,1\n,p8,a,1\n./images/0.png,p0,a,0\nimages/absent.png,,a,1\n")
    records, problems, skippable = read(reader_of(pictures), ("label",))
    assert len(records) == 4
    assert problems == [
        "data/list.csv:8: the image ./images/0.png is already on line 2 (keep one row for it)"
    ]
    assert skippable == [
        "data/list.csv:7: nothing in column 'image', expected an image's path",
        "data/list.csv:6: no such image: images/9.png",
        "data/list.csv:9: no such image: images/absent.png",
    ]


def test_images_that_differ_in_their_ending_only_are_two(pictures: Path) -> None:
    (pictures.parent / "images" / "0.jpg").write_bytes((pictures.parent / "images" / "0.png").read_bytes())
    with pictures.open("a") as file:
        file.write("images/0.jpg,p0,a,0\n")
    records, problems, _ = read(reader_of(pictures))
    assert problems == []
    assert [r.image for r in records][:3] == ["images/0.jpg", "images/0.png", "images/1"]


def test_no_image_is_there(pictures: Path) -> None:
    pictures.write_text(pictures.read_text().replace("images/", "img/"))
    _, problems, skippable = read(reader_of(pictures))
    assert (len(problems), skippable) == (1, [])
    assert problems[0].startswith(
        "data/list.csv: none of its 4 images is there (paths start from the table's folder"
    )


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "the table is empty"),
        (b"image,label\n", "no rows"),
        (b"image,label,label\na,b,c\n", "column 'label' occurs twice"),
        (b"PK\x03\x04\x00\x00 a spreadsheet", "not a text table"),
        (b'image,label\n"a.png,x\nb.png,y\n', "a quote is opened and closed only on line 3"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    _, problems, _ = read(reader_of(tmp_path / "t.csv"))
    assert any(text in problem for problem in problems), problems


def test_missing_table_and_folder(tmp_path: Path) -> None:
    assert read(reader_of(tmp_path / "t.csv"))[1] == ["data/list.csv: no such file"]
    assert read(reader_of(tmp_path))[1] == ["data/list.csv: a folder, expected a CSV or TSV file"]


class Lines(Reader):
    """A reader of one's own: a line of a text file is an image and its label."""

    def records(self, labels, group, problems: Problems) -> list[ImageRecord]:  # noqa: ARG002
        lines = (self.root / "list.txt").read_text().splitlines()
        return [
            ImageRecord(f"{n}", line.split()[0], f"{n}", labels={label: line.split()[1] for label in labels})
            for n, line in enumerate(lines)
        ]


def test_a_reader_of_ones_own_by_class_path(pictures: Path) -> None:
    (pictures.parent / "list.txt").write_text("images/0.png a\nimages/1.png b\n")
    reader = open_reader(f"{__name__}.Lines", pictures.parent, "data")
    records, _, _ = read(reader, ("label",))
    assert [r.labels["label"] for r in records] == ["a", "b"]
    assert reader.load(records[1]).array[0, 0] == 1.0
    assert reader.header(records[1]).shape == (5, 6)
    assert reader.fingerprint(records[0]) != reader.fingerprint(records[1])


@pytest.mark.parametrize("shape", [(2016, 1), (1, 2016), (1, 1, 30), (1, 1)])
def test_an_array_of_features_is_no_picture(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).normal(size=shape))
    (tmp_path / "list.csv").write_text("image,label\na.npy,1\n")
    reader = reader_of(tmp_path / "list.csv")
    records, _, _ = read(reader, ("label",))
    for attempt in (reader.header, reader.load):
        with pytest.raises(ImageError, match="a vector, no image; features of subjects are read by"):
            attempt(records[0])
    np.save(tmp_path / "a.npy", np.zeros(30))  # a series
    assert reader_of(tmp_path / "list.csv").header(records[0]).shape == (30,)
    np.save(tmp_path / "a.npy", np.zeros((12, 10, 1)))  # a volume of one slice
    assert reader_of(tmp_path / "list.csv").header(records[0]).shape == (12, 10, 1)
