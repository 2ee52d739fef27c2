"""How intensities are brought to a common scale: measured on the whole image, applied to what is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlpy import words
from tlpy.data.image_records import ImageError
from tlpy.data.preprocessing.of_vectors import BY_FEATURE

# From this share of voxels at exactly the minimum on, the minimum is the background (a masked image).
_MASKED = 0.05
_CHUNK = 8192


@dataclass(frozen=True)
class Scaling:
    """x → (clip(x, low, high) − shift) / scale, of one channel."""

    low: float = -np.inf
    high: float = np.inf
    shift: float = 0.0
    scale: float = 1.0

    def apply(self, values: np.ndarray) -> None:
        """Scale float32 `values` in place."""
        if np.isfinite(self.low):
            np.clip(values, self.low, self.high, out=values)
        if self.shift:
            values -= np.float32(self.shift)
        if self.scale != 1.0:
            values /= np.float32(self.scale)


SERIES = ("none", "zscore", "minmax", "percentile")
"""The normalisations that a time series knows."""


def measure(image: np.ndarray, kind: str, scan: bool = False) -> Scaling:
    """The scaling of one channel (*spatial), neither cropped nor padded, under a normalisation of that name.

    `scan`: the image knows its place in space, as NIfTI does. A scan may be masked, and then `zscore` is of
    what lies above its background; a picture, whose darkest value is part of it, is always taken whole.

    Raises `ImageError` where it is undefined: a constant image, a constant foreground, a mean of 0 or below.
    """
    if kind in ("none", BY_FEATURE):
        return Scaling()
    if kind == "mean":
        mean = float(image.mean(dtype=np.float64))
        if mean <= 0:
            raise ImageError(f"has a mean of {words.number(mean)}; normalise: mean needs one above 0")
        return Scaling(scale=mean)
    if kind in ("minmax", "percentile"):
        low, high = image.min(), image.max()
        if kind == "percentile":
            low, high = np.percentile(image, (1, 99))
        if not high > low:
            raise ImageError(f"has no contrast: normalise: {kind} finds {words.number(low)} at both ends")
        clipped = kind == "percentile"
        bounds = (float(low), float(high)) if clipped else (-np.inf, np.inf)
        return Scaling(*bounds, shift=float(low), scale=float(high) - float(low))
    if kind == "zscore" and scan:
        image = _unmasked(image)
    if kind == "zscore_foreground":
        image = image[image > foreground_threshold(image)]
    if not image.size:
        raise ImageError("has no foreground")
    mean, sd = moments(image)
    if sd <= 1e-6 * abs(mean) or sd == 0:
        part = "foreground" if kind == "zscore_foreground" else "image"
        raise ImageError(f"cannot be normalised ({kind}): its {part} is constant ({words.number(mean)})")
    return Scaling(shift=mean, scale=sd)


def _unmasked(image: np.ndarray) -> np.ndarray:
    """The values above a masked background; all of them where there is none, or nothing varies above it."""
    low = image.min()
    if not _is_masked(image, low):
        return image
    above = image[image > low]
    return above if above.size and above.min() < above.max() else image


def _is_masked(image: np.ndarray, low: float) -> bool:
    """Whether so many voxels are exactly at the minimum that this is the background."""
    return bool(np.count_nonzero(image == np.float32(low)) >= _MASKED * image.size)


def moments(image: np.ndarray) -> tuple[float, float]:
    """Mean and (population) standard deviation, accumulated in double precision."""
    mean = float(image.mean(dtype=np.float64))
    with np.errstate(over="ignore"):
        centred = (image - np.float32(mean)).ravel(order="K")
        # Single precision is enough for chunks of squares of centred values, but not for their sum.
        chunks = [centred[start : start + _CHUNK] for start in range(0, centred.size, _CHUNK)]
        total = sum(float(np.dot(chunk, chunk)) for chunk in chunks)
    if not np.isfinite(total):  # squares beyond 3e38
        return mean, float(image.std(dtype=np.float64))
    return mean, float(np.sqrt(total / centred.size))


def foreground_threshold(image: np.ndarray) -> float:
    """Voxels above this are foreground.

    The minimum, where 5 % or more of the voxels are exactly that (skull-stripped, cut out or black around);
    Otsu's threshold otherwise (Otsu 1979, IEEE Trans. SMC 9: the largest variance between two classes of a
    histogram, here of 256 bins).
    """
    low = float(image.min())
    if _is_masked(image, low):
        return low
    counts, edges = np.histogram(image, 256)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = image.size - below
    moment = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (moment / below - (moment[-1] - moment) / above) ** 2
    return float(edges[1:][int(np.nanargmax(between))])


def scale_series(series: np.ndarray, kind: str) -> np.ndarray:
    """Time series (channels, volumes), each channel on its own scale over the whole run.

    Within one short window a channel's mean would take away what tells the windows apart. A channel without
    variance, such as a voxel outside the brain, becomes 0 throughout.

    Raises:
        ImageError: `kind` is mean or zscore_foreground, which mean nothing for a series.
    """
    series = np.asarray(series, np.float32)
    if kind not in SERIES:
        raise ImageError(f"is a time series: normalise: {kind} is for images; use zscore, minmax or none")
    if kind == "none":
        return series
    if kind == "zscore":
        shift = series.mean(axis=1, dtype=np.float64)
        scale = series.std(axis=1, dtype=np.float64)
    else:
        ends = (0, 100) if kind == "minmax" else (1, 99)
        shift, high = np.percentile(series, ends, axis=1)
        series = np.clip(series, shift[:, None], high[:, None])
        scale = high - shift
    flat = scale <= 1e-6 * np.abs(shift)
    scale[flat] = 1.0
    scaled = ((series - shift[:, None]) / scale[:, None]).astype(np.float32)
    scaled[flat] = 0.0
    return scaled
