"""OASIS-1 and 2 on simulated trees: Analyze and NIfTI pairs, visits and runs."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from layouts.files import phantom
from reading import check_images, read, reader_of

from tlpy.data.preprocessing import apply, validate
from tlpy.data.readers.base import ImageError
from tlpy.errors import Problems


def test_oasis1_reads_analyze_in_the_right_orientation(layout) -> None:
    reader = reader_of(layout("oasis1"), "oasis1", sessions="first")
    records, problems, skippable = read(reader, ("age", "sex", "CDR"))
    assert problems == []
    assert [r.image for r in records] == [f"OAS1_{k:04d}_MR1" for k in range(1, 8)]
    assert {r.labels["sex"] for r in records} == {"F", "M"}
    young = [r for r in records if int(r.labels["age"]) < 60]
    assert young
    assert {r.labels["CDR"] for r in young} == {""}
    assert skippable == ["data/oasis1: OAS1_0008_MR1: has no image of this kind"]
    check_images(reader, records)
    plain = validate({"normalise": "none"}, "preprocessing", Problems())
    assert np.array_equal(apply(reader.load(records[0]), plain)[0], phantom(0, 0).volume)
    assert reader.header(records[0]).spacing == (8.5, 8.5, 8.5)


def test_oasis1_visits_and_kinds_of_image(layout) -> None:
    root = layout("oasis1")
    _, problems, _ = read(reader_of(root, "oasis1"), ("age",))
    assert len(problems) == 1
    assert "OAS1_0002: 2 sessions (MR1, MR2) and no rule which to take" in problems[0]
    both, problems, _ = read(reader_of(root, "oasis1", sessions="all"), ("age",))
    assert problems == []
    assert [r.group for r in both].count("OAS1_0002") == 2
    last, _, _ = read(reader_of(root, "oasis1", sessions="last", image="t88_gfc"), ("age",))
    assert last[1].image == "OAS1_0002_MR2"
    assert last[1].file.endswith("_t88_gfc.img")
    _, problems, _ = read(reader_of(root, "oasis1", sessions=1, image=None), ("age",))
    assert "is a second image of OAS1_0001_MR1" in problems[0]
    assert "(set the reader's `image`)" in problems[0]
    _, problems, _ = read(reader_of(root, "oasis1", image="wm"), ("age",))
    assert "no images of this kind in 9 visits" in problems[0]


def test_oasis2_visits_stay_together_and_have_their_own_values(layout) -> None:
    reader = reader_of(layout("oasis2"), "oasis2", sessions="all", runs="first")
    records, problems, skippable = read(reader, ("age", "sex", "Group", "MMSE"))
    assert (problems, skippable) == ([], [])
    third = [r for r in records if r.subject == "OAS2_0003"]
    assert [(r.session, r.run, r.group) for r in third] == [(f"MR{k}", "1", "OAS2_0003") for k in (1, 2, 3)]
    ages = [int(r.labels["age"]) for r in third]
    assert ages == [ages[0], ages[0] + 2, ages[0] + 4]
    assert {r.labels["Group"] for r in records} == {"Nondemented", "Demented", "Converted"}
    assert len(records) == 16
    assert reader.notes == ["data/oasis2/oasis_longitudinal.csv: 2 rows belong to no image that is read"]
    check_images(reader, records)


def test_oasis2_says_once_that_a_rule_is_missing(layout) -> None:
    _, problems, _ = read(reader_of(layout("oasis2"), "oasis2"), ("age",))
    assert len(problems) == 4
    assert problems[-1].startswith("data/oasis2: and ")
    records, problems, skippable = read(reader_of(layout("oasis2"), "oasis2", sessions=3, runs=2), ("age",))
    assert ([r.image for r in records], problems) == (["OAS2_0003_MR3_run-2"], [])
    assert len(skippable) == 7


def test_pairs_that_are_damaged(layout, tmp_path) -> None:
    root = layout("oasis1", tmp_path)
    reader = reader_of(root, "oasis1", sessions="first")
    records, _, _ = read(reader)
    voxels = [reader.locate(record) for record in records]
    before = reader.fingerprint(records[0])
    voxels[0].with_suffix(".hdr").unlink()
    voxels[1].write_bytes(voxels[1].read_bytes()[:500])
    voxels[2].write_bytes(b"")
    for record, text in zip(records, ("no such file", "truncated", "empty file"), strict=False):
        with pytest.raises(ImageError, match=text):
            reader.load(record)
    nib.Nifti1Pair(np.ones((20, 24, 20), np.int16), np.eye(4)).to_filename(voxels[0])
    assert reader.header(records[0]).spacing == (1.0, 1.0, 1.0)
    assert reader.fingerprint(records[0]) != before
