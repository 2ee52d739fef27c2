"""Readers and data sets of one's own: what they give is checked, and a data set is made a reader."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tlpy.components.loading import describe_fault
from tlpy.components.registry import Registry
from tlpy.data.image_records import ImageError, ImageHeader, ImageRecord, RawImage
from tlpy.data.readers.base import Reader
from tlpy.data.readers.facts import ReaderFacts
from tlpy.errors import InputError, Problem, Problems

Given = TypeVar("Given")

# These tell of the code; whatever else is raised tells of the image that was read.
_CODE = (TypeError, AttributeError, NameError, LookupError, ImportError, NotImplementedError, AssertionError)


def open_own(
    readers: Registry[ReaderFacts], component: Mapping[str, Any], where: str, common: dict[str, Any]
) -> Reader:
    """A reader from the class behind a class path: a `Reader`, or a data set.

    A data set is any class made as `made(root, labels, **arguments)` with `__len__` and
    `__getitem__(index) -> (image, [labels])`, `labels` being the names asked for. The image is an array, its
    first axis the channels where the class attribute `channels` is above 1. It may also tell `name(index)`,
    `subject(index)`, `group(index)`, `site(index)` and `split(index)`.

    Args:
        readers: what makes it.
        component: completed: the class path, with arguments.
        where: for messages.
        common: what every reader is given.

    Raises:
        InputError: it is neither, or cannot be made.
    """
    name = component["name"]
    made = readers.load(name)
    file = getattr(sys.modules.get(getattr(made, "__module__", "")), "__file__", None)
    title = f"{name} ({Path(file).name})" if file else name
    if isinstance(made, type) and issubclass(made, Reader):
        reader = _made(lambda: readers.make(component, where=where, **common), title, where)
    elif isinstance(made, type) and hasattr(made, "__getitem__") and hasattr(made, "__len__"):

        def make(labels: list[str]) -> Any:
            return _made(
                lambda: readers.make(component, common["root"], labels, where=where), title, common["shown"]
            )

        reader = DatasetReader(make=make, title=title, **common)
    else:
        message = f"{title} {readers.forms[-1].neither}"
        raise InputError([Problem(where, message, f"expected {readers.forms[-1].expected}")])
    return OwnReader(reader=reader, title=title, **common)


def _made(make: Callable[[], Given], title: str, where: str) -> Given:
    """What `make` gives; a fault of the user's code is told with its file and line."""
    try:
        return make()
    except Exception as error:
        fault = error.__cause__ if isinstance(error, InputError) else error
        # A TypeError without a further frame is of a call that did not fit, and is told as that.
        inside = isinstance(fault, TypeError) and fault.__traceback__ and fault.__traceback__.tb_next
        if fault is None or (fault is not error and not inside):
            raise
        message = f"{title} cannot be made: {describe_fault(fault)}"
        raise InputError([Problem(where, message)]) from error


@dataclass(kw_only=True)
class OwnReader(Reader):
    """Passes on what a reader of one's own gives, once it is what was expected.

    Args:
        reader: the user's.
        title: class and file, for messages.
    """

    reader: Reader
    title: str

    def records(self, labels: Sequence[str], group: str | None, problems: Problems) -> list[ImageRecord]:
        inner = self.reader
        inner.skippable, inner.notes = [], []
        given = self._call("records", lambda: inner.records(labels, group, problems))
        self.skippable, self.notes = list(inner.skippable), list(inner.notes)
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise self._fault("records", "a list of ImageRecord", given)
        found = list(given)
        for record in found:
            if not isinstance(record, ImageRecord):
                raise self._fault("records", "a list of ImageRecord", record, "a list with")
            absent = [label for label in labels if not isinstance(record.labels.get(label), str)]
            if absent:
                expected = (
                    f"the text of label '{absent[0]}' for image '{record.image}' ('' where it is missing)"
                )
                raise self._fault("records", expected, record.labels.get(absent[0]))
        ids = [record.image for record in found]
        if len(ids) != len(set(ids)):
            twice = next(image for image in ids if ids.count(image) > 1)
            raise self._fault("records", "an id of its own for each image", twice, "twice the id")
        return sorted(found, key=lambda record: record.image)

    def named_files(self) -> list[Path]:
        given = self._call("named_files", self.reader.named_files)
        return [Path(file) for file in given]

    def feature_names(self) -> tuple[str, ...]:
        return tuple(map(str, self._call("feature_names", self.reader.feature_names)))

    def locate(self, record: ImageRecord) -> Path:
        return self.reader.locate(record)

    def header(self, record: ImageRecord) -> ImageHeader:
        return self._image("header", self.reader.header, record, ImageHeader)

    def fingerprint(self, record: ImageRecord) -> str:
        return self._image("fingerprint", self.reader.fingerprint, record, str)

    def content(self, record: ImageRecord, fingerprint: str) -> str:
        return self.reader.content(record, fingerprint)

    def load(self, record: ImageRecord) -> RawImage:
        raw = self._image("load", self.reader.load, record, RawImage)
        expected = "a RawImage whose array is a numeric NumPy array"
        if not isinstance(raw.array, np.ndarray):
            raise self._fault("load", expected, raw.array)
        if raw.array.dtype.kind not in "biuf":
            raise self._fault("load", expected, raw.array.dtype, "an array of")
        return raw

    def _image(
        self, method: str, read: Callable[[ImageRecord], Given], record: ImageRecord, expected: type[Given]
    ) -> Given:
        given = self._call(method, lambda: read(record))
        if not isinstance(given, expected):
            raise self._fault(method, f"a {expected.__name__}", given)
        return given

    def _call(self, method: str, call: Callable[[], Given]) -> Given:
        """`call`, with faults of the code told as such, and others as the image's."""
        try:
            return call()
        except (ImageError, InputError):
            raise
        except _CODE as error:
            raise self._failed(method, error) from error
        except Exception as error:
            if method == "records":
                raise self._failed(method, error) from error
            raise ImageError(describe_fault(error)) from error

    def _failed(self, method: str, error: Exception) -> InputError:
        return InputError([Problem(self.shown, f"{self.title}.{method} failed: {describe_fault(error)}")])

    def _fault(self, method: str, expected: str, found: Any, how: str = "") -> InputError:
        shown = repr(found) if isinstance(found, str | int | float | None | np.dtype) else _kind(found)
        found_text = f"{how} {shown}".strip()
        return InputError(
            [Problem(self.shown, f"{self.title}.{method} gave {found_text}", f"expected {expected}")]
        )


