"""Time series in files (volumes × channels): NumPy arrays and tables of numbers, and images cut from them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path, PurePosixPath

import numpy as np

from tlpy.data.fingerprint import fingerprint_file, open_image
from tlpy.data.image_records import ImageError, ImageHeader, ImageRecord, RawImage
from tlpy.data.readers.arrays import array_header
from tlpy.errors import Problem

ENDINGS = (".npy", ".txt", ".csv", ".tsv", ".1D")
# Series held at a time: the images of one file are asked for one after the other.
_HELD = 16


@dataclass(frozen=True)
class Series:
    """What is known of a file: its size, and the digest of its content."""

    volumes: int
    channels: int
    digest: str


@dataclass(frozen=True)
class Place:
    """Volumes `first` to `last` (excluded) of a file; and the middle of a window, counted from `first`."""

    file: str
    first: int
    last: int
    centre: int | None


def windows(file: str, first: int, last: int, window: int | None, stride: int) -> list[Place]:
    """The windows of one run, `stride` volumes apart; the run itself without a window."""
    if window is None:
        return [Place(file, first, last, None)]
    starts = range(0, last - first - window + 1, stride)
    return [Place(file, first, last, start + window // 2) for start in starts]


class SeriesFiles:
    """The series below a folder, and the images that are stretches of them; threads may share it.

    Attribute `places`: where the image of each id lies.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.places: dict[str, Place] = {}
        self._lock = threading.Lock()
        self._known: dict[str, Series] = {}
        self._held: OrderedDict[str, np.ndarray] = OrderedDict()

    def series(self, file: str) -> Series:
        """Size and digest of a file, which is read once; raises `ImageError`."""
        with self._lock:
            if file in self._known:
                return self._known[file]
        found = inspect(self.root / file)
        with self._lock:
            return self._known.setdefault(file, found)

    def cut(
        self,
        records: Sequence[ImageRecord],
        window: int,
        stride: int,
        shown: str,
        skippable: list[Problem],
        notes: list[str],
        run: int | None = None,
    ) -> list[ImageRecord]:
        """The windows of records that are a file each, with their labels.

        Args:
            records: one a file.
            window, stride: in volumes, as in `windows`.
            shown: the data set's path, as users know it.
            skippable: takes a problem for each file that cannot be read.
            notes: takes how many files are shorter than a window.
            run: volumes a run, where files hold one after another: no window lies over their ends.
        """
        found: list[ImageRecord] = []
        short = 0
        for record in records:
            try:
                volumes = self.series(record.file).volumes
            except ImageError as error:
                skippable.append(Problem(f"{shown}: {record.file}", str(error)))
                continue
            step = run if run and window <= run else volumes
            places = [
                place
                for first in range(0, volumes, step)
                for place in windows(record.file, first, min(first + step, volumes), window, stride)
            ]
            short += not places
            for place in places:
                middle = place.first + (place.centre or 0)
                image = f"{record.image}/{middle:06d}"
                self.places[image] = place
                found.append(replace(record, image=image, file=f"{record.file}#{middle}"))
        if short:
            notes.append(f"{shown}: {short} of {len(records)} series are shorter than {window} volumes")
        return found

    def header(self, record: ImageRecord) -> ImageHeader:
        place, series = self._of(record)
        return ImageHeader((place.last - place.first,), (1.0,), series.channels, 1, centre=place.centre)

    def fingerprint(self, record: ImageRecord) -> str:
        """By the content of the whole file, and the place in it."""
        place, series = self._of(record)
        content = f"{series.digest}:{place.first}:{place.last}:{place.centre}"
        return blake2b(content.encode(), digest_size=16).hexdigest()

    def load(self, record: ImageRecord) -> RawImage:
        """The whole run (channels, volumes), with the place of the window in it."""
        place, _ = self._of(record)
        with self._lock:
            if place.file not in self._held:
                self._held[place.file] = read(self.root / place.file)
                while len(self._held) > _HELD:
                    self._held.popitem(last=False)
            array = self._held[place.file]
        run = np.asarray(array[place.first : place.last].T, np.float32)
        return RawImage(run if len(run) > 1 else run[0], None, len(run), place.centre)

    def _of(self, record: ImageRecord) -> tuple[Place, Series]:
        """Where an image lies: a file of its own where no place was given, which is then looked up."""
        place = self.places.get(record.image)
        series = self.series(place.file if place else record.file)
        return place or Place(record.file, 0, series.volumes, None), series


