"""What is known of an image: where it lies and what tables say of it, its size, its voxels.

Shared by readers, the formats of files, and whatever uses images.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


class ImageError(ValueError):
    """An image that cannot be used; the message says why, without the file's name."""


@dataclass(frozen=True)
class ImageRecord:
    """One image of a data set, with everything its tables say about it.

    Attributes:
        image: id, unique in the data set, the same on every machine.
        file: where it lies, relative to the data set's path, as shown to users.
        subject: who is on it.
        session: the visit; empty if there is only one.
        run: the repetition within a visit; empty if there is only one.
        group: what must not be torn apart by a split (family, study); the subject if nothing is named.
        site: scanner or hospital; empty if unknown.
        split: the official part (train, val or test); empty if there is none.
        labels: the raw text of each label asked for; "" where the table says nothing.
        where: the table's row, as `participants.tsv:12` (line number, the header is line 1).
    """

    image: str
    file: str
    subject: str
    session: str = ""
    run: str = ""
    group: str = ""
    site: str = ""
    split: str = ""
    labels: dict[str, str] = field(default_factory=dict, hash=False)
    where: str = ""

    def __post_init__(self) -> None:
        if not self.group:
            object.__setattr__(self, "group", self.subject)


@dataclass(frozen=True)
class ImageHeader:
    """Size and spacing, known without decoding the image.

    Attributes:
        shape: spatial axes; of a 3D NIfTI image in RAS+ order (to the right, the front, the top).
        spacing: mm per voxel along each axis of `shape`; 1.0 where the format knows none.
        channels: values per voxel (3 for a colour picture).
        dims: number of spatial axes.
        stored_shape, stored_spacing: the same in the file's own order of axes; equal if not given.
        centre: of a time series, the index that `preprocessing.window` is taken about; None for others.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    channels: int
    dims: int
    stored_shape: tuple[int, ...] = ()
    stored_spacing: tuple[float, ...] = ()
    centre: int | None = None

    def __post_init__(self) -> None:
        if not self.stored_shape:
            object.__setattr__(self, "stored_shape", self.shape)
            object.__setattr__(self, "stored_spacing", self.spacing)


@dataclass(frozen=True)
class RawImage:
    """A decoded image, as stored (not yet oriented).

    Attributes:
        array: float32; `(*spatial)` if `channels` is 1, else `(channels, *spatial)`.
        affine: 4×4, voxel index → mm in RAS+; None where the format knows no space (pictures, arrays).
        channels: values per voxel.
        centre: as in `ImageHeader`.
    """

    array: np.ndarray
    affine: np.ndarray | None = None
    channels: int = 1
    centre: int | None = None
