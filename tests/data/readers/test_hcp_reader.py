"""HCP S1200 on a simulated tree: families, two tables, ids and booleans as spreadsheets leave them."""

from __future__ import annotations

from reading import check_images, read, reader_of


def test_subjects_families_and_both_tables(layout) -> None:
    reader = reader_of(layout("hcp"), "hcp")
    records, problems, skippable = read(reader, ("sex", "age", "Age", "3T_Full_MR_Compl"))
    assert problems == []
    assert [r.subject for r in records] == [str(100001 + k) for k in range(6)]
    assert [r.group for r in records][:4] == ["50000_8000", "50000_8000", "50001_8000", "50001_8000"]
    assert {r.labels["sex"] for r in records} == {"F", "M"}
    assert {r.labels["3T_Full_MR_Compl"] for r in records} == {"true"}
    assert all(22 <= int(r.labels["age"]) < 40 for r in records)
    assert {r.labels["Age"] for r in records} <= {"22-25", "26-30", "31-35", "36+"}
    assert skippable == [
        "data/hcp/100007: has no MNINonLinear/T1w_restore_brain.nii.gz",
        "data/hcp/100008/MNINonLinear/T1w_restore_brain.nii.gz: 100008 has an image but no row in "
        "data/hcp/RESTRICTED_someone_1_2_2020.csv",
    ]
    assert reader.notes == [
        "data/hcp/RESTRICTED_someone_1_2_2020.csv: families (Family_ID) are kept together",
        "data/hcp/RESTRICTED_someone_1_2_2020.csv: 3 rows belong to no image that is read",
    ]
    check_images(reader, records)


def test_without_the_restricted_table_it_warns_of_relatives(layout, tmp_path) -> None:
    root = layout("hcp", tmp_path)
    (root / "RESTRICTED_someone_1_2_2020.csv").unlink()
    reader = reader_of(root, "hcp")
    records, problems, _ = read(reader, ("sex",))
    assert (len(records), problems) == (6, [])
    assert records[0].group == "100001"
    assert any("has no Family_ID: relatives may be in different parts" in note for note in reader.notes)
    _, problems, _ = read(reader, ("age",))
    assert len(problems) == 1
    assert "no column 'age' for the label (did you mean 'Age'?)" in problems[0]


def test_a_family_that_is_missing_and_rows_that_contradict(layout, tmp_path) -> None:
    root = layout("hcp", tmp_path)
    table = root / "RESTRICTED_someone_1_2_2020.csv"
    lines = table.read_text().splitlines()
    lines[1] = lines[1].replace("50000_8000", "")
    table.write_text("\n".join([*lines, lines[3].replace("50001_8000", "5_5")]) + "\n")
    records, problems, skippable = read(reader_of(root, "hcp"), ("sex",))
    assert "100001" not in [r.subject for r in records]
    assert any("nothing in column 'Family_ID'" in text for text in skippable)
    assert any("100003 has rows that differ, on lines 4 and 9" in text for text in problems)


def test_images_alone_need_no_table(layout, tmp_path) -> None:
    root = layout("hcp", tmp_path)
    for table in root.glob("*.csv"):
        table.unlink()
    assert len(read(reader_of(root, "hcp"))[0]) == 7
    records, problems, _ = read(reader_of(root, "hcp"), ("sex",))
    assert records == []
    assert problems[0].startswith("data/hcp: no table: expected *restricted*.csv or *.csv")
    assert (
        "nothing matches <Subject>/T1w/none.nii.gz"
        in read(reader_of(root, "hcp", file="T1w/none.nii.gz"))[1][0]
    )