@dataclass(kw_only=True)
class DatasetReader(Reader):
    """A data set, `(image, [labels])` by number, as a reader. Use `open_own`.

    Args:
        make: gives the data set for the labels asked for.
        title: class and file, for messages.
    """

    make: Callable[[list[str]], Any]
    title: str

    def __post_init__(self) -> None:
        super().__post_init__()
        self._sets: dict[tuple[str, ...], Any] = {}
        self._index: dict[str, int] = {}
        # A data set may keep a file open: several threads ask for images, one at a time.
        self._lock = threading.Lock()

    def records(self, labels: Sequence[str], group: str | None, problems: Problems) -> list[ImageRecord]:
        data = self._open(tuple(labels))
        if group and not hasattr(data, "group"):
            problems.add(self.shown, f"{self.title} tells no groups", "give it a method group(index)")
        found = []
        for index in range(len(data)):
            image = _tell(data, "name", index) or f"{index:06d}"
            self._index[image] = index
            told = {name: _tell(data, name, index) for name in ("subject", "group", "site", "split")}
            told["subject"] = told["subject"] or image
            texts = self._item(data, index, len(labels))[1] if labels else []
            values = dict(zip(labels, texts, strict=True))
            where = f"{self.title}[{index}]"
            found.append(ImageRecord(image=image, file=image, labels=values, where=where, **told))
        return sorted(found, key=lambda record: record.image)

    def header(self, record: ImageRecord) -> ImageHeader:
        raw = self.load(record)
        shape = raw.array.shape[1:] if raw.channels > 1 else raw.array.shape
        return ImageHeader(shape, (1.0,) * len(shape), raw.channels, len(shape))

    def fingerprint(self, record: ImageRecord) -> str:
        from hashlib import blake2b

        array = np.ascontiguousarray(self.load(record).array)
        content = blake2b(f"{array.shape} {array.dtype}".encode(), digest_size=16)
        content.update(array.data)
        return content.hexdigest()

    def load(self, record: ImageRecord) -> RawImage:
        data = self._open(())
        if not self._index:
            self.records([], None, Problems())
        with self._lock:
            image, _ = self._item(data, self._index[record.image], None)
        array = np.asarray(image, np.float32)
        channels = int(getattr(data, "channels", 1))
        if array.ndim - (channels > 1) not in (1, 2, 3) or (channels > 1 and array.shape[0] != channels):
            expected = f"({channels}, *size)" if channels > 1 else "(*size), 1 to 3 axes"
            raise self._wrong(record.image, f"an image of shape {array.shape}", f"expected {expected}")
        return RawImage(array, None, channels)

    def _open(self, labels: tuple[str, ...]) -> Any:
        if labels not in self._sets:
            self._sets[labels] = self.make(list(labels))
        return self._sets[labels]

    def _item(self, data: Any, index: int, labels: int | None) -> tuple[Any, list[str]]:
        """Image and labels; `labels` says how many there must be, None: any number."""
        item = data[index]
        expected = "expected (image, [labels]), a value for each label that was asked for"
        if not (isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], list | tuple)):
            raise self._wrong(index, _kind(item), expected)
        if labels is not None and len(item[1]) != labels:
            raise self._wrong(index, f"{len(item[1])} labels for {labels}", expected)
        return item[0], ["" if value is None else str(value) for value in item[1]]

    def _wrong(self, index: Any, found: str, expected: str) -> InputError:
        return InputError([Problem(self.shown, f"{self.title}[{index!r}] gave {found}", expected)])


def _tell(data: Any, name: str, index: int) -> str:
    """What the data set says of an image by an optional method; "" where it has none."""
    method = getattr(data, name, None)
    return str(method(index)) if callable(method) else ""


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"
