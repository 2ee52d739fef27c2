"""Pictures that are turned into grey or into colour, where a data set mixes both."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from tlpy.data.image_records import ImageHeader, ImageRecord, RawImage
from tlpy.data.readers.base import Reader
from tlpy.data.readers.images import ending
from tlpy.data.readers.pictures import ENDINGS as PICTURES

# Rec. 601 luma, as Pillow's conversion to grey.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_LEFT_BEHIND = frozenset({"thumbs.db", "desktop.ini"})


@dataclass(kw_only=True)
class ColouredReader(Reader):
    """A reader of pictures.

    Args:
        colour: `grey` or `rgb`: every picture is turned into that; None: as stored.
    """

    colour: Literal["grey", "rgb"] | None = None

    def header(self, record: ImageRecord) -> ImageHeader:
        header = super().header(record)
        if self.colour is None or not _is_picture(record):
            return header
        return ImageHeader(header.shape, header.spacing, 3 if self.colour == "rgb" else 1, header.dims)

    def load(self, record: ImageRecord) -> RawImage:
        raw = super().load(record)
        if self.colour == "grey" and raw.channels == 3 and _is_picture(record):
            return RawImage(np.tensordot(_LUMA, raw.array, axes=1))
        if self.colour == "rgb" and raw.channels == 1 and _is_picture(record):
            return RawImage(np.repeat(raw.array[None], 3, axis=0), channels=3)
        return raw


def image_files(root: Path) -> tuple[list[str], Counter[str]]:
    """Every image below a folder, sorted, as a path from there, and how many files of other kinds there are.

    What systems leave behind (`._*`, `.DS_Store`, `Thumbs.db`) is passed over; so are other files that lie in
    the folder itself.
    """
    files: list[str] = []
    other: Counter[str] = Counter()
    for folder, below, names in os.walk(root, followlinks=True):
        below[:] = sorted(name for name in below if not name.startswith((".", "__MACOSX")))
        start = Path(folder).relative_to(root).as_posix()
        for name in names:
            if name.startswith(".") or name.lower() in _LEFT_BEHIND:
                continue
            if ending(name):
                files.append(name if start == "." else f"{start}/{name}")
            elif start != ".":
                other[PurePosixPath(name).suffix or name] += 1
    return sorted(files), other


def _is_picture(record: ImageRecord) -> bool:
    return ending(record.file).lower() in PICTURES
