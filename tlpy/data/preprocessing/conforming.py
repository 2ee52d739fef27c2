"""The whole way from a raw image to a prepared one, and its size from the header alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tlpy import words
from tlpy.data.image_records import ImageError, ImageHeader, RawImage
from tlpy.data.preprocessing.geometry import (
    fit,
    resample,
    resampled_shape,
    resize,
    slice_indices,
    to_ras,
    voxel_sizes,
)
from tlpy.data.preprocessing.intensity import SERIES, measure, scale_series
from tlpy.data.preprocessing.settings import PLANES

# 4 GiB in single precision: beyond this a spacing is a slip of the pen.
_MOST_VOXELS = 2**30


@dataclass(frozen=True)
class _Grid:
    """What happens to the spatial axes, in order: `target` mm or `resized` voxels, `volume` voxels, slices,
    `plane` voxels."""

    target: tuple[float, ...] | None
    resized: tuple[int, ...] | None
    volume: tuple[int, ...] | None
    axis: int | None
    indices: list[int]
    plane: tuple[int, ...] | None
    size: tuple[int, ...]
    spacing: tuple[float, ...]


def output_size(header: ImageHeader, preprocessing: Mapping[str, Any]) -> tuple[int, ...]:
    """The spatial axes of the prepared image; raises `ImageError` where the settings do not fit its axes."""
    return _grid_of(header, preprocessing).size


def prepared_spacing(header: ImageHeader, preprocessing: Mapping[str, Any]) -> tuple[float, ...]:
    """mm per voxel along each axis that `output_size` gives."""
    return _grid_of(header, preprocessing).spacing


def channels(header: ImageHeader, preprocessing: Mapping[str, Any]) -> int:
    """The channels of the prepared image: its own times the number of slices."""
    taken = preprocessing["slice"]
    return header.channels * (taken["count"] if taken else 1)


@dataclass(frozen=True)
class Conformed:
    """A prepared image.

    Attributes:
        array: float32 (channels, *size), C-contiguous and its own memory.
        spacing: mm along each axis of `size`; None where the file knows no voxel size.
        axes: what each axis of `size` points to (R, A, S); None where that is unknown.
    """

    array: np.ndarray
    spacing: tuple[float, ...] | None
    axes: str | None


def apply(raw: RawImage, preprocessing: Mapping[str, Any]) -> np.ndarray:
    """The array of `conform`."""
    return conform(raw, preprocessing).array


def conform(raw: RawImage, preprocessing: Mapping[str, Any]) -> Conformed:
    """The prepared image.

    Args:
        raw: the image as stored; without an affine it is taken to be in RAS order already.
        preprocessing: settings from `validate`.

    Raises:
        ImageError: the settings do not fit the image, or its intensities cannot be normalised.
    """
    array = raw.array if raw.channels > 1 else raw.array[None]
    spatial = array.ndim - 1
    if not 1 <= spatial <= 3:
        raise ImageError(f"has {spatial} axes; expected one to three")
    if preprocessing.get("window"):
        taken = window_of(array.shape[1:], raw.centre, preprocessing["window"])
        return Conformed(scale_series(array, preprocessing["normalise"])[:, taken].copy(), None, None)
    spacing: tuple[float, ...] = (1.0,) * spatial
    if raw.affine is not None:
        if spatial == 3 and preprocessing["orient"]:
            array, spacing = to_ras(array, raw.affine)
        else:
            spacing = voxel_sizes(raw.affine)[:spatial]
    elif preprocessing["spacing"] is not None:
        raise ImageError("has no voxel size in its file; preprocessing.spacing needs one")
    grid = _grid(array.shape[1:], spacing, preprocessing)

    array = np.asarray(array, np.float32)
    if spatial == 1 and preprocessing["normalise"] in SERIES:
        # A series' own mean goes beyond its ends: a signal has no background.
        array = scale_series(array, preprocessing["normalise"])
        array = resize(array, grid.resized) if grid.resized else array
        whole = fit(array, grid.size, array.mean(axis=1))
        return Conformed(np.array(whole, np.float32, order="C", copy=True), None, None)
    if grid.target is not None:
        array = resample(array, spacing, grid.target)
    if grid.resized is not None:
        array = resize(array, grid.resized)
    darkest = array.min(axis=tuple(range(1, array.ndim)))
    # Before anything is put around the image: padding is no part of it.
    scan = raw.affine is not None
    scalings = [measure(channel, preprocessing["normalise"], scan) for channel in array]
    if grid.volume is not None:
        array = fit(array, grid.volume, darkest)
    kept = array
    if grid.axis is not None:
        # (channels, *plane, slices) → (channels, slices, *plane) → one channel a slice
        kept = np.moveaxis(np.take(kept, grid.indices, axis=1 + grid.axis), 1 + grid.axis, 1)
        kept = kept.reshape(-1, *kept.shape[2:])
        scalings = [scaling for scaling in scalings for _ in grid.indices]
        darkest = np.repeat(darkest, len(grid.indices))
    if grid.plane is not None:
        kept = fit(kept, grid.plane, darkest)
    out = np.array(kept, np.float32, order="C", copy=True)
    for channel, scaling in zip(out, scalings, strict=True):
        scaling.apply(channel)
    known = raw.affine is not None
    axes = "".join(letter for k, letter in enumerate("RAS") if k != grid.axis)
    oriented = known and spatial == 3 and bool(preprocessing["orient"])
    return Conformed(out, grid.spacing if known else None, axes if oriented else None)


def window_of(shape: Sequence[int], centre: int | None, window: int) -> slice:
    """The `window` time points about `centre` (of an even number, the later half starts there).

    Raises `ImageError` for an image that is no time series, or a window that reaches over its ends.
    """
    if centre is None or len(shape) != 1:
        raise ImageError(f"is no time series ({len(shape)} axes); preprocessing.window needs one")
    start = centre - window // 2
    if start < 0 or start + window > shape[0]:
        raise ImageError(f"has {shape[0]} volumes: no {window} of them lie about number {centre}")
    return slice(start, start + window)


def _grid_of(header: ImageHeader, preprocessing: Mapping[str, Any]) -> _Grid:
    if window := preprocessing.get("window"):
        window_of(header.shape, header.centre, window)
        return _Grid(None, None, None, None, [], None, (window,), header.spacing)
    oriented = bool(preprocessing["orient"])
    shape = header.shape if oriented else header.stored_shape
    return _grid(shape, header.spacing if oriented else header.stored_spacing, preprocessing)


def _grid(shape: Sequence[int], spacing: Sequence[float], preprocessing: Mapping[str, Any]) -> _Grid:
    dims = len(shape)
    taken = preprocessing["slice"]
    size = preprocessing["size"]
    if taken and dims != 3:
        raise ImageError(f"has {dims} axes; preprocessing.slice needs a volume with three")
    target = None
    if preprocessing["spacing"] is not None:
        target = tuple(_per_axis(preprocessing["spacing"], dims, "spacing"))
        if min(spacing) <= 0:
            found = words.number(min(spacing))
            raise ImageError(f"has a voxel size of {found} mm; preprocessing.spacing needs one above 0")
        shape, spacing = resampled_shape(shape, spacing, target), target
        if prod(shape) > _MOST_VOXELS:
            raise ImageError(f"would have {prod(shape):.2g} voxels at preprocessing.spacing {list(target)}")
    resized = None
    if preprocessing.get("resize") is not None:
        resized = tuple(_per_axis(preprocessing["resize"], dims, "resize"))
        spacing = tuple(mm * n / m for mm, n, m in zip(spacing, shape, resized, strict=True))
        shape = resized
        if prod(shape) > _MOST_VOXELS:
            raise ImageError(f"would have {prod(shape):.2g} voxels at preprocessing.resize {list(shape)}")
    for_plane = taken and (not isinstance(size, list) or len(size) == 2)
    volume = None
    if size is not None and not for_plane:
        volume = tuple(_per_axis(size, dims, "size"))
        shape = volume
        if prod(shape) > _MOST_VOXELS:
            raise ImageError(f"would have {prod(shape):.2g} voxels at preprocessing.size {list(shape)}")
    if not taken:
        return _Grid(target, resized, volume, None, [], None, tuple(shape), tuple(spacing))
    axis = PLANES[taken["plane"]]
    indices = slice_indices(shape[axis], taken["position"], taken["count"], taken["step"])
    rest = tuple(n for k, n in enumerate(shape) if k != axis)
    plane = tuple(_per_axis(size, 2, "size")) if size is not None and for_plane else None
    flat = tuple(mm for k, mm in enumerate(spacing) if k != axis)
    return _Grid(target, resized, volume, axis, indices, plane, plane or rest, flat)


def _per_axis(value: Any, dims: int, key: str) -> list[Any]:
    values = value if isinstance(value, list) else [value] * dims
    if len(values) != dims:
        raise ImageError(f"has {dims} axes; preprocessing.{key} gives {len(values)} numbers")
    return list(values)
