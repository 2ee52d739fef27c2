"""One image file of any known format, told apart by its ending."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from tlpy.data.fingerprint import fingerprint_file
from tlpy.data.image_records import ImageError, ImageHeader, RawImage
from tlpy.data.readers import arrays, nifti, pairs, pictures

_FORMATS: tuple[ModuleType, ...] = (nifti, pairs, arrays, pictures)
ENDINGS: tuple[str, ...] = tuple(ending for module in _FORMATS for ending in module.ENDINGS)


def read_header(path: Path) -> ImageHeader:
    """Shape and spacing of an image without decoding it; raises `ImageError`."""
    header: ImageHeader = _format(path).read_header(path)
    return header


def load_image(path: Path) -> RawImage:
    """The decoded image; raises `ImageError`."""
    raw: RawImage = _format(path).load(path)
    return raw


def files_of(path: Path) -> list[Path]:
    """The files that hold an image: itself, and its header where that is another."""
    return [path, pairs.header_file(path)] if ending(path.name).lower() in pairs.ENDINGS else [path]


def fingerprint_image(path: Path) -> str:
    """A digest of the image's content, its header too where that is another file; raises `ImageError`."""
    return "".join(fingerprint_file(file) for file in files_of(path))


def ending(name: str) -> str:
    """The known ending of a file's name, "" if there is none; `.NII.GZ` counts as `.nii.gz`."""
    folded = name.lower()
    return next((name[-len(known) :] for known in ENDINGS if folded.endswith(known)), "")


def without_ending(name: str) -> str:
    """A file's name without its known ending."""
    found = ending(name)
    return name[: -len(found)] if found else name


def _format(path: Path) -> ModuleType:
    found = ending(path.name).lower()
    for module in _FORMATS:
        if found in module.ENDINGS:
            return module
    raise ImageError(f"its ending '{path.suffix}' is none of {', '.join(ENDINGS)}")
