"""What every reader gives: records of images with their labels, and the images themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tlpy.errors import Problem, Problems


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


class Reader(ABC):
    """One layout on disk. A reader of one's own needs `records` alone, if its files have a known ending.

    Class attribute `label`: the label to read where the user names none; "" if one must be named.
    Attribute `window`: `preprocessing.window`, which decides how many images a time series has.

    Args:
        root: the data set's file or folder on this machine (it may be a link into a task's folder).
        shown: the same path as the user wrote it; every message uses this one.
        options: the reader's arguments, with defaults filled in.
        columns: our column name → theirs.

    Raises:
        InputError: an option is out of its range.

    After `records`, two more lists are filled:
        skippable: what can be left out under `on_bad_image: skip` and is an error otherwise
            (a subject without an image or a row). Their images are not among the records.
        notes: what was inferred, for the plan and the report.
    """

    label: ClassVar[str] = ""
    window: int | None = None

    def __init__(
        self,
        root: Path,
        shown: str,
        options: dict[str, Any] | None = None,
        columns: dict[str, str] | None = None,
    ) -> None:
        self.root = Path(root)
        self.shown = shown.rstrip("/") or shown
        self.options = dict(options or {})
        self.columns = dict(columns or {})
        self.skippable: list[Problem] = []
        self.notes: list[str] = []
        faults = Problems()
        self.check_options(faults)
        faults.raise_if_any()

    def check_options(self, problems: Problems) -> None:  # noqa: B027
        """Add a problem for each option out of its range; called when a reader is built."""

    @abstractmethod
    def records(self, labels: Sequence[str], group: str | None, problems: Problems) -> list[ImageRecord]:
        """All images, sorted by id.

        Args:
            labels: the columns to read into `ImageRecord.labels`; may be empty.
            group: the column that must not be torn apart by a split.
            problems: takes what is wrong and cannot be left out.
        """

    def named_files(self) -> list[Path]:
        """The files that a table names, there or not. Of a data set in a folder everything there counts."""
        return []

    def locate(self, record: ImageRecord) -> Path:
        """The image's file on this machine."""
        return self.root / record.file

    def header(self, record: ImageRecord) -> ImageHeader:
        """Shape and spacing from the first bytes of the file; raises `ImageError`."""
        from tlpy.data.readers.images import read_header

        return read_header(self.locate(record))

    def fingerprint(self, record: ImageRecord) -> str:
        """A digest of the image's content, never of its path or time; raises `ImageError`."""
        from tlpy.data.readers.images import fingerprint_image

        return fingerprint_image(self.locate(record))

    def load(self, record: ImageRecord) -> RawImage:
        """The decoded image; raises `ImageError` if it is missing, empty, truncated or of another kind."""
        from tlpy.data.readers.images import load_image

        return load_image(self.locate(record))
