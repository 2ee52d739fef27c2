"""HCP S1200 on a simulated tree: families, tables as spreadsheets leave them, zips, time series of nodes."""

from __future__ import annotations

import shutil
import zipfile

import numpy as np
import pytest
from reading import check_images, read, reader_of

from tlpy.data.readers.base import ImageError
from tlpy.errors import InputError

IMAGE = "MNINonLinear/T1w_restore_brain.nii.gz"
SERIES = "node_timeseries/3T_HCP1200_MSMAll_d15_ts2"


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
    check_images(reader, [r for r in records if r.subject not in ("100005", "100006")])


def test_zips_are_read_in_place_and_damaged_ones_named(layout, tmp_path) -> None:
    root = layout("hcp", tmp_path)
    reader = reader_of(root, "hcp")
    records, problems, _ = read(reader, ("sex",))
    assert problems == []
    by_subject = {r.subject: r for r in records}
    zipped = by_subject["100003"]
    assert zipped.file == f"100003_3T_Structural_preproc.zip#100003/{IMAGE}"
    assert (zipped.group, by_subject["100004"].group) == ("50001_8000", "50001_8000")
    before = reader.load(zipped).array
    for subject, text in (
        ("100005", "no zip file, or a truncated one"),
        ("100006", f"holds no 100006/{IMAGE} \\(nor any other image\\)"),
    ):
        with pytest.raises(ImageError, match=text):
            reader.header(by_subject[subject])
    # Unpacked beside its zip, it is read once and unpacked; a zip may lie in a subject's folder.
    with zipfile.ZipFile(root / "100003_3T_Structural_preproc.zip") as archive:
        archive.extractall(root)
    (root / "100003" / "preproc").mkdir()
    shutil.move(root / "100003_3T_Structural_preproc.zip", root / "100003" / "preproc")
    again = {r.subject: r for r in read(reader, ("sex",))[0]}["100003"]
    assert again.file == f"100003/{IMAGE}"
    assert np.array_equal(reader.load(again).array, before)
    (root / "100003" / IMAGE).unlink()
    deep = {r.subject: r for r in read(reader, ("sex",))[0]}["100003"]
    assert deep.file == f"100003/preproc/100003_3T_Structural_preproc.zip#100003/{IMAGE}"
    assert np.array_equal(reader.load(deep).array, before)


def test_other_packages(layout, tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "100001_3T_rfMRI_REST1_fix.zip", "w") as archive:
        archive.write(layout("hcp") / "100001" / IMAGE, f"100001/{IMAGE}")
    _, problems, _ = read(reader_of(tmp_path, "hcp"))
    assert len(problems) == 1
    assert problems[0].endswith("(found the packages 3T_rfMRI_REST1_fix: name one, reader.package)")
    reader = reader_of(tmp_path, "hcp", package="*_fix")
    records, _, _ = read(reader)
    check_images(reader, records)


def test_a_zip_that_is_damaged_within(layout, tmp_path) -> None:
    root = layout("hcp", tmp_path)
    path = root / "100003_3T_Structural_preproc.zip"
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"100003/{IMAGE}")
    middle = info.header_offset + info.compress_size // 2
    data[middle : middle + 50] = b"\xff" * 50
    path.write_bytes(data)
    reader = reader_of(root, "hcp")
    record = next(r for r in read(reader)[0] if r.subject == "100003")
    with pytest.raises(ImageError, match="damaged"):
        reader.load(record)


def test_node_time_series_with_families(layout) -> None:
    root = layout("hcp")
    reader = reader_of(root, "hcp", nodes=15)
    records, problems, skippable = read(reader, ("sex", "age"))
    assert problems == []
    assert [r.subject for r in records] == [f"10000{k}" for k in range(1, 7)]
    assert [r.group for r in records][:4] == ["50000_8000", "50000_8000", "50001_8000", "50001_8000"]
    assert records[0].file == f"{SERIES}/100001.txt"
    assert skippable == [
        f"data/hcp/{SERIES}/100008.txt: 100008 has an image but no row in "
        "data/hcp/RESTRICTED_someone_1_2_2020.csv"
    ]
    header = reader.header(records[0])
    assert (header.shape, header.channels, header.dims) == ((60,), 15, 1)
    raw = reader.load(records[0])
    assert np.allclose(raw.array, np.loadtxt(root / SERIES / "100001.txt").T, rtol=1e-6)
    assert reader.header(records[5]).shape == (40,)
    with pytest.raises(ImageError, match="truncated\\? line 31, the last, has 8 numbers, the first 15"):
        reader.header(records[4])
    check_images(reader, [r for r in records if r.subject != "100005"])


