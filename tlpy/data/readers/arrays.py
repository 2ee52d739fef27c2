"""NumPy arrays (`.npy`): one image a file, spatial axes only, no spacing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from tlpy.data.fingerprint import open_image
from tlpy.data.image_records import ImageError, ImageHeader, RawImage

ENDINGS = (".npy",)
BY_VECTORS = "features of subjects are read by `vectors`"


def read_header(path: Path) -> ImageHeader:
    """Shape from the file's header, spacing 1; raises `ImageError` if it is no 1D to 3D array of numbers."""
    with open_image(path) as file:
        if not file.read(1):
            raise ImageError("empty file (0 bytes)")
        file.seek(0)
        shape, dtype = array_header(file)
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
    try:
        version = np.lib.format.read_magic(file)
        one = version == (1, 0)
        read = np.lib.format.read_array_header_1_0 if one else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    except ValueError as error:
        raise ImageError(f"no NumPy array (.npy): {error}") from None
    return tuple(shape), dtype


def load(path: Path) -> RawImage:
    """The array as float32; raises `ImageError` as `read_header`, or if it is truncated."""
    read_header(path)
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ImageError(f"truncated: {error}") from None
    return RawImage(np.asarray(array, dtype=np.float32))
