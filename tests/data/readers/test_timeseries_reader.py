"""Time series, simulated and real: windows that stay in their run, scaled over it, labelled by the middle."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from layouts import simulate_layout
from reading import check_images, read, reader_of

from tlpy.data.preprocessing import apply, output_size, validate
from tlpy.data.readers import series
from tlpy.data.readers.base import ImageError, RawImage
from tlpy.errors import InputError, Problems

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "haxby"


def settings(**given):
    return validate(given, "preprocessing", Problems())


def test_windows_stay_within_their_run(layout) -> None:
    root = layout("timeseries")
    reader = reader_of(root, "timeseries", window=9)
    records, problems, skippable = read(reader, ("category",), "run")
    assert (problems, skippable) == ([], [])
    assert len(records) == 7 * (40 - 8)
    assert reader.notes == ["data/timeseries/events.tsv: 1 of 8 runs are shorter than 9 volumes"]
    series = np.load(root / "timeseries.npy").astype(float)
    events = [line.split("\t") for line in (root / "events.tsv").read_text().splitlines()[1:]]
    first = {run: next(k for k, event in enumerate(events) if event[1] == run) for run in "1234567"}
    for record in records[::17]:
        volume, start = int(record.image), first[record.run]
        assert record.labels["category"] == events[volume][2]
        assert record.group == f"timeseries/{record.run}" == f"timeseries/{events[volume][1]}"
        assert start + 4 <= volume < start + 36
        run = series[start : start + 40]
        sd = run.std(axis=0)
        expected = ((run - run.mean(axis=0)) / np.where(sd == 0, 1, sd))[volume - start - 4 :][:9].T
        found = apply(reader.load(record), settings(window=9))
        assert np.allclose(found, expected, atol=1e-4)
        assert not found[-1].any()  # a channel without variance
    check_images(reader, records[::11])


def test_stride_and_even_windows(layout) -> None:
    reader = reader_of(layout("timeseries"), "timeseries", window=8, stride=8)
    records, _, _ = read(reader, ("category",), "run")
    assert [int(r.image) for r in records[:5]] == [4, 12, 20, 28, 36]
    assert apply(reader.load(records[4]), settings(window=8)).shape == (12, 8)
    with pytest.raises(InputError, match="expected a whole number of at least 1"):
        reader_of(layout("timeseries"), "timeseries", stride=0)


def test_whole_runs_need_one_label(layout, tmp_path) -> None:
    root = layout("timeseries", tmp_path)
    records, problems, _ = read(reader_of(root, "timeseries"), ("category",), "run")
    assert (records, len(problems)) == ([], 1)
    assert "'category' changes within the run that starts here, and 6 more (preprocessing.win" in problems[0]
    lines = (root / "events.tsv").read_text().splitlines()
    marked = [lines[0] + "\tage"] + [f"{line}\t{20 + int(line.split(chr(9))[1])}" for line in lines[1:]]
    (root / "events.tsv").write_text("\n".join(marked) + "\n")
    records, problems, _ = read(reader_of(root, "timeseries"), ("age",), "run")
    assert problems == []
    assert [r.labels["age"] for r in records] == [str(k) for k in range(21, 29)]


def test_a_folder_a_subject(layout, tmp_path) -> None:
    for name in ("sub-1", "sub-2"):
        shutil.copytree(layout("timeseries"), tmp_path / name)
    series = np.load(tmp_path / "sub-2" / "timeseries.npy")
    np.save(tmp_path / "sub-2" / "timeseries.npy", series + 1)
    reader = reader_of(tmp_path, "timeseries", window=9, stride=16)
    records, problems, _ = read(reader, ("looking",), "run")
    assert problems == []
    assert {r.subject for r in records} == {"sub-1", "sub-2"}
    assert {r.group for r in records if r.run == "1"} == {"sub-1/1", "sub-2/1"}
    check_images(reader, records)


def test_what_is_wrong(layout, tmp_path) -> None:
    root = layout("timeseries", tmp_path)
    assert "no run has 60 volumes" in read(reader_of(root, "timeseries", window=60), ("looking",))[1][0]
    events = root / "events.tsv"
    events.write_text("\n".join(events.read_text().splitlines()[:-2]) + "\n")
    problems = read(reader_of(root, "timeseries", window=9), ("looking",))[1]
    assert problems == [
        "data/timeseries/events.tsv: 283 rows for the 285 volumes of timeseries.npy, expected one a volume"
    ]
    np.save(root / "timeseries.npy", np.zeros((3, 4, 5)))
    assert "expected numbers of (volumes, channels)" in read(reader_of(root, "timeseries"))[2][0]
    (root / "timeseries.npy").unlink()
    assert read(reader_of(root, "timeseries", table="events.tsv"), ("looking",))[1] == [
        "data/timeseries: no time series: neither timeseries.npy with events.tsv nor files of subjects, "
        "<subject>.npy or .txt or .csv or .tsv or .1D"
    ]


def test_a_file_a_subject(tmp_path) -> None:
    root = simulate_layout("timeseries", tmp_path / "rest", subjects=8, style="files")
    reader = reader_of(root, "timeseries")
    records, problems, skippable = read(reader, ("sex", "age"))
    assert problems == []
    assert [r.subject for r in records] == [f"sub-0{k}" for k in range(1, 8)]
    assert {r.file.rpartition(".")[2] for r in records} == {"npy", "txt", "csv", "1D"}
    assert skippable == [
        "data/rest/series/sub-08.1D: 08 has an image but no row in data/rest/participants.tsv"
    ]
    assert "data/rest/participants.tsv: 1 rows belong to no image that is read" in reader.notes
    assert [reader.header(r).shape[0] for r in records[:6]] == [40, 40, 40, 40, 40, 25]
    with pytest.raises(ImageError, match="truncated"):
        reader.header(records[6])
    check_images(reader, records[:6])
    text = (root / "series" / "sub-03.csv").read_text().splitlines()[1:]
    expected = np.array([[float(cell) for cell in line.split(",")] for line in text], np.float32)
    assert np.array_equal(reader.load(records[2]).array, expected.T)
    # Differing lengths: windows of each.
    reader = reader_of(root, "timeseries", window=20, stride=10)
    records, problems, skippable = read(reader, ("sex",))
    assert problems == []
    assert [sum(r.subject == f"sub-0{k}" for r in records) for k in (1, 6, 7)] == [3, 1, 0]
    assert any("sub-07.csv: truncated" in text for text in skippable)
    assert (records[0].image, records[0].file) == ("series/sub-01/000010", "series/sub-01.npy#10")
    check_images(reader, records)


def test_names_with_more_than_an_id(tmp_path) -> None:
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        np.savetxt(
            tmp_path / "data" / name / "rest_cc200.1D", np.random.default_rng(len(name)).random((9, 2))
        )
    (tmp_path / "phenotypic_v1.csv").write_text("FILE_ID,DX\na,1\nb,2\nno_filename,1\nno_filename,2\n")
    reader = reader_of(tmp_path, "timeseries", ending="/rest_cc200.1D")
    records, problems, _ = read(reader, ("DX",))
    assert problems == []
    assert [(r.subject, r.labels["DX"], r.image) for r in records] == [
        ("a", "1", "data/a"),
        ("b", "2", "data/b"),
    ]


def test_tables_of_numbers_that_are_wrong(tmp_path) -> None:
    for name, text, says in (
        ("empty", "", "empty file"),
        ("words", "a b\nc d\n", "is no table of numbers"),
        ("short", "1 2 3\n1 2\n1 2 3\n", "line 2 has 2 numbers, expected 3"),
        ("text", "x,y\n1,2\n1,n/a\n3,4\n", "line 3 holds 'n/a', expected a number"),
    ):
        path = tmp_path / f"{name}.csv"
        path.write_text(text)
        with pytest.raises(ImageError, match=says):
            series.read(path)
    np.save(tmp_path / "cut.npy", np.zeros((50, 4)))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:1000])
    with pytest.raises(ImageError, match="truncated: 872 bytes of 1,600"):
        series.inspect(tmp_path / "cut.npy")


def test_a_window_is_for_series_alone() -> None:
    with pytest.raises(ImageError, match="is no time series"):
        apply(RawImage(np.ones((4, 5, 6), np.float32)), settings(window=3))
    with pytest.raises(ImageError, match="no 9 of them lie about number 2"):
        apply(RawImage(np.ones((2, 30), np.float32), None, 2, centre=2), settings(window=9))
    with pytest.raises(ImageError, match="is for images"):
        apply(RawImage(np.ones((2, 30), np.float32), None, 2, centre=9), settings(window=9, normalise="mean"))
    problems = Problems()
    validate({"window": 0, "size": [3]}, "preprocessing", problems)
    assert [problem.where for problem in problems] == ["preprocessing.window", "preprocessing.size"]


@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data/haxby is not here")
def test_real_haxby() -> None:
    reader = reader_of(REAL, "timeseries", window=9)
    records, problems, _ = read(reader, ("category",), "run")
    assert (len(records), problems) == (904, [])
    header = reader.header(records[0])
    assert (header.channels, output_size(header, settings(window=9))) == (530, (9,))
    prepared = apply(reader.load(records[50]), settings(window=9))
    assert prepared.shape == (530, 9)
    assert np.isfinite(prepared).all()
