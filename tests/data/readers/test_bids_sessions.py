"""BIDS with visits and derivatives, on a simulated tree with what goes wrong in real ones."""

from __future__ import annotations

import numpy as np
from reading import check_images, read, reader_of

from tlpy.data.labels import infer_task
from tlpy.errors import Problems

MNI = "MNI152NLin2009cAsym"


def test_every_visit_has_its_own_age(layout) -> None:
    reader = reader_of(layout("bids_sessions"), "bids", sessions="all", runs="first", ce="none")
    records, problems, skippable = read(reader, ("age", "sex"))
    assert problems == []
    assert [r.image for r in records[:3]] == [
        "sub-01_ses-1_run-1_T1w",
        "sub-01_ses-2_T1w",
        "sub-02_ses-1_T1w",
    ]
    ages = {(r.subject, r.session): r.labels["age"] for r in records}
    assert int(ages["sub-01", "2"]) == int(ages["sub-01", "1"]) + 3
    assert ages["sub-02", "1"] == "89+"
    assert ages["sub-03", "1"] != ""
    assert ages["sub-03", "2"] == ""
    assert {r.group for r in records} == {f"sub-0{k}" for k in range(1, 7)}
    assert skippable == [
        "data/bids_sessions/sub-08/ses-1/anat/sub-08_ses-1_T1w.nii.gz: sub-08 has an image but no row in "
        "participants.tsv",
        "data/bids_sessions/sub-08/ses-2/anat/sub-08_ses-2_T1w.nii.gz: sub-08 has an image but no row in "
        "participants.tsv",
        "data/bids_sessions/participants.tsv:8: sub-07 has a row but no anat/*_T1w.nii[.gz] image",
    ]
    check_images(reader, records)


def test_rows_that_are_wrong_are_listed_with_their_line(layout) -> None:
    reader = reader_of(layout("bids_sessions"), "bids", sessions="first", runs="first", ce="none")
    records, _, _ = read(reader, ("sex", "age"))
    problems = Problems()
    where = [record.where for record in records]
    infer_task([record.labels["sex"] for record in records], "sex", None, problems, "label", where)
    told = [str(problem) for problem in problems]
    assert any("sub-05" in text and "expected one of F, M" in text for text in told), told
    assert any("sub-04" in text and "elsewhere" in text for text in told), told
    assert len(told) == 2
    problems = Problems()
    task = infer_task([record.labels["age"] for record in records], "age", None, problems, "label", where)
    assert task is not None
    assert "'age' is '89+' in 1 rows" in task.notes[0]


def test_rules_that_are_missing(layout) -> None:
    root = layout("bids_sessions")
    _, problems, _ = read(reader_of(root, "bids"))
    assert len(problems) == 4
    assert "2 sessions (1, 2) and no rule" in problems[0]
    _, problems, _ = read(reader_of(root, "bids", sessions=1))
    assert ["2 runs (1, 2) and no rule" in text for text in problems] == [True]
    _, problems, _ = read(reader_of(root, "bids", sessions=2))
    assert ["set the reader's `ce` to gd or none" in text for text in problems] == [True]


def test_derivatives_and_their_masks(layout) -> None:
    root = layout("bids_sessions")
    reader = reader_of(root, "bids", derivatives="fmriprep", sessions="all", space="none", masks="fmriprep")
    records, problems, _ = read(reader, ("age", "mask"))
    assert problems == []
    assert records[0].file.endswith("fmriprep/sub-01/ses-1/anat/sub-01_ses-1_desc-preproc_T1w.nii.gz")
    assert records[0].labels["mask"].endswith("fmriprep/sub-01/ses-1/anat/sub-01_ses-1_dseg.nii.gz")
    check_images(reader, records)
    other = reader_of(root, "bids", derivatives="fmriprep", sessions="all", space=MNI, masks="fmriprep")
    mapped, problems, _ = read(other, ("age", "mask"))
    assert problems == []
    assert mapped[0].labels["mask"].endswith(f"sub-01_ses-1_space-{MNI}_res-2_dseg.nii.gz")
    assert [r.labels["age"] for r in mapped] == [r.labels["age"] for r in records]
    assert np.array_equal(reader.load(records[0]).array, other.load(mapped[0]).array)
    _, problems, _ = read(reader_of(root, "bids", derivatives="fmriprep", sessions="first"))
    assert f"set the reader's `space` to {MNI} or none" in problems[0]
