"""Vectors: matrices of subjects × features in every file that holds them, with what is wrong in real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from reading import read, reader_of

from tlpy.data.image_records import ImageError
from tlpy.data.readers.base import Reader

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "connectomes"
PEOPLE = ["p3", "p1", "p2"]
FEATURES = np.arange(12, dtype=np.float64).reshape(3, 4) ** 2


def table(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def row_of(reader: Reader, image: str, labels: tuple[str, ...] = ()) -> list[float]:
    records, problems, _ = read(reader, labels)
    assert not problems
    record = next(record for record in records if record.image == image)
    array = reader.load(record).array
    assert array.dtype == np.float32
    assert reader.header(record).shape == array.shape
    return array.tolist()


def labels_of(reader: Reader, label: str) -> dict[str, str]:
    records, problems, skippable = read(reader, (label,))
    assert not problems
    assert not skippable
    return {record.image: record.labels[label] for record in records}


def test_an_array_takes_its_rows_from_the_table_beside_it_in_order(tmp_path: Path) -> None:
    np.save(tmp_path / "matrix.npy", FEATURES)
    rows = [f"sub-{name}\t{age}\tA\tb{age}" for name, age in zip(PEOPLE, (30, 10, 20), strict=True)]
    table(tmp_path / "participants.tsv", "participant_id\tage\tsite\tfamily", *rows)
    for root in (tmp_path, tmp_path / "matrix.npy"):
        reader = reader_of(root, "vectors")
        assert labels_of(reader, "age") == {"sub-p1": "10", "sub-p2": "20", "sub-p3": "30"}
        assert row_of(reader, "sub-p1") == [16, 25, 36, 49]
        assert any("in order" in note for note in reader.notes)
        records, problems, _ = read(reader, ("age",), "family")
        assert not problems
        assert next((r.subject, r.group, r.site) for r in records) == ("sub-p1", "b10", "A")
    assert reader.named_files() == [tmp_path / "participants.tsv"]


def test_a_table_of_another_length_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "matrix.npy", FEATURES)
    table(tmp_path / "participants.csv", "id,age", "a,1", "b,2")
    _, problems, _ = read(reader_of(tmp_path, "vectors"), ("age",))
    assert "2 rows for the 3 of matrix.npy, expected one each, in the same order" in problems[0]


def test_without_a_table_rows_are_people_and_a_label_is_asked_for(tmp_path: Path) -> None:
    np.save(tmp_path / "matrix.npy", FEATURES)
    reader = reader_of(tmp_path, "vectors")
    records, problems, _ = read(reader)
    assert not problems
    assert [record.image for record in records] == ["row000000", "row000001", "row000002"]
    assert any("names no subjects" in note for note in reader.notes)
    assert not reader.names_people
    _, problems, _ = read(reader, ("age",))
    assert "has no table of its subjects: expected participants.tsv" in problems[0]


def test_an_archive_holds_ids_labels_and_names(tmp_path: Path) -> None:
    np.savez_compressed(
        tmp_path / "all.npz",
        X=FEATURES.astype(np.float32),
        ids=np.array(PEOPLE),
        age=np.array([30.5, np.nan, 20.0]),
        sex=np.array([b"F", b"M", b"F"]),
        site=np.array([1, 2, 1])[:, None],
        features=np.array(["a", "b", "c", "d"]),
    )
    reader = reader_of(tmp_path / "all.npz", "vectors")
    assert labels_of(reader, "age") == {"p1": "", "p2": "20", "p3": "30.5"}
    assert labels_of(reader, "sex") == {"p1": "M", "p2": "F", "p3": "F"}
    assert {record.site for record in read(reader)[0]} == {"1", "2"}
    assert row_of(reader, "p3") == [0, 1, 4, 9]
    assert reader.feature_names() == ("a", "b", "c", "d")


def test_an_archive_is_joined_to_a_table_by_id(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", X=FEATURES, subject=np.array([3, 1, 2]))
    table(tmp_path / "participants.tsv", "participant_id\tage", "sub-1\t10", "sub-2\t20", "sub-9\t90")
    reader = reader_of(tmp_path, "vectors")
    records, problems, skippable = read(reader, ("age",))
    assert not problems
    assert {record.image: record.labels["age"] for record in records} == {"1": "10", "2": "20"}
    assert ["3 has features but no row" in text for text in skippable] == [True]
    assert row_of(reader, "2") == FEATURES[2].tolist()
    table(tmp_path / "participants.tsv", "participant_id\tage", "sub-7\t10")
    assert "has a row for none of the subjects: 3, … there, 7" in read(reader_of(tmp_path, "vectors"))[1][0]


def test_the_array_of_an_archive_is_named_where_several_may_be_meant(tmp_path: Path) -> None:
    np.savez(tmp_path / "m.npz", thickness=FEATURES, volume=FEATURES * 2, ids=np.array(PEOPLE))
    _, problems, _ = read(reader_of(tmp_path / "m.npz", "vectors"))
    assert "holds several arrays of (subjects, features): thickness (3, 4), volume (3, 4)" in problems[0]
    assert row_of(reader_of(tmp_path / "m.npz", "vectors", key="volume"), "p3") == [0, 2, 8, 18]
    _, problems, _ = read(reader_of(tmp_path / "m.npz", "vectors", key="volum"))
    assert "no array 'volum'" in problems[0]
    assert "did you mean 'volume'" in problems[0]


@pytest.mark.parametrize("diagonal", [False, True])
def test_of_symmetric_connectomes_the_upper_triangle_is_read(tmp_path: Path, diagonal: bool) -> None:
    square = np.random.default_rng(0).normal(size=(3, 5, 5)).astype(np.float32)
    square += square.transpose(0, 2, 1)
    if not diagonal:
        square[:, range(5), range(5)] = np.nan  # many tools leave it so
    np.savez(tmp_path / "m.npz", matrices=square, ids=np.array(PEOPLE))
    reader = reader_of(tmp_path / "m.npz", "vectors", diagonal=diagonal)
    expected = square[1][np.triu_indices(5, 0 if diagonal else 1)]
    assert row_of(reader, "p1") == expected.tolist()
    said = f"of 5 regions, the {len(expected)} values {'on and above' if diagonal else 'above'} the diagonal"
    assert any(said in note for note in reader.notes)
    square[2, 1, 3] += 1
    np.savez(tmp_path / "m.npz", matrices=square, ids=np.array(PEOPLE))
    reader = reader_of(tmp_path / "m.npz", "vectors", diagonal=diagonal)
    records = {record.image: record for record in read(reader)[0]}
    reader.load(records["p1"])
    with pytest.raises(ImageError, match=r"no symmetric matrix: \[1, 3\]"):
        reader.fingerprint(records["p2"])


def test_a_csv_has_ids_labels_and_features(tmp_path: Path) -> None:
    lines = ("eid,sex,age,site,thick_l,thick_r", "1001.0,F,60,11,2.5,2.25", "1000,M,70,12,1e-3,-2", "")
    reader = reader_of(table(tmp_path / "idps.csv", *lines), "vectors", without=["age"])
    assert labels_of(reader, "age") == {"1000": "70", "1001": "60"}
    assert labels_of(reader, "sex") == {"1000": "M", "1001": "F"}
    assert reader.feature_names() == ("thick_l", "thick_r")
    assert row_of(reader, "1000") == [np.float32(1e-3), -2]
    assert {record.where.rpartition(":")[2] for record in read(reader)[0]} == {"2", "3"}
    assert any("columns of text are no features: sex" in note for note in reader.notes)
    picked = reader_of(tmp_path / "idps.csv", "vectors", features=["thick_*"])
    assert picked.feature_names() == ("thick_l", "thick_r")
    assert labels_of(picked, "age") == {"1000": "70", "1001": "60"}


def test_a_label_is_never_a_feature(tmp_path: Path) -> None:
    path = table(tmp_path / "idps.csv", "id,age,thick", "a,60,2.5", "b,70,2")
    reader = reader_of(path, "vectors")
    _, problems, _ = read(reader, ("age",))
    assert "'age' is asked for, but counts as a feature" in problems[0]
    assert "`without: [age]`" in problems[0]
    assert read(reader)[1] == []
    assert any("among the features are age" in note for note in reader.notes)


def test_a_cell_that_is_no_finite_number_is_named_with_row_and_column(tmp_path: Path) -> None:
    rows = ("id,thick,area", "a,2.5,1", "b,,2", "c,3,x", "d,inf,NA", "e,1e60,3")
    reader = reader_of(table(tmp_path / "idps.csv", *rows), "vectors")
    records = {record.image: record for record in read(reader)[0]}
    reader.load(records["a"])
    said = {
        "b": r"^has no value in column 'thick' \(of 2 features\)$",
        "c": "^holds 'x' in column 'area', expected a number$",
        "d": "has no value in column 'area' .*; is infinite in column 'thick'",
        "e": "is infinite in column 'thick'",
    }
    for image, text in said.items():
        with pytest.raises(ImageError, match=text):
            reader.fingerprint(records[image])
    assert records["c"].where == "data/idps.csv:4"
    matrix = FEATURES.copy()
    matrix[1, 2] = np.nan
    np.save(tmp_path / "m.npy", matrix)
    reader = reader_of(tmp_path / "m.npy", "vectors")
    with pytest.raises(ImageError, match=r"has no value in feature 2 \(of 4 features\)"):
        reader.load(read(reader)[0][1])


def test_somebody_has_several_rows_if_a_column_tells_them_apart(tmp_path: Path) -> None:
    lines = ("subject,session,f1,f2", "a,1,1,2", "a,2,3,4", "b,1,5,6")
    reader = reader_of(table(tmp_path / "m.csv", *lines), "vectors")
    records, problems, _ = read(reader)
    assert not problems
    assert [(record.image, record.subject) for record in records] == [
        ("a/1", "a"),
        ("a/2", "a"),
        ("b/1", "b"),
    ]
    lines = ("subject,f1,f2", "a,1,2", "a,3,4")
    _, problems, _ = read(reader_of(table(tmp_path / "n.csv", *lines), "vectors"))
    assert "data/n.csv:3: a has a row already (data/n.csv:2)" in problems[0]


@pytest.mark.parametrize(
    ("lines", "options", "said"),
    [
        (("id,f,f", "a,1,2"), {}, "column 'f' occurs twice"),
        (("id,f", "a,1,2,3"), {}, ":2: 4 cells, expected 2"),
        (("id,f",), {}, "has no rows"),
        (("id,sex", "a,F"), {}, "holds no column of numbers that could be a feature"),
        (("id,f,g", "a,1,", "b,2,"), {}, "column 'g' holds no value in any row"),
        (("id,f", "a,1"), {"without": ["h"]}, "no column 'h'"),
        (("id,f,sex", "a,1,F"), {"features": ["f", "sex"]}, "text cannot be a feature: sex"),
        (("id,f", "a,1"), {"key": "X"}, "holds no arrays by name"),
        (("id,f", "a,1"), {"file": "m.csv"}, "is a file, so that"),
    ],
)
def test_tables_that_are_refused(tmp_path: Path, lines: tuple[str, ...], options: dict, said: str) -> None:
    _, problems, _ = read(reader_of(table(tmp_path / "m.csv", *lines), "vectors", **options))
    assert said in problems[0]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((4, 5, 6), "expected (subjects, features) or, of symmetric connectomes"),
        ((7,), "is an array of shape (7,), expected (subjects, features)"),
        ((0, 3), "is an array of shape (0, 3)"),
    ],
)
def test_arrays_that_are_refused(tmp_path: Path, shape: tuple[int, ...], said: str) -> None:
    np.save(tmp_path / "m.npy", np.zeros(shape))
    assert said in read(reader_of(tmp_path, "vectors"))[1][0]
    np.save(tmp_path / "m.npy", np.array([["a", "b"]]))
    assert "expected numbers" in read(reader_of(tmp_path, "vectors"))[1][0]


def test_the_matrix_of_a_folder_is_named_where_there_are_several(tmp_path: Path) -> None:
    assert "holds no .npz, .npy, .csv or .tsv" in read(reader_of(tmp_path, "vectors"))[1][0]
    np.save(tmp_path / "a.npy", FEATURES)
    np.save(tmp_path / "b.npy", FEATURES + 1)
    assert "several files that may be the matrix: a.npy, b.npy" in read(reader_of(tmp_path, "vectors"))[1][0]
    assert row_of(reader_of(tmp_path, "vectors", file="b.npy"), "row000000") == [1, 2, 5, 10]
    assert "no file 'c.npy'" in read(reader_of(tmp_path, "vectors", file="c.npy"))[1][0]


def test_other_encodings_and_delimiters_are_read(tmp_path: Path) -> None:
    text = "id;größe;f1\r\na;1;2\r\n"
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        (tmp_path / "m.csv").write_bytes(text.encode(encoding))
        reader = reader_of(tmp_path / "m.csv", "vectors")
        assert reader.feature_names() == ("größe", "f1")
        assert row_of(reader, "a") == [1, 2]


def test_a_wide_table_takes_little_memory(tmp_path: Path) -> None:
    import tracemalloc

    names = [f"f{n}" for n in range(20_000)]
    line = ",".join(["0.5"] * len(names))
    with (tmp_path / "m.csv").open("w") as file:
        file.write("id," + ",".join(names) + "\n")
        file.writelines(f"p{n},{line}\n" for n in range(100))
    reader = reader_of(tmp_path / "m.csv", "vectors")
    tracemalloc.start()
    records, problems, _ = read(reader)
    reader.load(records[-1])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not problems
    assert peak < 8 * len(names) * 40  # some rows at a time; the whole table has 100


def test_the_real_connectomes() -> None:
    if not REAL.is_dir():
        pytest.skip(f"no {REAL}")
    reader = reader_of(REAL, "vectors")
    ages = labels_of(reader, "Age")
    assert len(ages) == 105
    assert ages["sub-pixar001"] == "4.774811773"
    matrix = np.load(REAL / "basc064_correlation.npy")
    assert row_of(reader, "sub-pixar001") == matrix[0].tolist()
