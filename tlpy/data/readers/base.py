"""What every reader gives: records of images with their labels, and the images themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tlpy.data.image_records import ImageError, ImageHeader, ImageRecord, RawImage
from tlpy.data.readers.facts import ReaderFacts
from tlpy.data.readers.images import fingerprint_image, load_image, read_header
from tlpy.errors import Problem, Problems

# What a reader of one's own needs is found here.
__all__ = ["ImageError", "ImageHeader", "ImageRecord", "RawImage", "Reader"]


@dataclass(kw_only=True)
class Reader(ReaderFacts, ABC):
    """One layout on disk. A reader of one's own needs `records` alone, if its files have a known ending.

    A subclass with arguments is a dataclass, too, with a field for each. What needs more than one argument or
    the disk is checked in its `__post_init__`, by raising `InputError`.

    Args:
        root: the data set's file or folder on this machine (it may be a link into a task's folder).
        shown: the same path as the user wrote it; every message uses this one.
        columns: our column name → theirs.
        window: `preprocessing.window`, which decides how many images a time series has.

    After `records`, two more lists are filled:
        skippable: what can be left out under `on_bad_image: skip` and is an error otherwise
            (a subject without an image or a row). Their images are not among the records.
        notes: what was inferred, for the plan and the report.
    and `names_people` is false where the data tell nobody's id: whether two images are one person's is not
    known then.
    """

    root: Path
    shown: str
    columns: Mapping[str, str] = field(default_factory=dict)
    window: int | None = None

    def __post_init__(self) -> None:
        self.shown = self.shown.rstrip("/") or self.shown
        self.names_people = True
        self.skippable: list[Problem] = []
        self.notes: list[str] = []

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

    def feature_names(self) -> tuple[str, ...]:
        """Of vectors, what their features are called, in order; () where they have no names."""
        return ()

    def locate(self, record: ImageRecord) -> Path:
        """The image's file on this machine."""
        return self.root / record.file

    def header(self, record: ImageRecord) -> ImageHeader:
        """Shape and spacing from the first bytes of the file; raises `ImageError`."""
        return read_header(self.locate(record))

    def fingerprint(self, record: ImageRecord) -> str:
        """A digest of the image's content, never of its path or time; raises `ImageError`."""
        return fingerprint_image(self.locate(record))

    def content(self, record: ImageRecord, fingerprint: str) -> str:  # noqa: ARG002
        """What equal images share, in any data set; the fingerprint, unless that tells no equal images."""
        return fingerprint

    def load(self, record: ImageRecord) -> RawImage:
        """The decoded image; raises `ImageError` if it is missing, empty, truncated or of another kind."""
        return load_image(self.locate(record))
