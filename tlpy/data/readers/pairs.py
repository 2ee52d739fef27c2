"""Images in two files, `.img` and `.hdr`: Analyze 7.5 (as OASIS-1) and NIfTI-1 pairs (as OASIS-2)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tlpy.data.fingerprint import open_image
from tlpy.data.image_records import ImageError, ImageHeader, RawImage
from tlpy.data.readers.nifti import parse_header

ENDINGS = (".img",)
_HEADER_BYTES = 348


def header_file(path: Path) -> Path:
    """The `.hdr` of an `.img`, in the same case."""
    return path.with_suffix(".HDR" if path.suffix == ".IMG" else ".hdr")


def read_header(path: Path) -> ImageHeader:
    """As `nifti.read_header`, from the `.hdr`; raises `ImageError` if it is missing or damaged."""
    return parse_header(_header_bytes(path), pair=True)


def load(path: Path) -> RawImage:
    """The voxels as float32, and the affine; of Analyze, which holds none, its voxel size alone.

    Raises:
        ImageError: either file is missing, empty or truncated.
    """
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    data = _header_bytes(path)
    header = parse_header(data, pair=True)
    with open_image(path) as file:
        if not file.read(1):
            raise ImageError("empty file (0 bytes)")
    try:
        image = nib.load(header_file(path))
        array = np.asarray(image.dataobj, dtype=np.float32)
    except (ImageFileError, HeaderDataError) as error:
        raise ImageError(f"damaged header: {error}") from None
    except (OSError, ValueError, EOFError) as error:
        raise ImageError(f"truncated: {error}") from None
    array = array.reshape(header.stored_shape)
    if header.dims < 3:
        return RawImage(array)
    if data[344:346] == b"ni":
        return RawImage(array, image.affine)
    # nibabel would take over a .mat file of SPM's; planning reads the header alone, so it counts here too.
    steps = np.array(header.stored_spacing) * (-1, 1, 1)
    affine = np.diag([*steps, 1.0])
    affine[:3, 3] = -steps * (np.array(header.stored_shape) - 1) / 2
    return RawImage(array, affine)


def _header_bytes(path: Path) -> bytes:
    with open_image(header_file(path)) as file:
        data: bytes = file.read(_HEADER_BYTES)
    if not data:
        raise ImageError(f"empty header {header_file(path).name} (0 bytes)")
    return data
