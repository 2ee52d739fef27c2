"""UK Biobank on simulated trees: zips and folders, visits, and the three styles of column names."""

from __future__ import annotations

import pytest
from layouts import simulate_layout
from reading import check_images, read, reader_of

from tlpy.data.readers.base import ImageError
from tlpy.data.readers.ukb import Field, parse_column
from tlpy.errors import InputError


@pytest.mark.parametrize("style", ["csv", "r", "rap"])
def test_every_visit_has_the_values_of_that_visit(tmp_path, style) -> None:
    root = simulate_layout("ukb", tmp_path / "ukb", subjects=8, style=style)
    reader = reader_of(root, "ukb", sessions="all")
    records, problems, skippable = read(reader, ("age", "sex", "54"))
    assert problems == []
    first, again = records[:2]
    assert (first.subject, first.session, again.subject, again.session) == ("1000001", "2", "1000001", "3")
    assert int(again.labels["age"]) == int(first.labels["age"]) + 3
    assert (first.site, again.site) == ("11025", "11026")
    assert first.labels["54"] == "11025"
    assert {r.labels["sex"] for r in records} == {"F", "M"}
    assert [text.split(": ")[1].split(" ")[0] for text in skippable] == ["1000007"]
    # An unpacked scan goes before its zip; another lies below two folders.
    assert first.file == "1000001_20252_2_0/T1/T1_brain_to_MNI.nii.gz"
    assert records[-1].file == "20252/10/1000008_20252_2_0/T1/T1_brain_to_MNI.nii.gz"
    assert any("2 rows belong to no image" in note for note in reader.notes)


def test_zips_are_read_in_place_and_bad_ones_told_apart(layout) -> None:
    reader = reader_of(layout("ukb"), "ukb", sessions="first")
    records, problems, _ = read(reader, ("age",))
    assert problems == []
    bad = {}
    for record in records:
        try:
            reader.header(record)
        except ImageError as error:
            bad[record.subject] = str(error)
    assert bad["1000005"] == "holds no T1/T1_brain_to_MNI.nii.gz (T1/unusable is there)"
    assert bad["1000006"].startswith("no zip file, or a truncated one")
    assert len(bad) == 2
    good = [record for record in records if record.subject not in bad]
    assert any("#" in record.file for record in good)
    check_images(reader, good)


def test_several_visits_need_a_rule(layout) -> None:
    _, problems, _ = read(reader_of(layout("ukb"), "ukb"), ("age",))
    assert problems == [
        "data/ukb: 1000001: 2 sessions (2, 3) and no rule which to take: 1000001_20252_2_0, "
        "1000001_20252_3_0 (set the reader's `sessions` to first, last, all or one of them)"
    ]
    records, problems, skippable = read(reader_of(layout("ukb"), "ukb", sessions=3), ("age",))
    assert ([r.session for r in records], problems) == (["3"], [])
    assert "data/ukb: 1000002: no scan with sessions: 3" in skippable
    with pytest.raises(InputError, match="expected first, last, all or one of them"):
        reader_of(layout("ukb"), "ukb", sessions=True)


def test_a_value_of_another_visit_is_never_taken(layout, tmp_path) -> None:
    root = layout("ukb", tmp_path)
    table = root / "ukb.csv"
    table.write_text(table.read_text().replace("21003-2.0", "21003-1.0"))
    records, problems, _ = read(reader_of(root, "ukb", sessions="first"), ("age", "31", "21003-0.0"))
    assert problems == []
    assert {r.labels["age"] for r in records} == {""}
    assert {r.labels["31"] for r in records} == {"0", "1"}
    assert all(r.labels["21003-0.0"] for r in records)


def test_names_of_columns() -> None:
    assert parse_column("21003-2.0") == Field("21003", "2", "0")
    assert parse_column("f.31.0.0") == Field("31", "0", "0")
    assert parse_column("participant.p21003_i2") == Field("21003", "2", "")
    assert parse_column("p20252_i2_a1") == Field("20252", "2", "1")
    assert parse_column("p31") == Field("31", "", "")
    assert parse_column("eid") is None


def test_wrong_field_table_and_label(layout, tmp_path) -> None:
    root = layout("ukb", tmp_path)
    assert "found the fields 20252" in read(reader_of(root, "ukb", field=20253), ("age",))[1][0]
    _, problems, _ = read(reader_of(root, "ukb", sessions="all"), ("ages",))
    assert problems == ["data/ukb/ukb.csv: no column 'ages' for the label (did you mean 'age'?)"]
    (root / "more.csv").write_text("eid\n1\n")
    _, problems, _ = read(reader_of(root, "ukb", sessions="all"), ("age",))
    assert problems == ["data/ukb: 2 tables: more.csv, ukb.csv (name one: reader.table)"]
    assert len(read(reader_of(root, "ukb", sessions="all", table="ukb.csv"), ("age",))[0]) == 8
