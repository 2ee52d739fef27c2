"""NIfTI-1 and NIfTI-2 images: the header from the first bytes, the voxels through nibabel.

The header is parsed here since planning reads thousands of them and must not import more than numpy;
the tests compare it with nibabel. A file is taken as compressed by its first bytes, not by its name.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from math import prod
from pathlib import Path

import numpy as np

from tlpy import words
from tlpy.data.fingerprint import GZIP_MAGIC, open_image
from tlpy.data.image_records import ImageError, ImageHeader, RawImage

ENDINGS = (".nii.gz", ".nii")
_HEADER_BYTES = 540
FIRST_BYTES = 4096
_CHUNK = 1 << 20
# For extensions of a header.
_ROOM = 64 << 20
# Bytes of a number, by NIfTI's code of its type.
_NUMBERS = {2: 1, 4: 2, 8: 4, 16: 4, 64: 8, 256: 1, 512: 2, 768: 4, 1024: 8, 1280: 8}
# 32 GiB in single precision, all volumes together: beyond this a header is damaged, or meant to do harm.
_MOST_NUMBERS = 2**33
_OTHER_TYPES = {
    1: "bits",
    32: "complex",
    1792: "complex",
    2048: "complex",
    128: "colour (RGB)",
    2304: "colour (RGBA)",
}
_OTHER_TYPES[1536] = "128-bit floats"


def read_header(path: Path) -> ImageHeader:
    """Shape and spacing in RAS+ order; reads at most a few hundred bytes.

    Raises:
        ImageError: missing, empty, truncated in its header, no NIfTI, not 3D, or of complex or colour values.
    """
    with open_image(path, buffering=0) as file:
        return header_of(file.read(FIRST_BYTES))


def header_of(data: bytes, series: bool = False) -> ImageHeader:
    """`read_header` of a file's first bytes (compressed or not); `series` as in `parse_header`."""
    if not data:
        raise ImageError("empty file (0 bytes)")
    first = _first_unpacked(data) if data[:2] == GZIP_MAGIC else data[:_HEADER_BYTES]
    return parse_header(first, series=series)


def _first_unpacked(data: bytes) -> bytes:
    """The header in the first bytes of a gzip file; `GzipFile` would take five times as long."""
    stream = zlib.decompressobj(wbits=31)
    try:
        header = stream.decompress(data, _HEADER_BYTES)
    except zlib.error as error:
        raise ImageError(f"damaged: the compressed stream cannot be read ({error})") from None
    if len(header) < _HEADER_BYTES and not stream.eof:
        raise ImageError("truncated: the compressed stream ends within the NIfTI header")
    return header


