"""What is looked at in each image before it is used, and what stands out in a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tlpy import words
from tlpy.data.image_records import RawImage
from tlpy.data.preprocessing.geometry import voxel_sizes
from tlpy.data.preprocessing.intensity import foreground_threshold, moments

# Robust z-scores beyond this are noted: for normal data one value in 1.7 million.
_FAR = 5.0
_FEWEST = 8
# What vectors have instead of intensities.
_OF_FEATURES = {
    "mean intensity": "mean of the features",
    "spread of intensities": "spread of the features",
}


@dataclass(frozen=True)
class Quality:
    """Figures of one image as stored, before any preprocessing; intensities over its finite values.

    Attributes:
        shape: spatial axes in the file's order.
        spacing: mm per voxel in the same order; empty where the file knows none.
        minimum, maximum, mean, sd: intensities.
        foreground: share of the voxels that are foreground, 0 to 1; NaN for vectors, which have none.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    minimum: float
    maximum: float
    mean: float
    sd: float
    foreground: float


def assess(raw: RawImage, vector: bool = False) -> tuple[Quality, list[str]]:
    """The figures of an image and everything that makes it unusable (an empty list: nothing).

    `vector`: its values are features. One alone may well be all that there is.
    """
    array = raw.array
    shape = array.shape[1:] if raw.channels > 1 else array.shape
    spacing: tuple[float, ...] = ()
    if raw.affine is not None:
        spacing = voxel_sizes(raw.affine)[: len(shape)]
    faults = []
    # The sum is finite only if every value is, but for an overflow, which the slow path then clears.
    if not np.isfinite(array.sum(dtype=np.float64)):
        finite = np.isfinite(array)
        nan = int(np.isnan(array).sum())
        infinite = array.size - int(finite.sum()) - nan
        counted = [f"{n:,} {what}" for n, what in ((nan, "NaN"), (infinite, "infinite")) if n]
        if counted:
            faults.append(f"holds {' and '.join(counted)} of {array.size:,} values; expected finite numbers")
        array = array[finite]
    if not array.size:
        return Quality(shape, spacing, np.nan, np.nan, np.nan, np.nan, 0.0), faults or ["holds no values"]
    low, high = float(array.min()), float(array.max())
    mean, sd = moments(array)
    if low == high and not (vector and array.size == 1):
        faults.append("is all zero" if low == 0 else f"is constant: every value is {words.number(low)}")
        return Quality(shape, spacing, low, high, low, 0.0, 0.0), faults
    if vector:
        return Quality(shape, spacing, low, high, mean, sd, np.nan), faults
    foreground = float(np.count_nonzero(array > foreground_threshold(array)) / array.size)
    return Quality(shape, spacing, low, high, mean, sd, foreground), faults


def outliers(images: Mapping[str, Quality]) -> dict[str, str]:
    """Images that stand out among their data set, with the reason; empty for fewer than eight images.

    A figure is far off when its distance from the median exceeds five times 1.4826 MAD (the median absolute
    deviation, scaled to a normal distribution's sd). Intensities are compared on a log scale.
    """
    if len(images) < _FEWEST:
        return {}
    names = sorted(images)
    notes: dict[str, list[str]] = {}
    vectors = all(np.isnan(quality.foreground) for quality in images.values())
    for what, attribute, logarithmic in (
        ("mean intensity", "mean", True),
        ("spread of intensities", "sd", True),
        ("foreground", "foreground", False),
    ):
        raw = np.array([getattr(images[name], attribute) for name in names], np.float64)
        if np.isnan(raw).all():
            continue
        if logarithmic and (raw <= 0).any():
            logarithmic = False
        values = np.log(raw) if logarithmic else raw
        middle = float(np.median(values))
        spread = 1.4826 * float(np.median(np.abs(values - middle)))
        # A data set whose images are nearly equal has no scale to be far off by.
        spread = max(spread, 0.01 if logarithmic else 0.01 * abs(middle), 1e-12)
        for name, value, shown in zip(names, values, raw, strict=True):
            if abs(value - middle) > _FAR * spread:
                what = _OF_FEATURES.get(what, what) if vectors else what
                notes.setdefault(name, []).append(f"{what} {shown:.3g}, median {np.median(raw):.3g}")
    shapes = [images[name].shape for name in names]
    usual = max(sorted(set(shapes)), key=shapes.count)
    for name, shape in zip(names, shapes, strict=True):
        if shape != usual and shapes.count(usual) > len(shapes) / 2:
            notes.setdefault(name, []).append(
                f"shape {'×'.join(map(str, shape))}, most {'×'.join(map(str, usual))}"
            )
    return {name: "; ".join(notes[name]) for name in sorted(notes)}
