"""MedMNIST: one `.npz` with `{train,val,test}_images` and `_labels` (Yang et al. 2023, MedMNIST v2)."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import PurePosixPath

import numpy as np

from tlpy.data.image_records import ImageError, ImageHeader, ImageRecord, RawImage
from tlpy.data.readers.arrays import BY_VECTORS, is_vector
from tlpy.data.readers.base import Reader
from tlpy.data.readers.npz import Member, members, open_member
from tlpy.data.readers.rows import PARTS
from tlpy.errors import Problems, nearest

# Beyond this size (unpacked) the search for equal images would hold up the plan.
_MOST_COMPARED = 4 << 30


@dataclass(kw_only=True)
class MedMnistReader(Reader):
    """MedMNIST: one .npz of 2D or 3D images, official parts

    Images are 2D (N, H, W), colour (N, H, W, 3) or 3D (N, D, H, W); a channel axis of length 1 is passed
    over.

    Labels are (N,) or (N, 1): one column, `label`; or (N, k): the columns `label_0` … `label_k-1`, as
    MedMNIST counts them. Images have no subject: each counts as one of its own, under a name that no other
    data set has. Equal images in several parts are found by their content and noted.
    """

    label = "label"

    def __post_init__(self) -> None:
        super().__post_init__()
        self._lock = threading.Lock()
        self._found: dict[str, Member] = {}
        self._open: dict[str, np.ndarray] = {}
        self._contents: dict[str, list[bytes]] = {}

    def records(self, labels: Sequence[str], group: str | None, problems: Problems) -> list[ImageRecord]:
        """All images, train to test; a missing array, a wrong shape or an unknown label is a problem."""
        self.skippable, self.notes = [], []
        if self.root.is_dir():
            there = sorted(path.name for path in self.root.glob("*.npz"))
            hint = f"name one of its files: {', '.join(there[:6])}" if there else ""
            problems.add(self.shown, "a folder, expected a MedMNIST .npz file", hint)
            return []
        parts = self._parts(problems)
        if not parts:
            return []
        if group or self.columns:
            what = f"group: {group}" if group else f"columns: {', '.join(self.columns)}"
            problems.add(self.shown, f"has no columns but its labels, but {what} was asked for")
        truth = self._truth(parts, labels, problems)
        if len(truth) < len(parts) * len(labels):
            return []
        records = []
        for part, images in parts.items():
            for index in range(images.shape[0]):
                file = f"{self._name}#{part}/{index}"
                texts = {
                    label: str(int(truth[part, label][index])) for label in labels if (part, label) in truth
                }
                records.append(
                    ImageRecord(
                        image=f"{part}/{index:06d}",
                        file=file,
                        subject=f"{PurePosixPath(self._name).stem}/{part}/{index}",
                        split=part,
                        labels=texts,
                        where=file,
                    )
                )
        self.names_people = False
        self.notes.append(
            f"{self.shown} names no subjects: whether one person is in several parts cannot be checked"
        )
        if labels:
            self._note_equal(parts, truth, labels)
        return sorted(records, key=lambda record: record.image)

    def header(self, record: ImageRecord) -> ImageHeader:
        part, _ = _place(record)
        shape = _image_shape(self._members[f"{part}_images"].shape)
        colour = _is_colour(shape)
        spatial = shape[:-1] if colour else shape
        return ImageHeader(spatial, (1.0,) * len(spatial), 3 if colour else 1, len(spatial))

    def fingerprint(self, record: ImageRecord) -> str:
        """By the checksum that the archive holds of the part's images, and the place among them."""
        part, index = _place(record)
        images = self._members[f"{part}_images"]
        # The array's shape and type stand in the member's bytes, so that its checksum covers them.
        content = f"npz:{images.crc}:{images.bytes}:{index}"
        return blake2b(content.encode(), digest_size=16).hexdigest()

    def content(self, record: ImageRecord, fingerprint: str) -> str:
        """By the image itself, as far as that is fast enough."""
        part, index = _place(record)
        images = self._members[f"{part}_images"]
        if self._is_large:
            return fingerprint
        try:
            known = self._digests(part)
        except ImageError:
            return fingerprint  # PREPARE says so of each image
        return f"{images.dtype} {_image_shape(images.shape)} {known[index].hex()}"

    def load(self, record: ImageRecord) -> RawImage:
        part, index = _place(record)
        array = np.asarray(self._array(f"{part}_images")[index], np.float32)
        array = array.reshape(_image_shape((1, *array.shape)))
        if _is_colour(array.shape):
            return RawImage(np.moveaxis(array, -1, 0), channels=3)
        return RawImage(array)

    @property
    def _name(self) -> str:
        return PurePosixPath(self.shown).name

    @property
    def _members(self) -> dict[str, Member]:
        with self._lock:
            if not self._found:
                self._found = members(self.root)
            return self._found

    def _array(self, name: str) -> np.ndarray:
        """The array, opened once however many threads ask for it."""
        member = self._members[name]
        with self._lock:
            if name not in self._open:
                self._open[name] = open_member(self.root, member)
            return self._open[name]

    @property
    def _is_large(self) -> bool:
        """Whether comparing its images would hold up the plan."""
        of_images = (self._members.get(f"{part}_images") for part in PARTS)
        return sum(images.bytes for images in of_images if images) > _MOST_COMPARED

    def _digests(self, part: str) -> list[bytes]:
        """A digest of each image of a part, made once; raises `ImageError`."""
        if part not in self._contents:
            images = self._array(f"{part}_images")
            found = [blake2b(image.tobytes(), digest_size=16).digest() for image in images]
            with self._lock:
                self._contents[part] = found
        return self._contents[part]

    def _parts(self, problems: Problems) -> dict[str, Member]:
        """The images of each part that is there."""
        try:
            found = self._members
        except ImageError as error:
            problems.add(self.shown, str(error))
            return {}
        parts = {part: found[f"{part}_images"] for part in PARTS if f"{part}_images" in found}
        if not parts:
            listed = ", ".join(found) or "nothing"
            problems.add(self.shown, f"holds {listed}; expected train_images, val_images, test_images")
            return {}
        before = len(problems)
        for part, images in parts.items():
            labels = found.get(f"{part}_labels")
            flat = len(images.shape) == 2 or is_vector(_image_shape(images.shape))
            if flat or len(images.shape) < 2 or 0 in images.shape[1:] or images.dtype.kind not in "buif":
                shape = f"{part}_images is {images.dtype} {images.shape}"
                hint = BY_VECTORS if flat else ""
                problems.add(self.shown, f"{shape}, expected (N, H, W) or more", hint)
            elif len(_image_shape(images.shape)) > 3 + _is_colour(_image_shape(images.shape)):
                problems.add(self.shown, f"{part}_images has {len(images.shape)} axes, expected 3 or 4")
            if labels is None:
                problems.add(self.shown, f"has {part}_images but no {part}_labels")
            elif labels.shape[:1] != images.shape[:1] or len(labels.shape) > 2:
                problems.add(
                    self.shown, f"{part}_labels is {labels.shape} for {images.shape[0]} images of {part}"
                )
        return {} if len(problems) > before else parts

    def _truth(
        self, parts: dict[str, Member], labels: Sequence[str], problems: Problems
    ) -> dict[tuple[str, str], np.ndarray]:
        """Part and label → (N,) integers."""
        found: dict[tuple[str, str], np.ndarray] = {}
        for part in parts:
            try:
                table = self._array(f"{part}_labels")
            except ImageError as error:
                problems.add(self.shown, str(error))
                return {}
            table = table.reshape(len(table), -1)
            names = ["label"] if table.shape[1] == 1 else [f"label_{k}" for k in range(table.shape[1])]
            for label in labels:
                if label in names:
                    found[part, label] = table[:, names.index(label)]
                elif label == "label":
                    hint = f"name one, or several: label: [{names[0]}, {names[1]}]"
                    problems.add(self.shown, f"each image has {len(names)} labels", hint)
                else:
                    problems.add(self.shown, f"has no label '{label}'", nearest(label, names))
            if len(found) < len(labels):
                break  # the other parts lack the same
        return found

    def _note_equal(
        self, parts: dict[str, Member], truth: dict[tuple[str, str], np.ndarray], labels: Sequence[str]
    ) -> None:
        """Note images that are in several parts: a score on one of them is not a score on unseen data."""
        if self._is_large:
            self.notes.append(f"{self.shown} is large: whether its parts share images was not checked")
            return
        places: defaultdict[bytes, list[tuple[str, int]]] = defaultdict(list)
        try:
            for part in parts:
                for index, content in enumerate(self._digests(part)):
                    places[content].append((part, index))
        except ImageError:
            return  # PREPARE says so of each image
        pairs: defaultdict[tuple[str, ...], list[list[tuple[str, int]]]] = defaultdict(list)
        for same in places.values():
            named = tuple(part for part in PARTS if any(part == other for other, _ in same))
            if len(named) > 1:
                pairs[named].append(same)
        for named, groups in sorted(pairs.items()):
            first = " and ".join(f"{part}/{index}" for part, index in groups[0])
            odd = sum(
                any(len({int(truth[part, label][index]) for part, index in same}) > 1 for label in labels)
                for same in groups
            )
            apart = f", {odd} of them with different labels" if odd else ""
            count, more = ("1 image is", "") if len(groups) == 1 else (f"{len(groups)} images are", ", …")
            self.notes.append(
                f"warning: {count} in both {' and '.join(named)} of {self._name} ({first}{more}){apart}: "
                "scores there are a little too good"
            )


def _image_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of one image, without one of length 1 for grey, last (N, H, W, 1) or first (N, 1, D, H, W)."""
    own = shape[1:]
    if len(own) > 2 and own[-1] == 1:
        return own[:-1]
    return own[1:] if len(own) == 4 and own[0] == 1 else own


def _is_colour(shape: tuple[int, ...]) -> bool:
    """Whether the last axis holds red, green and blue."""
    return len(shape) > 2 and shape[-1] == 3 and 3 not in shape[:-1]


def _place(record: ImageRecord) -> tuple[str, int]:
    part, _, index = record.image.partition("/")
    return part, int(index)