def parse_header(data: bytes, pair: bool = False, series: bool = False) -> ImageHeader:
    """The header in the first 348 (NIfTI-1) or 540 (NIfTI-2) bytes of a file.

    Args:
        data: the file's first bytes.
        pair: it is the `.hdr` of an `.hdr`/`.img` pair: NIfTI-1 or Analyze 7.5, whose first axis is taken
            to run from right to left, as is usual.
        series: a fourth axis holds channels, and is allowed.
    """
    version, order = _version(data, pair)
    if version == 1:
        dim = struct.unpack_from(order + "8h", data, 40)
        datatype = struct.unpack_from(order + "h", data, 70)[0]
        pixdim = struct.unpack_from(order + "8f", data, 76)
        qform, sform = struct.unpack_from(order + "2h", data, 252)
        quaternion = struct.unpack_from(order + "6f", data, 256)
        rows = struct.unpack_from(order + "12f", data, 280)
        if data[344:346] != b"ni" and data[344:346] != b"n+":  # Analyze: other things stand there
            qform = sform = 0
    else:
        datatype = struct.unpack_from(order + "h", data, 12)[0]
        dim = struct.unpack_from(order + "8q", data, 16)
        pixdim = struct.unpack_from(order + "8d", data, 104)
        qform, sform = struct.unpack_from(order + "2i", data, 344)
        quaternion = struct.unpack_from(order + "6d", data, 352)
        rows = struct.unpack_from(order + "12d", data, 400)
    if datatype not in _NUMBERS:
        raise ImageError(
            f"holds {_OTHER_TYPES.get(datatype, f'data of type {datatype}')}, expected plain numbers"
        )
    shape, channels = spatial_shape(dim, series)
    _refuse_huge((*shape, channels) if channels > 1 else shape, _NUMBERS[datatype])
    spacing = tuple(abs(float(size)) for size in pixdim[1 : 1 + len(shape)])
    if len(shape) < 3:
        return ImageHeader(shape, tuple(size or 1.0 for size in spacing), channels, dims=len(shape))
    if sform > 0:
        matrix = np.array(rows, dtype=float).reshape(3, 4)[:, :3]
    elif qform > 0:
        matrix = _rotation(quaternion[0:3]) * np.array(
            [*spacing[:2], spacing[2] * (-1 if pixdim[0] < 0 else 1)]
        )
    else:
        matrix = np.diag([-spacing[0], spacing[1], spacing[2]])
    axes = ras_order(matrix)
    stored = tuple(float(size) for size in np.sqrt((matrix**2).sum(axis=0)))
    return ImageHeader(
        shape=tuple(shape[axis] for axis in axes),
        spacing=tuple(round(stored[axis], 5) for axis in axes),
        channels=channels,
        dims=3,
        stored_shape=shape,
        stored_spacing=tuple(round(size, 5) for size in stored),
    )


def _refuse_huge(shape: tuple[int, ...], width: int) -> None:
    """Raise `ImageError` for a header that claims more than any image has: `width` bytes a number."""
    if prod(shape) > _MOST_NUMBERS:
        size = f"{words.size(shape)} voxels, {prod(shape) * width / 1e9:,.0f} GB"
        raise ImageError(f"its header claims {size}; expected at most {_MOST_NUMBERS:,} voxels")


def _version(data: bytes, pair: bool = False) -> tuple[int, str]:
    """NIfTI version and byte order, by the size the header states for itself."""
    for version, size in ((1, 348), (2, 540)):
        for order in "<>":
            if data[:4] == struct.pack(order + "i", size):
                magic = data[344:348] if version == 1 else data[4:8]
                if pair and version == 1 and len(data) >= size:
                    return version, order
                if magic[:2] == b"ni":
                    raise ImageError("a NIfTI header without its image (.hdr/.img), expected .nii or .nii.gz")
                if magic[:2] != b"n+" and len(data) >= size:
                    raise ImageError("no NIfTI image (Analyze header?), expected .nii or .nii.gz")
                if len(data) < size:
                    raise ImageError(f"truncated: {len(data)} bytes, the NIfTI header alone has {size}")
                return version, order
    raise ImageError("no NIfTI image: its first bytes are not those of a NIfTI header")


def spatial_shape(dim: tuple[int, ...], series: bool = False) -> tuple[tuple[int, ...], int]:
    """The two or three spatial axes of NIfTI's `dim`, and its channels; trailing axes of 1 are dropped."""
    if not 1 <= dim[0] <= 7 or any(size < 1 for size in dim[1 : 1 + dim[0]]):
        raise ImageError(f"damaged NIfTI header: its dimensions are {tuple(dim)}")
    shape = tuple(int(size) for size in dim[1 : 1 + dim[0]])
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if series and len(shape) == 4:
        return shape[:3], shape[3]
    if not 2 <= len(shape) <= 3:
        raise ImageError(f"is {len(shape)}D ({words.size(shape)}), expected 3D")
    return shape, 1


def _rotation(imaginary: tuple[float, ...]) -> np.ndarray:
    """The rotation of a unit quaternion given by b, c, d (NIfTI-1 standard, method 2)."""
    b, c, d = imaginary
    a = max(0.0, 1.0 - (b * b + c * c + d * d)) ** 0.5
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )


