"""2D pictures (PNG, JPEG, TIFF, BMP) through Pillow: grey as one channel, the rest as RGB."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tlpy import words
from tlpy.data.fingerprint import open_image
from tlpy.data.image_records import ImageError, ImageHeader, RawImage

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_GREY = {"1", "L", "LA", "I", "F"}
_EXIF_ORIENTATION = 0x0112
# Deflate packs to 1/1032 at most, JPEG 64 pixels into 2 bits: more than this is in no file.
_PIXELS_A_BYTE, _FEW_PIXELS = 8192, 1 << 20


def read_header(path: Path) -> ImageHeader:
    """Rows and columns as shown (EXIF rotation applied), spacing 1; the pixels are not decoded.

    Raises:
        ImageError: missing, empty, no picture, or more than one page.
    """
    with _open(path) as picture:
        columns, rows = picture.size
        if _turned(picture):
            columns, rows = rows, columns
        return ImageHeader((rows, columns), (1.0, 1.0), channels=1 if _is_grey(picture) else 3, dims=2)


def load(path: Path) -> RawImage:
    """The picture as float32 in the file's own range of values: (rows, columns) or (3, rows, columns).

    An alpha channel is dropped, a palette is resolved. Raises `ImageError` as `read_header`, or if truncated.
    """
    from PIL import ImageOps

    with _open(path) as picture:
        grey = _is_grey(picture)
        try:
            picture.load()
            upright = ImageOps.exif_transpose(picture)
        except MemoryError:
            raise
        except Exception as error:  # each of its decoders has faults of its own
            raise ImageError(f"truncated or damaged: {error}") from None
        if not grey:
            return RawImage(np.asarray(upright.convert("RGB"), dtype=np.float32).transpose(2, 0, 1), None, 3)
        plain = upright.convert("L") if upright.mode in ("1", "LA") else upright
        return RawImage(np.asarray(plain, dtype=np.float32))


def _turned(picture: Image) -> bool:
    """Whether rows and columns change places when it is shown; as it is stored, where that cannot be read."""
    try:
        return int(picture.getexif().get(_EXIF_ORIENTATION, 1)) >= 5
    except MemoryError:
        raise
    except Exception:  # of a damaged block
        return False


def _is_grey(picture: Image) -> bool:
    return picture.mode in _GREY or picture.mode.startswith("I;16")


def _open(path: Path) -> Image:
    from PIL import Image, UnidentifiedImageError

    with open_image(path) as file:
        if not file.read(1):
            raise ImageError("empty file (0 bytes)")
    try:
        picture = Image.open(path)
    except UnidentifiedImageError:
        raise ImageError("no picture: its content is not that of a PNG, JPEG, TIFF or BMP file") from None
    except MemoryError:
        raise
    except Exception as error:  # each of its decoders has faults of its own
        raise ImageError(f"cannot be read: {error}") from None
    pixels, size = prod(picture.size), path.stat().st_size
    if pixels > _PIXELS_A_BYTE * size + _FEW_PIXELS:
        picture.close()
        claimed = words.size(picture.size)
        raise ImageError(f"its header claims {claimed} pixels, which {size:,} bytes cannot hold")
    try:
        pages = getattr(picture, "n_frames", 1)
    except MemoryError:
        raise
    except Exception as error:  # as above
        picture.close()
        raise ImageError(f"cannot be read: {error}") from None
    if pages > 1:
        picture.close()
        raise ImageError(f"holds {pages} pages, expected one picture")
    return picture
