"""What the headers of a reader's images tell: size, channels, content. No image is decoded."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from tlpy.errors import Problem, Problems

if TYPE_CHECKING:
    from tlpy.data.readers.base import ImageHeader, ImageRecord, Reader

ReadT = TypeVar("ReadT")


@dataclass
class Images:
    """The images of one reader on one path. What was read of an image is remembered.

    Attributes:
        component: the reader, with every argument.
        records: every image that there is, without labels.
        left_out: what can be left out under `on_bad_image: skip`, but for unreadable images.
        faults: what is wrong with the layout.
        notes: what the reader inferred.
    """

    component: dict[str, Any]
    records: tuple[ImageRecord, ...]
    left_out: tuple[Problem, ...]
    faults: tuple[Problem, ...]
    notes: tuple[str, ...]
    _headers: dict[str, ImageHeader] = field(default_factory=dict)
    _prints: dict[str, str] = field(default_factory=dict)
    _contents: dict[str, str] = field(default_factory=dict)
    _bad: dict[str, Problem] = field(default_factory=dict)

    @classmethod
    def of(cls, reader: Reader, component: dict[str, Any]) -> Images:
        """All images of a reader, whatever is known of them."""
        faults = Problems()
        records = tuple(reader.records([], None, faults))
        return cls(component, records, tuple(reader.skippable), tuple(faults), tuple(reader.notes))

    def look(self, reader: Reader, path: str, ids: Iterable[str] | None = None) -> Seen:
        """What the headers of some images tell.

        Args:
            reader: what they are from.
            path: the data set's, as the user wrote it.
            ids: which of them; None: all.
        """
        wanted = None if ids is None else set(ids)
        looked = [r for r in self.records if wanted is None or r.image in wanted]
        new = [r for r in looked if r.image not in self._headers and r.image not in self._bad]
        headers, bad = _each(new, reader.header, path)
        prints, unreadable = _each([r for r in new if r.image in headers], reader.fingerprint, path)
        self._prints.update(prints)
        self._contents.update({r.image: reader.content(r, prints[r.image]) for r in new if r.image in prints})
        self._headers.update({image: header for image, header in headers.items() if image in prints})
        self._bad.update({**bad, **unreadable})
        there = [record.image for record in looked]
        return Seen(
            {image: self._headers[image] for image in there if image in self._headers},
            {image: self._prints[image] for image in there if image in self._prints},
            {image: self._contents[image] for image in there if image in self._contents},
            tuple(self._bad[image] for image in there if image in self._bad),
        )


@dataclass(frozen=True)
class Seen:
    """What was read of images, by id, and what is wrong with others.

    Attributes:
        fingerprints: digests that change with an image.
        contents: digests that equal images share.
    """

    headers: dict[str, ImageHeader]
    fingerprints: dict[str, str]
    contents: dict[str, str]
    bad: tuple[Problem, ...]

    @property
    def voxels(self) -> dict[str, int]:
        """Of each image as stored."""
        return {image: math.prod(header.shape) for image, header in self.headers.items()}


def common_grid(
    headers: Mapping[str, ImageHeader], preprocessing: dict[str, Any], where: str, problems: Problems
) -> tuple[tuple[int, ...], int]:
    """The size and channels that every image has once it is conformed.

    Args:
        headers: by image.
        preprocessing: resolved.
        where: the data set's path in the params.
        problems: takes images that differ.
    """
    from tlpy.data.preprocessing import channels, output_size

    sizes: Counter[tuple[int, ...]] = Counter()
    depths: Counter[int] = Counter()
    first: dict[tuple[int, ...] | int, str] = {}
    for image, header in sorted(headers.items()):
        try:
            size, depth = output_size(header, preprocessing), channels(header, preprocessing)
            sizes[size] += 1
            depths[depth] += 1
            first.setdefault(size, image)
            first.setdefault(depth, image)
        except ValueError as error:
            problems.add(f"{where}.preprocessing", f"{error} (image {image})")
            return (), 0
    if len(sizes) > 1:
        listed = ", ".join(f"{'×'.join(map(str, size))} ({count})" for size, count in sizes.most_common(5))
        more = f" and {len(sizes) - 5} more" if len(sizes) > 5 else ""
        largest = [max(axis) for axis in zip(*sizes, strict=False)]
        odd = _of_rarest(sizes, first)
        problems.add(
            f"{where}.preprocessing.size",
            f"the images have different shapes: {listed}{more}",
            f"crop or pad them to one, for example size: {largest}; the rarest is {odd}'s",
        )
    if len(depths) > 1:
        listed = ", ".join(f"{depth} ({count})" for depth, count in depths.most_common())
        hint = f"the rarest is {_of_rarest(depths, first)}'s; of pictures set the reader's `colour`"
        problems.add(f"{where}.path", f"the images have different numbers of channels: {listed}", hint)
    return (next(iter(sizes)), next(iter(depths))) if sizes else ((), 0)


def _of_rarest(counts: Counter[Any], first: Mapping[Any, str]) -> str:
    """The first image of the rarest shape or number of channels."""
    return first[min(counts, key=lambda value: (counts[value], value))]


def _each(
    records: Sequence[ImageRecord], read: Callable[[ImageRecord], ReadT], path: str
) -> tuple[dict[str, ReadT], dict[str, Problem]]:
    """`read` of every record, side by side: on a network drive the wait is for the disk."""
    from tlpy.data.readers.base import ImageError

    def attempt(record: ImageRecord) -> ReadT | Problem:
        try:
            return read(record)
        except ImageError as error:
            return Problem(f"{path}: {record.file}", str(error))

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(attempt, records, chunksize=32))
    pairs = list(zip(records, results, strict=True))
    return (
        {record.image: result for record, result in pairs if not isinstance(result, Problem)},
        {record.image: result for record, result in pairs if isinstance(result, Problem)},
    )