def ras_order(matrix: np.ndarray) -> tuple[int, int, int]:
    """Which stored axis runs along left-right, posterior-anterior and inferior-superior.

    As `nibabel.orientations.io_orientation`: the rotation closest to `matrix` (3×3, polar decomposition),
    then each stored axis takes the world axis it is closest to, the clearest axis first.

    Raises:
        ImageError: the matrix is singular or not finite.
    """
    scale = np.sqrt((matrix**2).sum(axis=0))
    if not np.isfinite(matrix).all() or (scale == 0).any() or abs(np.linalg.det(matrix / scale)) < 1e-6:
        raise ImageError("damaged NIfTI header: its affine has an axis of length 0 or is singular")
    left, _, right = np.linalg.svd(matrix / scale)
    rotation = np.abs(left @ right)
    order = [0, 0, 0]
    for stored in np.argsort(-np.max(rotation**2, axis=0), kind="stable"):
        world = int(np.argmax(rotation[:, stored]))
        order[world] = int(stored)
        rotation[world, :] = -1.0
    return (order[0], order[1], order[2])


def load(path: Path) -> RawImage:
    """The voxels as float32 with slope and intercept applied, in the file's order of axes, and the affine.

    Raises:
        ImageError: as `read_header`, or truncated or damaged anywhere (a checksum, if any, is verified).
    """
    with open_image(path) as file:
        return load_bytes(file.read())


def most_bytes(header: ImageHeader) -> int:
    """How long a file with this header may be, unpacked: its numbers, and room for extensions."""
    return prod(header.stored_shape) * header.channels * max(_NUMBERS.values()) + _ROOM


def _unpacked(data: bytes, most: int) -> bytes:
    """The content of a gzip file; more than `most` bytes are not what its header tells of."""
    parts, held = [], 0
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
        while part := packed.read(_CHUNK):
            parts.append(part)
            held += len(part)
            if held > most:
                raise ImageError(f"unpacks to more than {most:,} bytes, which its header does not tell of")
    return b"".join(parts)


def load_bytes(data: bytes, series: bool = False) -> RawImage:
    """`load` of a file's content (compressed or not); `series` as in `parse_header`: channels come first."""
    from nibabel.filebasedimages import ImageFileError
    from nibabel.nifti1 import Nifti1Image
    from nibabel.nifti2 import Nifti2Image
    from nibabel.spatialimages import HeaderDataError

    if not data:
        raise ImageError("empty file (0 bytes)")
    # Of the compressed bytes: what is claimed is known before anything is unpacked.
    header = header_of(data, series)
    if data[:2] == GZIP_MAGIC:
        try:
            data = _unpacked(data, most_bytes(header))
        except EOFError:
            raise ImageError("truncated: the compressed stream ends too early") from None
        except (OSError, zlib.error) as error:
            raise ImageError(f"damaged: the compressed stream cannot be read ({error})") from None
    kind = Nifti2Image if _version(data)[0] == 2 else Nifti1Image
    try:
        image = kind.from_bytes(data)
        needed = image.dataobj.offset + prod(image.shape) * image.get_data_dtype().itemsize
        if needed > len(data):  # nibabel would set aside all of it first
            raise ImageError(f"truncated: {len(data):,} bytes, its header tells of {needed:,}")
        array = np.asarray(image.dataobj, dtype=np.float32)
    except (ImageFileError, HeaderDataError) as error:
        raise ImageError(f"damaged NIfTI header: {error}") from None
    except (OSError, ValueError, EOFError) as error:
        raise ImageError(f"truncated: {error}") from None
    except (OverflowError, TypeError, struct.error) as error:
        raise ImageError(f"damaged NIfTI header: {error}") from None
    affine = image.affine if header.dims == 3 else None
    if header.channels > 1:
        array = np.moveaxis(array.reshape(*header.stored_shape, header.channels), -1, 0)
        return RawImage(array, affine, header.channels)
    return RawImage(array.reshape(header.stored_shape), affine)