def inspect(path: Path) -> Series:
    """Size and digest; of a table the first and the last row are looked at, the rest when it is read.

    Raises:
        ImageError: missing, empty, or no (volumes, channels) of numbers.
    """
    if path.suffix.lower() == ".npy":
        volumes, channels = _array_shape(path)
        return Series(volumes, channels, fingerprint_file(path))
    data = _content(path)
    rows, delimiter = _rows(data)
    counts = [len(rows[place][1].split(delimiter)) for place in (0, -1)]
    if counts[0] != counts[1]:
        message = f"truncated? line {rows[-1][0]}, the last, has {counts[1]} numbers, the first {counts[0]}"
        raise ImageError(message)
    return Series(len(rows), counts[0], blake2b(data, digest_size=16).hexdigest())


def read(path: Path) -> np.ndarray:
    """The series (volumes, channels): an array in the file, or float32; raises `ImageError`."""
    if path.suffix.lower() == ".npy":
        shape = _array_shape(path)
        try:
            return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False)).reshape(shape)
        except (OSError, ValueError, EOFError) as error:
            raise ImageError(f"truncated: {error}") from None
    rows, delimiter = _rows(_content(path))
    try:
        return np.loadtxt([text for _, text in rows], np.float32, comments=None, delimiter=delimiter, ndmin=2)
    except ValueError as error:
        raise ImageError(_fault(rows, delimiter) or f"is no table of numbers: {error}") from None


def _content(path: Path) -> bytes:
    with open_image(path) as file:
        data: bytes = file.read()
    if not data:
        raise ImageError("empty file (0 bytes)")
    return data


def _rows(data: bytes) -> tuple[list[tuple[int, str]], str | None]:
    """Line number and text of each row of numbers, and their delimiter (None: blanks)."""
    lines = data.decode("utf-8-sig", errors="replace").splitlines()
    rows = [(k, line) for k, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    first = rows[0][1] if rows else ""
    delimiter = next((mark for mark in ",;" if mark in first), None)
    # Tables may name their columns.
    if rows and not _are_numbers(first.split(delimiter)):
        rows = rows[1:]
    if not rows or not _are_numbers(rows[0][1].split(delimiter)):
        raise ImageError("is no table of numbers, expected a row a volume and a column a channel")
    return rows, delimiter


def _are_numbers(cells: Sequence[str]) -> bool:
    try:
        return all(float(cell) is not None for cell in cells)
    except ValueError:
        return False


def _fault(rows: Sequence[tuple[int, str]], delimiter: str | None) -> str:
    """The first row that is not like the first."""
    expected = len(rows[0][1].split(delimiter))
    for number, text in rows:
        cells = text.split(delimiter)
        if len(cells) != expected:
            return f"line {number} has {len(cells)} numbers, expected {expected} as in the first"
        wrong = next((cell for cell in cells if not _are_numbers([cell])), None)
        if wrong is not None:
            return f"line {number} holds '{wrong.strip()}', expected a number"
    return ""


def _array_shape(path: Path) -> tuple[int, int]:
    """(volumes, channels) from the file's header; raises `ImageError`."""
    with open_image(path) as stream:
        if not stream.read(1):
            raise ImageError("empty file (0 bytes)")
        stream.seek(0)
        shape, dtype = array_header(stream)
        start = stream.tell()
        held = stream.seek(0, 2) - start
    if len(shape) == 1 and shape[0]:
        shape = (*shape, 1)
    if len(shape) != 2 or 0 in shape or dtype.kind not in "buif":
        raise ImageError(f"is {dtype} of shape {shape}, expected numbers of (volumes, channels)")
    if held < shape[0] * shape[1] * dtype.itemsize:
        raise ImageError(f"truncated: {held:,} bytes of {shape[0] * shape[1] * dtype.itemsize:,}")
    return int(shape[0]), int(shape[1])


def id_of(name: str) -> str:
    """A file's name without the ending of a series, "" if it has none."""
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in {ending.lower() for ending in ENDINGS} else ""
