"""Quality: figures of one image, faults, and what stands out."""

from __future__ import annotations

import numpy as np
import pytest

from tlpy.data.quality import Quality, assess, outliers
from tlpy.data.readers.base import RawImage


def test_figures_are_of_the_image_as_stored():
    image = np.zeros((4, 5, 6), np.float32)
    image[1:3] = np.random.default_rng(0).uniform(10, 20, (2, 5, 6))
    quality, faults = assess(RawImage(image, np.diag([3.0, 2.0, 1.0, 1.0])))
    assert not faults
    assert quality.shape == (4, 5, 6)
    assert quality.spacing == (3.0, 2.0, 1.0)
    assert (quality.minimum, quality.maximum) == (image.min(), image.max())
    assert quality.mean == pytest.approx(image.mean())
    assert quality.sd == pytest.approx(image.std(), rel=1e-5)
    assert quality.foreground == 0.5


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({(0, 0, 0): np.nan, (1, 0, 0): np.nan}, "holds 2 NaN of 24 values; expected finite numbers"),
        ({(0, 0, 0): np.inf}, "holds 1 infinite of 24 values; expected finite numbers"),
        (
            {(0, 0, 0): -np.inf, (1, 1, 1): np.nan},
            "holds 1 NaN and 1 infinite of 24 values; expected finite numbers",
        ),
        ({...: 0.0}, "is all zero"),
        ({...: 7.0}, "is constant: every value is 7"),
        ({...: np.nan}, "holds 24 NaN of 24 values; expected finite numbers"),
    ],
)
def test_faults_are_named(change, fault):
    image = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    for index, value in change.items():
        image[index] = value
    assert assess(RawImage(image))[1] == [fault]


def test_large_finite_values_are_no_fault():
    image = np.full((4, 4, 4), 3e38, np.float32)
    image[0] = -3e38
    assert assess(RawImage(image))[1] == []


def _data_set(n, **special):
    rng = np.random.default_rng(0)
    rows = {}
    for k in range(n):
        mean = rng.normal(100, 5)
        rows[f"i{k:02d}"] = Quality((8, 8, 8), (1, 1, 1), 0, 255, mean, mean / 2, rng.normal(0.3, 0.01))
    return {**rows, **special}


def test_outliers_stand_out_and_nothing_else():
    assert outliers(_data_set(40)) == {}
    odd = outliers(
        _data_set(
            40,
            bright=Quality((8, 8, 8), (1, 1, 1), 0, 9999, 5000, 2500, 0.3),
            empty=Quality((8, 8, 8), (1, 1, 1), 0, 255, 100, 50, 0.01),
            large=Quality((9, 8, 8), (1, 1, 1), 0, 255, 100, 50, 0.3),
        )
    )
    assert sorted(odd) == ["bright", "empty", "large"]
    assert odd["bright"].startswith("mean intensity 5e+03, median")
    assert odd["empty"].startswith("foreground 0.01, median 0.3")
    assert odd["large"] == "shape 9×8×8, most 8×8×8"


def test_few_or_equal_images_have_no_outliers():
    assert outliers(_data_set(6, odd=Quality((8, 8, 8), (), 0, 1, 9e9, 1, 0.9))) == {}
    same = Quality((8,), (), 0, 1, 100, 1, 0.3)
    assert (
        outliers({**{str(k): same for k in range(20)}, "near": Quality((8,), (), 0, 1, 100.5, 1, 0.3)}) == {}
    )
