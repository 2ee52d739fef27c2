"""Orientation, resampling, cropping and padding of arrays (channels, *spatial)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from tlpy.data.image_records import ImageError

# Spacings nearer than this share are the same: resampling would only blur.
_SAME = 1e-3


def to_ras(array: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, tuple[float, ...]]:
    """A view of `array` (channels, 3 axes) in the RAS+ order closest to `affine`, and its spacing in mm.

    Axes are permuted and flipped only; an oblique scan stays oblique. Raises `ImageError` for an affine that
    gives no direction to an axis.
    """
    from nibabel.orientations import io_orientation

    orientation = io_orientation(affine)
    if not np.isfinite(orientation).all():
        raise ImageError(
            "has an affine that gives no direction to an axis; expected an invertible 4×4 matrix"
        )
    sizes = voxel_sizes(affine)
    order = np.argsort(orientation[:, 0])
    array = array.transpose(0, *(1 + order))
    flips = tuple(1 + axis for axis, source in enumerate(order) if orientation[source, 1] < 0)
    return np.flip(array, flips), tuple(sizes[source] for source in order)


def voxel_sizes(affine: np.ndarray) -> tuple[float, ...]:
    """mm along each stored axis, rounded as in headers (single precision holds no more)."""
    return tuple(
        round(float(mm), 5) for mm in np.sqrt((np.asarray(affine, np.float64)[:3, :3] ** 2).sum(axis=0))
    )


def resampled_shape(
    shape: Sequence[int], spacing: Sequence[float], target: Sequence[float]
) -> tuple[int, ...]:
    """Voxels that cover the same field of view at `target` mm, to the nearest whole number, at least 1.

    Halves go up, with a margin, so that the last digits of a spacing in single precision decide nothing.
    """
    return tuple(
        n if abs(old / new - 1) < _SAME else max(1, int(np.floor(n * old / new + 0.502)))
        for n, old, new in zip(shape, spacing, target, strict=True)
    )


def resample(array: np.ndarray, spacing: Sequence[float], target: Sequence[float]) -> np.ndarray:
    """`array` (channels, *spatial) at `target` mm: linear, about the centre of the field of view.

    An axis that gets coarser by a factor f is first smoothed with a Gaussian of sd sqrt(f² − 1) / 2.355
    voxels, so that the point spread functions match (Cardoso et al. 2015, MICCAI, "Scale factor point spread
    function matching").
    """
    size = resampled_shape(array.shape[1:], spacing, target)
    factors = [
        1.0 if abs(old / new - 1) < _SAME else new / old for old, new in zip(spacing, target, strict=True)
    ]
    return _along_axes(array, size, factors)


def resize(array: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """`array` (channels, *spatial) over the same field of view in `size` voxels, as `resample` does it."""
    return _along_axes(array, size, [old / new for old, new in zip(array.shape[1:], size, strict=True)])


def _along_axes(array: np.ndarray, size: Sequence[int], factors: Sequence[float]) -> np.ndarray:
    shape = array.shape[1:]
    axes = [axis for axis, factor in enumerate(factors) if factor != 1.0]
    # The axis that shrinks most goes first: the others then have less to do.
    for axis in sorted(axes, key=lambda axis: -factors[axis]):
        operator = _operator(shape[axis], size[axis], factors[axis])
        array = np.moveaxis(np.tensordot(operator, array, axes=(1, 1 + axis)), 0, 1 + axis)
    return array


@lru_cache(maxsize=64)
def _operator(old: int, new: int, factor: float) -> np.ndarray:
    """The matrix (new, old) that smooths an axis and interpolates it, both with its ends held."""
    at = np.clip((np.arange(new) - (new - 1) / 2) * factor + (old - 1) / 2, 0, old - 1)
    left = np.minimum(at.astype(int), max(old - 2, 0))
    rows = np.arange(new)
    linear = np.zeros((new, old))
    linear[rows, left] = 1 - (at - left)
    linear[rows, np.minimum(left + 1, old - 1)] += at - left
    if factor <= 1:
        return linear.astype(np.float32)
    sd = np.sqrt(factor**2 - 1) / 2.3548
    reach = int(3 * sd + 0.5)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / sd) ** 2)
    smoothed = np.zeros((new, old))
    for offset, weight in zip(offsets, weights / weights.sum(), strict=True):
        for column, share in ((left, 1 - (at - left)), (np.minimum(left + 1, old - 1), at - left)):
            np.add.at(smoothed, (rows, np.clip(column + offset, 0, old - 1)), weight * share)
    return smoothed.astype(np.float32)


def fit(array: np.ndarray, size: Sequence[int], fill: np.ndarray) -> np.ndarray:
    """`array` (channels, *spatial) cropped and padded about its centre to `size`; padded with each channel's
    `fill` (channels,)."""
    shape = array.shape[1:]
    if tuple(size) == shape:
        return array
    cut = tuple(
        slice(max(0, (n - m) // 2), max(0, (n - m) // 2) + min(n, m))
        for n, m in zip(shape, size, strict=True)
    )
    array = array[(slice(None), *cut)]
    if array.shape[1:] == tuple(size):
        return array
    out = np.empty((len(array), *size), array.dtype)
    out[...] = fill.reshape(-1, *[1] * len(size))
    place = tuple(slice((m - n) // 2, (m - n) // 2 + n) for n, m in zip(array.shape[1:], size, strict=True))
    out[(slice(None), *place)] = array
    return out


def slice_indices(length: int, position: float, count: int, step: int) -> list[int]:
    """`count` indices, `step` apart, around `position` (0 first, 1 last) of an axis of `length` voxels.

    Raises `ImageError` if they do not all lie within.
    """
    middle = int(np.floor(position * (length - 1) + 0.5))
    first = middle - step * (count - 1) // 2
    indices = [first + step * k for k in range(count)]
    if indices[0] < 0 or indices[-1] >= length:
        raise ImageError(f"has no slices {indices[0]} to {indices[-1]}: the axis has 0 to {length - 1}")
    return indices
