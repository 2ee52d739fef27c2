"""IXI on a simulated tree: the site in the name, ids with two ages, the spreadsheet."""

from __future__ import annotations

from reading import check_images, read, reader_of


def test_site_age_and_sex(layout) -> None:
    reader = reader_of(layout("ixi"), "ixi")
    records, problems, skippable = read(reader, ("age", "sex"))
    assert problems == []
    assert [r.subject for r in records] == [f"IXI{k:03d}" for k in range(3, 9)]
    assert [r.site for r in records][:3] == ["HH", "IOP", "Guys"]
    assert {r.labels["sex"] for r in records} == {"F", "M"}
    assert [r.subject for r in records if not r.labels["age"]] == ["IXI004"]
    assert skippable == [
        "data/ixi/IXI-T1/IXI009-HH-0791-T1.nii.gz: IXI009 has an image but no row in data/ixi/IXI.csv"
    ]
    assert reader.notes == [
        "data/ixi/IXI.csv: IXI002 left out: several rows give different ages or sexes (lines 2 and 3)",
        "data/ixi/IXI.csv: 1 rows belong to no image that is read",
    ]
    check_images(reader, records)


def test_rows_that_complete_each_other_do_not_contradict(layout, tmp_path) -> None:
    root = layout("ixi", tmp_path)
    table = root / "IXI.csv"
    header = table.read_text().splitlines()[0]
    rows = ("2,1,,,,", "2,,,,,35.80", "2,1,,,,35.8", "3,2,,,,41", "3,1,,,,41", "4,2,,,,#N/A")
    table.write_text("\n".join([header, *rows]) + "\n")
    reader = reader_of(root, "ixi")
    records, problems, _ = read(reader, ("age", "sex"))
    assert problems == []
    assert {r.subject: r.labels for r in records} == {
        "IXI002": {"age": "35.80", "sex": "M"},
        "IXI004": {"age": "", "sex": "F"},
    }
    assert reader.notes[0].startswith("data/ixi/IXI.csv: IXI003 left out: several rows give different ages")


def test_other_modalities(layout) -> None:
    records, _, _ = read(reader_of(layout("ixi", dirt=False), "ixi", modality="T1"), ("age",))
    assert len(records) == 8
    _, problems, _ = read(reader_of(layout("ixi"), "ixi", modality="PD"), ("age",))
    assert problems == ["data/ixi: no images: nothing matches IXI*-*-*-PD.nii.gz (valid: T1, T2)"]


def test_the_spreadsheet_has_to_be_exported(layout, tmp_path) -> None:
    root = layout("ixi", tmp_path)
    (root / "IXI.csv").unlink()
    _, problems, _ = read(reader_of(root, "ixi"), ("age",))
    assert len(problems) == 1
    assert "IXI.xls is a spreadsheet: save it as CSV beside it" in problems[0]
    _, problems, _ = read(reader_of(root, "ixi", table="IXI.xls"), ("age",))
    assert "not a text table, expected CSV or TSV (save a spreadsheet as CSV (UTF-8))" in problems[0]


def test_ids_that_no_image_has(layout, tmp_path) -> None:
    root = layout("ixi", tmp_path)
    (root / "IXI.csv").write_text("IXI_ID,AGE\n900,20\n901,30\n")
    records, problems, _ = read(reader_of(root, "ixi"), ("age",))
    assert records == []
    assert problems == ["data/ixi/IXI.csv: none of the images has a row: IXI002, … there, IXI900, … here"]
