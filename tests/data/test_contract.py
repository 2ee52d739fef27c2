"""The preprocessing contract: built, merged over shards, and checked against other images."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tlpy.data import contract
from tlpy.data.preprocessing import validate
from tlpy.errors import Problems


def build(spacings=((3.0, 3.0),), size=(56, 72), axes="RA", intensities=None, **preprocessing):
    settings = validate({"slice": "axial", **preprocessing}, "x", Problems())
    return contract.build(
        settings, 1, size, axes, spacings, intensities or [(0.0, 1.0, 0.5, 0.1)] * len(spacings)
    )


def test_is_json_and_fits_itself():
    made = build()
    assert json.loads(json.dumps(made)) == made
    assert contract.compare(made, made) == []
    assert made["steps"].startswith("oriented to RAS")


@pytest.mark.parametrize(
    ("other", "line"),
    [
        ({"size": (64, 64)}, "size: expected 56×72, found 64×64"),
        ({"axes": None}, "axes: expected RA, found none"),
        ({"normalise": "minmax"}, "preprocessing.normalise: expected zscore, found minmax"),
        ({"spacing": 2}, "preprocessing.spacing: expected none, found 2"),
        ({"spacings": [(1.0, 1.0)]}, "spacing: expected about 3×3 mm, found 1×1 mm (nothing is resampled)"),
    ],
)
def test_differences_are_listed(other, line):
    assert line in map(str, contract.compare(build(), build(**other)))


def test_slice_position_binds():
    (line,) = contract.compare(build(), build(slice={"plane": "axial", "position": 0.4}))
    assert "position=0.5" in line.expected
    assert "position=0.4" in line.found
    assert not line.adapted


def test_how_a_size_came_about_does_not_bind():
    assert contract.compare(build(), build(size=(56, 72))) == []
    settings = validate({"slice": "axial", "size": [56, 72]}, "x", Problems())
    asked = contract.build(settings, 1, (56, 72), "RA", [(3.0, 3.0)], [(0.0, 1.0, 0.5, 0.1)])
    assert contract.compare(build(), asked) == []


def test_intensity_binds_only_where_nothing_is_normalised():
    one, other = [(0.0, 1.0, 0.5, 0.1)], [(0.0, 9999.0, 500.0, 100.0)]
    assert contract.compare(build(intensities=one), build(intensities=other)) == []
    (line,) = contract.compare(
        build(intensities=one, normalise="none"), build(intensities=other, normalise="none")
    )
    assert str(line) == "intensity: expected an sd of about 0.1, found 100 (nothing is normalised)"


def test_merged_shards_are_the_whole():
    rng = np.random.default_rng(0)
    images = rng.normal(rng.normal(0, 1, (7, 1)), 1, (7, 1000))
    rows = [(i.min(), i.max(), i.mean(), i.std()) for i in images]
    spacings = [(mm, mm) for mm in (1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 4.0)]
    whole = build(spacings=spacings, intensities=rows)
    parts = [build(spacings=spacings[a:b], intensities=rows[a:b]) for a, b in ((0, 3), (3, 7))]
    empty = {**whole, "axes": None, "observed": {"images": 0, "spacing": None, "intensity": None}}
    merged = contract.merge([empty, *parts])
    assert merged["observed"]["images"] == 7
    assert merged["observed"]["spacing"]["maximum"] == [4.0, 4.0]
    assert merged["observed"]["spacing"]["minimum"] == [1.0, 1.0]
    for name, value in whole["observed"]["intensity"].items():
        assert merged["observed"]["intensity"][name] == pytest.approx(value, rel=1e-4, abs=1e-5)
    assert whole["observed"]["intensity"]["sd"] == pytest.approx(images.std(), rel=1e-5)
    assert contract.compare(whole, merged) == []


def test_shards_of_other_settings_do_not_merge():
    with pytest.raises(ValueError, match="shards of one cache differ: size"):
        contract.merge([build(), build(size=(8, 8))])
    with pytest.raises(ValueError, match="no contract"):
        contract.merge([])


def test_what_weights_are_adapted_to_is_said_to_be_so():
    colours = {**build(), "channels": 3}
    (one,) = contract.compare(build(), colours)
    assert (one.key, one.adapted) == ("channels", "the first convolution is fitted to them")
    volumes = build(size=(56, 72, 40), axes="RAS", spacings=((3.0, 3.0, 3.0),), slice=None)
    found = contract.compare(build(), volumes)
    assert {one.key for one in found} == {"dims", "size", "axes", "preprocessing.slice"}
    assert {one.adapted for one in found} == {"convolutions are inflated from 2D to 3D"}
    assert not any(one.adapted for one in contract.compare(volumes, build()))
    several = {**build(slice={"plane": "axial", "count": 3}), "channels": 3}
    assert [one.key for one in contract.compare(build(), several)] == ["channels", "preprocessing.slice"]
    assert all(one.adapted for one in contract.compare(build(), several))
    moved = {**build(slice={"plane": "coronal", "count": 3}), "channels": 3}
    assert [bool(one.adapted) for one in contract.compare(build(), moved)] == [True, False]


def test_what_planning_knows_of_a_contract_is_part_of_it():
    made = build()
    known = contract.planned(made["preprocessing"], made["channels"], made["size"])
    assert contract.compare(made, known) == []
    assert contract.compare(known, made) == []
    other = contract.planned({**made["preprocessing"], "orient": None}, 1, made["size"])
    assert [str(one) for one in contract.compare(made, other)] == [
        "preprocessing.orient: expected RAS, found none"
    ]
