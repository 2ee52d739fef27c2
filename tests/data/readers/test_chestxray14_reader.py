"""NIH ChestX-ray14 on a simulated tree: findings, ages, official lists, and what is wrong in the real one."""

from __future__ import annotations

from pathlib import Path

import pytest
from reading import check_images, read, reader_of


def test_findings_ages_and_lists(layout) -> None:
    reader = reader_of(layout("chestxray14"), "chestxray14")
    wanted = ("abnormal", "Cardiomegaly", "Effusion", "age", "sex", "View Position")
    records, problems, skippable = read(reader, wanted)
    assert problems == []
    assert skippable == [
        "data/chestxray14/Data_Entry_2017.csv:7: 00000004_001 is in neither train_val_list.txt nor "
        "test_list.txt"
    ]
    assert len(records) == 11  # eight patients, every second with a follow-up; one in no list
    first = records[0]
    assert (first.image, first.subject, first.split) == ("00000001_000", "00000001", "train")
    assert first.labels["abnormal"] == "0"
    both = next(r for r in records if r.image == "00000002_001")
    assert [both.labels[k] for k in ("abnormal", "Cardiomegaly", "Effusion")] == ["1", "1", "1"]
    assert both.labels["View Position"] == "PA"
    ages = {r.subject: r.labels["age"] for r in records}
    assert ages["00000003"] == ""  # 412 years
    assert all(15 <= int(age) <= 100 for subject, age in ages.items() if subject != "00000003")
    assert {r.labels["sex"] for r in records} == {"F", "M"}
    assert {(r.split, r.subject > "00000006") for r in records} == {("train", False), ("test", True)}
    assert any("1 ages above 120 years are taken as missing" in note for note in reader.notes)
    assert any("1 rows belong to no image" in note for note in reader.notes)
    check_images(reader, records)


def test_without_the_lists(layout, tmp_path) -> None:
    root = layout("chestxray14")
    records, problems, skippable = read(reader_of(root, "chestxray14", lists=False), ("abnormal",))
    assert (len(records), problems, skippable) == (12, [], [])
    assert {r.split for r in records} == {""}
    root = layout("chestxray14", tmp_path)
    (root / "test_list.txt").unlink()
    reader = reader_of(root, "chestxray14")
    assert {r.split for r in read(reader, ("abnormal",))[0]} == {""}
    assert "data/chestxray14: without test_list.txt the official parts are not used" in reader.notes


def test_what_is_wrong_is_told_at_once(layout, tmp_path) -> None:
    root = layout("chestxray14", tmp_path)
    table = root / "Data_Entry_2017.csv"
    text = table.read_text().replace("00000001_000.png,No Finding,0,1,", "00000001_000.png,Effusoin,0,2,")
    table.write_text(text)
    (root / "images_001" / "images" / "scan.png").write_bytes(b"")
    _, problems, skippable = read(reader_of(root, "chestxray14"), ("abnormal",))
    assert problems == [
        "data/chestxray14/Data_Entry_2017.csv:2: unknown finding 'Effusoin' (did you mean 'Effusion'?)",
        "data/chestxray14/Data_Entry_2017.csv:2: 00000001_000 is of patient 2, but its name says otherwise",
    ]
    assert "scan.png: is not named as <patient>_<follow-up>" in skippable[0]


@pytest.mark.parametrize(
    ("text", "years"),
    [("058Y", "58"), ("58", "58"), ("018M", "1.50"), ("004D", "0.01"), ("unknown", "unknown")],
)
def test_ages(text: str, years: str, tmp_path: Path) -> None:
    reader = reader_of(tmp_path, "chestxray14")
    assert reader.with_aliases({"Patient Age": text})["age"] == years