def test_windows_of_node_time_series(layout, tmp_path) -> None:
    reader = reader_of(layout("hcp"), "hcp", window=20, nodes=15)
    records, problems, skippable = read(reader, ("sex",))
    assert problems == []
    counts = {s: sum(r.subject == s for r in records) for s in {r.subject for r in records}}
    assert counts == {"100001": 3, "100002": 3, "100003": 3, "100004": 3, "100006": 2}
    assert [r.image for r in records[:3]] == [f"100001/0000{k}" for k in (10, 30, 50)]
    assert len({(r.group, r.labels["sex"]) for r in records if r.subject == "100001"}) == 1
    assert any("100005.txt: truncated?" in text for text in skippable)
    check_images(reader, records)
    reader = reader_of(layout("hcp"), "hcp", window=50, nodes=15, stride=5)
    assert len([r for r in read(reader)[0] if r.subject == "100001"]) == 3
    assert "data/hcp: 1 of 6 series are shorter than 50 volumes" in reader.notes
    # Four runs of 1,200 volumes follow each other: no window lies over two.
    folder = tmp_path / "d2_ts2"
    folder.mkdir()
    np.savetxt(folder / "100001.txt", np.random.default_rng(0).standard_normal((4800, 2)), fmt="%.4f")
    reader = reader_of(tmp_path, "hcp", window=700, nodes=2)
    records = read(reader)[0]
    assert [int(r.image[-6:]) for r in records] == [350, 1550, 2750, 3950]
    check_images(reader, records)


def test_which_time_series(layout, tmp_path) -> None:
    root = layout("hcp", tmp_path)
    _, problems, _ = read(reader_of(root, "hcp", nodes=50))
    assert problems == ["data/hcp: reader.nodes: no folder …_d50_…/ with <Subject>.txt (found the nodes 15)"]
    other = SERIES.replace("ts2", "ts3")
    shutil.copytree(root / SERIES, root / other)
    _, problems, _ = read(reader_of(root, "hcp", nodes=15))
    assert problems == [
        f"data/hcp: reader.nodes: 2 folders of 15 nodes: {SERIES}, {other} (name one: reader.folder)"
    ]
    assert read(reader_of(root, "hcp", folder=other))[0][0].file == f"{other}/100001.txt"
    assert "did you mean" in read(reader_of(root, "hcp", folder=other + "x"))[1][0]
    reader = reader_of(root, "hcp", folder=other, nodes=25)
    with pytest.raises(ImageError, match="has 15 nodes \\(numbers a line\\), expected 25"):
        reader.header(read(reader)[0][0])
    for options in ({"nodes": "50"}, {"nodes": 0}, {"stride": True, "nodes": 15}):
        with pytest.raises(InputError, match="expected a whole number of at least 1"):
            reader_of(root, "hcp", **options)


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


def test_half_siblings_are_of_one_family(layout, tmp_path) -> None:
    root = layout("hcp", tmp_path)
    table = root / "RESTRICTED_someone_1_2_2020.csv"
    lines = table.read_text().splitlines()
    # The third and fourth person share the first's mother, the fifth their father.
    parents = ["Mother_ID,Father_ID", "7,1", "7,1", "7.0,2", "7,2", "8,2", "9,", ",3"]
    table.write_text("\n".join(f"{a},{b}" for a, b in zip(lines, parents, strict=True)) + "\n")
    reader = reader_of(root, "hcp")
    records, problems, _ = read(reader, ("sex",))
    assert problems == []
    groups = {r.subject[-1]: r.group for r in records}
    assert set(groups.values()) == {"50000_8000"}
    assert "data/hcp: families that share a mother or father count as one" in reader.notes


def test_images_alone_need_no_table(layout, tmp_path) -> None:
    root = layout("hcp", tmp_path)
    for table in root.glob("*.csv"):
        table.unlink()
    assert len(read(reader_of(root, "hcp"))[0]) == 7
    records, problems, _ = read(reader_of(root, "hcp"), ("sex",))
    assert records == []
    assert problems[0].startswith("data/hcp: no table: expected *restricted*.csv or *.csv")
    for path in root.glob("*.zip"):
        path.unlink()
    assert (
        "nothing matches <Subject>/T1w/none.nii.gz"
        in read(reader_of(root, "hcp", file="T1w/none.nii.gz"))[1][0]
    )
