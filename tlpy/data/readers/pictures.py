"""2D pictures (PNG, JPEG, TIFF, BMP) through Pillow: grey as one channel, the rest as RGB."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tlpy.data.fingerprint import open_image
from tlpy.data.image_records import ImageError, ImageHeader, RawImage

if TYPE_CHECKING:
    from PIL.Image import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_GREY = {"1", "L", "LA", "I", "F"}
_EXIF_ORIENTATION = 0x0112


def read_header(path: Path) -> ImageHeader:
    """Rows and columns as shown (EXIF rotation applied), spacing 1; the pixels are not decoded.

    Raises:
        ImageError: missing, empty, no picture, or more than one page.
    """
    with _open(path) as picture:
        columns, rows = picture.size
        if picture.getexif().get(_EXIF_ORIENTATION, 1) >= 5:
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
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            raise ImageError(f"truncated or damaged: {error}") from None
        if not grey:
            return RawImage(np.asarray(upright.convert("RGB"), dtype=np.float32).transpose(2, 0, 1), None, 3)
        plain = upright.convert("L") if upright.mode in ("1", "LA") else upright
        return RawImage(np.asarray(plain, dtype=np.float32))


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
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"cannot be read: {error}") from None
    pages = getattr(picture, "n_frames", 1)
    if pages > 1:
        picture.close()
        raise ImageError(f"holds {pages} pages, expected one picture")
    return picture
