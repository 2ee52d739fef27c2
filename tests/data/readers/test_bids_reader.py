"""BIDS folders as they are met: several runs, visits, derivatives, and tables that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from reading import read

from tlpy.data.readers.base import ImageError
from tlpy.data.readers.registry import open_reader
from tlpy.errors import InputError

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "ds002748"


def reader_of(root: Path, columns: dict[str, str] | None = None, **options):
    return open_reader({"name": "bids", **options}, root, "data/brains", columns)


def table(root: Path, text: str) -> None:
    (root / "participants.tsv").write_text(text)


@pytest.mark.skipif(not REAL.is_dir(), reason="needs ../shared/data/ds002748, which is not here")
def test_real_brains() -> None:
    reader = open_reader("bids", REAL, str(REAL))
    records, problems, skippable = read(reader, ("sex", "age"))
    assert (len(records), problems, skippable) == (48, [], [])
    first = records[0]
    assert (first.image, first.subject, first.group) == ("sub-01_T1w", "sub-01", "sub-01")
    assert first.labels == {"sex": "M", "age": "39"}
    assert first.where == f"{REAL}/participants.tsv:2"
    assert reader.header(first).shape == (56, 72, 60)
    assert len({reader.fingerprint(record) for record in records}) == 48
    assert reader.load(first).array.shape == (56, 72, 60)


def test_records_are_the_same_whatever_labels_are_read(bids: Path) -> None:
    alone, _, _ = read(reader_of(bids))
    labelled, _, _ = read(reader_of(bids), ("sex",))
    assert [r.image for r in alone] == [r.image for r in labelled] == sorted(r.image for r in alone)


def test_group_is_a_column(bids: Path) -> None:
    records, problems, _ = read(reader_of(bids), ("sex",), "family")
    assert [r.group for r in records] == ["f0", "f1", "f1", "f2", "f2", "f3"]
    assert problems == []
    mapped, _, _ = read(reader_of(bids, {"group": "family"}))
    assert [r.group for r in mapped] == [r.group for r in records]


def test_columns_map_our_names_to_theirs(bids: Path) -> None:
    table(bids, "ID\tGender\n" + "".join(f"sub-0{n}\tF\n" for n in range(1, 7)))
    records, problems, _ = read(reader_of(bids, {"subject": "ID", "sex": "Gender"}), ("sex",))
    assert problems == []
    assert {r.labels["sex"] for r in records} == {"F"}


def test_absent_columns_name_the_nearest(bids: Path) -> None:
    _, problems, _ = read(reader_of(bids), ("Age", "sexx"), "familie")
    assert problems == [
        "data/brains/participants.tsv: no column 'Age' for the label (did you mean 'age'?)",
        "data/brains/participants.tsv: no column 'sexx' for the label (did you mean 'sex'?)",
        "data/brains/participants.tsv: no column 'familie' for the group (did you mean 'family'?)",
    ]


def test_tables_saved_by_office_programs(bids: Path) -> None:
    plain, _, _ = read(reader_of(bids), ("age", "sex"))
    text = (bids / "participants.tsv").read_text()
    variants = [
        ("\ufeff" + text).encode(),
        text.replace("\n", "\r\n").encode(),
        text.replace("\t", ",").encode(),
        text.replace("\t", ";").encode(),
        text.replace("sub-", '"sub-').replace("\t2", '"\t2').encode(),
        text.encode("utf-16"),
        (text + "\n\t\t\t\n").encode(),
        text.replace("sub-", "").encode(),
        text.replace("\n", "\t\n").encode(),
    ]
    for data in variants:
        (bids / "participants.tsv").write_bytes(data)
        records, problems, skippable = read(reader_of(bids), ("age", "sex"))
        assert (problems, skippable) == ([], []), data
        assert [r.labels for r in records] == [r.labels for r in plain]


def test_rows_that_do_not_fit_are_named(bids: Path) -> None:
    table(
        bids, "participant_id\tage\tsex\nsub-01\t20\tM\nsub-02\t20\nsub-03\t2\tM\tx\nsub-01\t22\tM\n\t9\tF\n"
    )
    _, problems, _ = read(reader_of(bids), ("sex",))
    assert problems == [
        "data/brains/participants.tsv:3: 2 cells, expected 3 as in the header",
        "data/brains/participants.tsv:4: 4 cells, expected 3 as in the header",
        "data/brains/participants.tsv:5: sub-01 has two rows, the first on line 2 (keep one of them)",
        "data/brains/participants.tsv:6: nothing in column 'participant_id', expected a subject",
    ]


def test_subjects_without_image_or_row_can_be_skipped(bids: Path, write_nifti) -> None:
    write_nifti(bids / "sub-09" / "anat" / "sub-09_T1w.nii.gz")
    with (bids / "participants.tsv").open("a") as file:
        file.write("sub-08\t30\tF\tf9\n")
    records, problems, skippable = read(reader_of(bids), ("sex",))
    assert len(records) == 6
    assert problems == []
    assert skippable == [
        "data/brains/sub-09/anat/sub-09_T1w.nii.gz: sub-09 has an image but no row in participants.tsv",
        "data/brains/participants.tsv:8: sub-08 has a row but no anat/*_T1w.nii[.gz] image",
    ]


def test_a_missing_group_can_be_skipped(bids: Path) -> None:
    text = (bids / "participants.tsv").read_text().replace("\tf0", "\tn/a")
    table(bids, text)
    records, problems, skippable = read(reader_of(bids), (), "family")
    assert (len(records), problems) == (5, [])
    assert skippable == [
        "data/brains/participants.tsv:2: nothing in column 'family', by which the split is grouped"
    ]


def test_missing_labels_are_empty(bids: Path) -> None:
    table(bids, "participant_id\tage\n" + "".join(f"sub-0{n}\tn/a\n" for n in range(1, 7)))
    records, _, _ = read(reader_of(bids), ("age",))
    assert {r.labels["age"] for r in records} == {""}


def test_site_and_official_parts_are_taken_where_they_are(bids: Path) -> None:
    parts = ["train", "Training", "validation", "test", "n/a", "holdout"]
    table(
        bids, "participant_id\tsite\tsplit\n" + "".join(f"sub-0{n}\tA\t{parts[n - 1]}\n" for n in range(1, 7))
    )
    records, problems, _ = read(reader_of(bids))
    assert [r.split for r in records] == ["train", "train", "val", "test", "", ""]
    assert {r.site for r in records} == {"A"}
    assert problems == [
        "data/brains/participants.tsv:7: 'holdout' in column 'split', expected train, val or test"
    ]


def test_two_runs_need_a_rule(bids: Path, write_nifti) -> None:
    anat = bids / "sub-01" / "anat"
    (anat / "sub-01_T1w.nii.gz").rename(anat / "sub-01_run-1_T1w.nii.gz")
    write_nifti(anat / "sub-01_run-2_T1w.nii.gz")
    write_nifti(anat / "sub-01_run-10_T1w.nii.gz")
    _, problems, _ = read(reader_of(bids))
    assert len(problems) == 1
    assert problems[0].startswith(
        "data/brains/sub-01: 3 runs (1, 2, 10) and no rule which to take: sub-01_run-1_T1w"
    )
    assert "`runs`" in problems[0]

    def runs(rule) -> list[str]:
        records, problems, _ = read(reader_of(bids, runs=rule))
        assert problems == []
        return [r.run for r in records if r.subject == "sub-01"]

    assert runs("first") == ["1"]
    assert runs("last") == ["10"]
    assert runs(2) == ["2"]
    assert sorted(runs("all")) == ["1", "10", "2"]
    records, problems, skippable = read(reader_of(bids, runs=3))
    assert (records, problems, len(skippable)) == ([], [], 6)
    assert skippable[0].startswith("data/brains/sub-01: no image with runs: 3; found sub-01_run-1_T1w.nii.gz")


def test_a_lone_image_counts_as_the_first_run(bids: Path) -> None:
    assert len(read(reader_of(bids, runs=1))[0]) == 6


def test_visits_need_a_rule_and_bring_their_own_labels(tmp_path: Path, write_nifti) -> None:
    root = tmp_path / "ageing"
    for session in ("ses-1", "ses-2", "ses-10"):
        write_nifti(root / "sub-a" / session / "anat" / f"sub-a_{session}_T1w.nii.gz")
    table(root, "participant_id\tsex\tage\nsub-a\tF\t1\n")
    (root / "sub-a" / "sub-a_sessions.tsv").write_text("session_id\tage\nses-1\t60\nses-2\t62\nses-10\tn/a\n")
    _, problems, _ = read(reader_of(root))
    assert len(problems) == 1
    assert "3 sessions (1, 2, 10)" in problems[0]
    records, problems, _ = read(reader_of(root, sessions="all"), ("age", "sex"))
    assert problems == []
    by_session = {r.session: r for r in records}
    # The age of the table is that of another day: where a visit's own is unknown, it is.
    assert {s: r.labels["age"] for s, r in by_session.items()} == {"1": "60", "2": "62", "10": ""}
    assert {r.labels["sex"] for r in records} == {"F"}
    assert by_session["2"].where == "data/brains/sub-a/sub-a_sessions.tsv:3"
    assert [r.session for r in read(reader_of(root, sessions="last"))[0]] == ["10"]
    assert [r.session for r in read(reader_of(root, sessions="ses-2"))[0]] == ["2"]
    assert [r.session for r in read(reader_of(root, sessions=2))[0]] == ["2"]


def test_what_no_visit_tells_is_of_the_person(tmp_path: Path, write_nifti) -> None:
    root = tmp_path / "ageing"
    for session in ("ses-1", "ses-2"):
        write_nifti(root / "sub-a" / session / "anat" / f"sub-a_{session}_T1w.nii.gz")
    table(root, "participant_id\tsex\tage\nsub-a\tF\t61\n")
    sessions = root / "sub-a" / "sub-a_sessions.tsv"
    sessions.write_text("session_id\tage\tsex\nses-1\t61\tn/a\n")
    records, _, _ = read(reader_of(root, sessions="all"), ("age", "sex"))
    assert [r.labels for r in records] == [{"age": "61", "sex": "F"}, {"age": "", "sex": "F"}]
    sessions.write_text("session_id\tage\nses-1\tn/a\nses-2\t\n")
    records, _, _ = read(reader_of(root, sessions="all"), ("age",))
    assert [r.labels["age"] for r in records] == ["61", "61"]


def test_a_missing_rule_is_told_a_few_times(tmp_path: Path, write_nifti) -> None:
    for number in range(20):
        for run in (1, 2):
            name = f"sub-{number:02d}"
            write_nifti(tmp_path / name / "anat" / f"{name}_run-{run}_T1w.nii.gz")
    _, problems, _ = read(reader_of(tmp_path))
    assert len(problems) == 4
    assert problems[3].startswith("data/brains: and 17 more such people (set the reader's `runs`")


def test_contrast_and_resolution_tell_images_apart(tmp_path: Path, write_nifti) -> None:
    anat = tmp_path / "sub-1" / "anat"
    for name in ("sub-1_T1w", "sub-1_ce-gadolinium_T1w"):
        write_nifti(anat / f"{name}.nii.gz")
    assert "set the reader's `ce` to gadolinium or none" in read(reader_of(tmp_path))[1][0]
    assert [r.image for r in read(reader_of(tmp_path, ce="none"))[0]] == ["sub-1_T1w"]
    for res in (1, 2):
        write_nifti(anat / f"sub-1_space-MNI_res-{res}_T1w.nii.gz")
    records, problems, _ = read(reader_of(tmp_path, space="MNI", res=2))
    assert ([r.image for r in records], problems) == (["sub-1_space-MNI_res-2_T1w"], [])


def test_versions_of_an_image_are_told_apart_by_their_entities(tmp_path: Path, write_nifti) -> None:
    root = tmp_path / "study"
    anat = root / "derivatives" / "fmriprep" / "sub-1" / "anat"
    write_nifti(anat / "sub-1_desc-preproc_T1w.nii.gz")
    write_nifti(anat / "sub-1_space-MNI_desc-preproc_T1w.nii.gz")
    _, problems, _ = read(reader_of(root, derivatives="fmriprep"))
    assert len(problems) == 1
    assert "2 images that differ in space" in problems[0]
    assert "set the reader's `space` to MNI or none" in problems[0]
    records, problems, _ = read(reader_of(root, derivatives="fmriprep", space="MNI"))
    assert problems == []
    assert records[0].file == "derivatives/fmriprep/sub-1/anat/sub-1_space-MNI_desc-preproc_T1w.nii.gz"
    records, _, _ = read(reader_of(root, derivatives="derivatives/fmriprep", space="none"))
    assert records[0].image == "sub-1_desc-preproc_T1w"
    _, problems, _ = read(reader_of(root, derivatives="fmriprepp"))
    assert problems == ["data/brains: reader.derivatives: no folder 'fmriprepp' (did you mean 'fmriprep'?)"]


def test_files_that_are_in_the_way(bids: Path) -> None:
    anat = bids / "sub-02" / "anat"
    (anat / "._sub-02_T1w.nii.gz").write_bytes(b"left by macOS")
    (anat / "sub-02_T1w.json").write_text("{}")
    (bids / "sub-02.html").touch()
    records, problems, _ = read(reader_of(bids))
    assert (len(records), problems) == (6, [])
    (anat / "sub-02_T1w.nii.gz").rename(anat / "sub-03_T1w.nii.gz")
    _, problems, _ = read(reader_of(bids))
    assert problems == [
        "data/brains/sub-02/anat/sub-03_T1w.nii.gz: its name is not that of sub-02, in whose folder it is"
    ]


def test_ids_in_the_table_are_others_than_in_the_folders(bids: Path) -> None:
    table(bids, "participant_id\tsex\nsub-1\tM\nsub-2\tF\n")
    records, problems, skippable = read(reader_of(bids), ("sex",))
    assert (records, skippable) == ([], [])
    assert problems == [
        "data/brains/participants.tsv: none of the subjects with images has a row: "
        "sub-01, … there, sub-1, … here (ids must be equal, leading zeros too)"
    ]


def test_nothing_to_read(bids: Path, tmp_path: Path) -> None:
    _, problems, _ = read(reader_of(bids, suffix="T2w"))
    assert problems == [
        "data/brains: no images: nothing matches sub-*/[ses-*/]anat/*_T2w.nii[.gz] "
        "(found there: T1w; did you mean 'T1w'?)"
    ]
    (tmp_path / "empty").mkdir()
    _, problems, _ = read(reader_of(tmp_path / "empty"))
    assert problems == ["data/brains: no images: nothing matches sub-*/[ses-*/]anat/*_T1w.nii[.gz]"]
    assert read(reader_of(tmp_path / "absent"))[1] == ["data/brains: no such folder"]
    assert read(reader_of(bids / "participants.tsv"))[1] == ["data/brains: a file, expected a BIDS folder"]


def test_labels_without_a_table(bids: Path) -> None:
    (bids / "participants.tsv").unlink()
    assert len(read(reader_of(bids))[0]) == 6
    _, problems, _ = read(reader_of(bids), ("sex",))
    assert problems == ["data/brains/participants.tsv: no such file"]
    (bids / "dataset_description.json").write_text("{}")
    _, problems, _ = read(reader_of(bids), ("sex",))
    assert problems[0].endswith(
        "(of derivatives, path is the data set's folder, and reader.derivatives theirs)"
    )


def test_options_are_checked(bids: Path) -> None:
    for options, text in (
        ({"runs": "frist"}, "expected first, last, all or a number"),
        ({"suffix": None}, "expected a text"),
        ({"space": ["MNI"]}, "expected a text"),
        ({"sufix": "T1w"}, "did you mean 'suffix'"),
    ):
        with pytest.raises(InputError, match=text):
            reader_of(bids, **options)
    with pytest.raises(InputError, match="did you mean 'bids'"):
        open_reader("bid", bids, "data/brains")


def test_a_broken_image_raises_when_it_is_read(bids: Path) -> None:
    (bids / "sub-03" / "anat" / "sub-03_T1w.nii.gz").write_bytes(b"")
    reader = reader_of(bids)
    records, _, _ = read(reader)
    with pytest.raises(ImageError, match="empty file"):
        reader.header(records[2])


def test_masks_in_derivatives_are_the_label_mask(bids: Path, write_nifti) -> None:
    for number in range(1, 6):
        name = f"sub-{number:02d}"
        write_nifti(bids / "derivatives" / "tissues" / name / "anat" / f"{name}_dseg.nii.gz")
    records, problems, _ = read(reader_of(bids), ("mask", "sex"))
    assert problems == []
    assert records[0].labels == {"mask": "derivatives/tissues/sub-01/anat/sub-01_dseg.nii.gz", "sex": "F"}
    assert records[-1].labels["mask"] == ""
    (bids / "participants.tsv").unlink()
    assert len(read(reader_of(bids), ("mask",))[0]) == 6


def test_masks_that_are_not_clear(bids: Path, write_nifti) -> None:
    _, problems, _ = read(reader_of(bids), ("mask",))
    assert problems == [
        "data/brains: reader.masks: no masks (expected derivatives/<name>/sub-*/anat/*_dseg.nii.gz)"
    ]
    for folder in ("a", "b"):
        write_nifti(bids / "derivatives" / folder / "sub-01" / "anat" / "sub-01_desc-brain_mask.nii.gz")
    _, problems, _ = read(reader_of(bids), ("mask",))
    assert "2 folders with masks: derivatives/a, derivatives/b (name one: reader.masks)" in problems[0]
    write_nifti(bids / "derivatives" / "b" / "sub-01" / "anat" / "sub-01_desc-head_mask.nii.gz")
    records, problems, _ = read(reader_of(bids, masks="a"), ("mask",))
    assert (records[0].labels["mask"].split("/")[1], problems) == ("a", [])
    assert "has 2 masks" in read(reader_of(bids, masks="b"), ("mask",))[1][0]
    assert "did you mean" in read(reader_of(bids, masks="aa"), ("mask",))[1][0]
