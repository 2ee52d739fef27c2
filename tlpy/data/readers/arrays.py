"""NumPy arrays (`.npy`): one image a file, spatial axes only, no spacing."""

from __future__ import annotations

import io
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from tlpy.data.fingerprint import open_image
from tlpy.data.image_records import ImageError, ImageHeader, RawImage

ENDINGS = (".npy",)
_MOST_HEADER = 1 << 16
# 16 TB: beyond this a header is damaged, or meant to do harm.
_MOST_BYTES = 1 << 44
BY_VECTORS = "features of subjects are read by `vectors`"


def read_header(path: Path) -> ImageHeader:
    """Shape from the file's header, spacing 1; raises `ImageError` if it is no 1D to 3D array of numbers."""
    with open_image(path) as file:
        if not file.read(1):
            raise ImageError("empty file (0 bytes)")
        file.seek(0)
        shape, dtype = array_header(file)
        if not dtype.hasobject:
            check_length(file, shape, dtype)
    if dtype.kind not in "buif":
        raise ImageError(f"holds values of type {dtype}, expected plain numbers")
    if not 1 <= len(shape) <= 3 or 0 in shape:
        raise ImageError(f"is an array of shape {shape}, expected 1 to 3 axes, none of length 0")
    if is_vector(shape):
        raise ImageError(f"is an array of shape {shape}: a vector, no image; {BY_VECTORS}")
    return ImageHeader(tuple(shape), (1.0,) * len(shape), channels=1, dims=len(shape))


def is_vector(shape: Sequence[int]) -> bool:
    """Whether an image of several axes has but one that is longer than 1: features, laid out as a picture."""
    return len(shape) > 1 and sum(length > 1 for length in shape) < 2


def array_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type at the start of a `.npy`; raises `ImageError` if it is none."""
    shape, _, dtype = header_fields(file)
    return shape, dtype


def header_fields(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether the first axis varies fastest, and type; the file then stands at the numbers.

    Raises:
        ImageError: it is no `.npy`, or a damaged one.
    """
    # A header that says of itself to be longer is not read; NumPy takes none above 10,000 bytes.
    # No more is read than needed: of a packed array the rest may be damaged.
    begin = file.read(12)
    length = int.from_bytes(begin[8:10] if begin[6:7] == b"\x01" else begin[8:12], "little")
    start = io.BytesIO(begin + file.read(min(length, _MOST_HEADER)))
    try:
        version = np.lib.format.read_magic(start)
        one = version == (1, 0)
        read = np.lib.format.read_array_header_1_0 if one else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(start)
    except Exception as error:  # it parses a Python literal, with any of Python's faults
        raise ImageError(f"no NumPy array (.npy): {error}") from None
    if any(type(length) is not int or length < 0 for length in shape):
        raise ImageError(f"no NumPy array (.npy): its shape is {shape}")
    if prod(shape) * max(1, dtype.itemsize) > _MOST_BYTES:
        raise ImageError(f"its header claims {prod(shape) * dtype.itemsize / 1e9:,.0f} GB")
    file.seek(start.tell())
    return tuple(shape), bool(fortran), dtype


def check_length(file: IO[bytes], shape: Sequence[int], dtype: np.dtype) -> None:
    """Raise `ImageError` where fewer bytes follow than the header tells of: NumPy would hold room for all."""
    start = file.tell()
    held, needed = file.seek(0, 2) - start, prod(shape) * dtype.itemsize
    if held < needed:
        raise ImageError(f"truncated: {held:,} bytes, its header tells of {needed:,}")


def load(path: Path) -> RawImage:
    """The array as float32; raises `ImageError` as `read_header`, or if it is truncated."""
    read_header(path)
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ImageError(f"truncated: {error}") from None
    return RawImage(np.asarray(array, dtype=np.float32))
