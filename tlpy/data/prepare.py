"""PREPARE: one shard of a data set, read, checked, conformed and written once, to be read by memory map."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tlpy import machine, words
from tlpy.data import contract
from tlpy.data.cache import COLUMNS
from tlpy.data.image_records import ImageError, ImageRecord
from tlpy.data.preprocessing import Conformed, conform, validate
from tlpy.data.preprocessing.intensity import moments
from tlpy.data.quality import Quality, assess
from tlpy.data.readers.base import Reader
from tlpy.data.shards import shard_slice
from tlpy.data.thumbnails import PICTURES, picture_name, save_picture
from tlpy.errors import InputError, Problem, Problems
from tlpy.files import write_json, write_table


@dataclass(frozen=True)
class _Result:
    """What became of one image: figures where it could be read, a reason where it could not be used."""

    record: ImageRecord
    reason: str = ""
    quality: Quality | None = None
    spacing: tuple[float, ...] | None = None
    axes: str | None = None
    intensity: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)


def prepare_shard(request: Mapping[str, Any], root: Path, out: Path, threads: int = 1) -> list[Problem]:
    """Prepare the images of one shard and write the folder that `cache.PreparedImages` opens.

    Images are decoded `threads` at a time and written as they come: memory holds a few images, never all.
    Row i of `images.npy` belongs to the i-th image of the shard by id; an image that cannot be used leaves
    its row zero, has no `index` in `images.tsv`, and stands there with the reason.

    Args:
        request: what PLAN asks for: reader, columns, path (as the user wrote it), preprocessing, channels,
            size, shard, shards, on_bad_image (error or skip); `only`: the ids of the shard's images, where
            they are not all that the reader finds; `pictured`: those to make a picture of.
        root: where the data set lies on this machine.
        out: the folder to write; it is made where it is missing.
        threads: images read side by side, 1 or more.

    Returns:
        What is wrong with the images; also in `problems.json`. Under `on_bad_image: skip` an unusable image
        is no problem, unless no other is left.

    Raises:
        InputError: the request cannot be met at all, or `out` cannot be written.
        ImageError: the machine failed while an image was read.
    """
    from tlpy.data.readers.registry import open_reader, reads_vectors

    problems = Problems()
    vectors = reads_vectors(request["reader"])
    settings = validate(request["preprocessing"], "preprocessing", problems, vectors)
    problems.raise_if_any()
    columns, window = request.get("columns"), settings["window"]
    reader = open_reader(request["reader"], root, request["path"], columns, window)
    records = sorted(reader.records([], None, problems), key=lambda record: record.image)
    if "only" in request:
        wanted = set(request["only"])
        mine = [record for record in records if record.image in wanted]
    else:
        mine = records[shard_slice(len(records), request["shard"], request["shards"])]
    shape = (int(request["channels"]), *(int(n) for n in request["size"]))
    try:
        out.mkdir(parents=True, exist_ok=True)
        images = _create(out / "images.npy", (len(mine), *shape))
        results = list(_decode(reader, mine, settings, images, threads, vectors))
        _find_problems(results, request, problems)
        _write_table(out / "images.tsv", results)
        good = [row for row, result in enumerate(results) if not result.reason]
        described = contract.build(
            settings,
            shape[0],
            shape[1:],
            results[good[0]].axes if good else None,
            [results[row].spacing for row in good],
            [results[row].intensity for row in good],
            reader.feature_names() if vectors else (),
        )
        write_json(out / "contract.json", described)
        _write_pictures(out / "pictures", images, results, _pictured(results, good, request), vectors)
        write_json(out / "problems.json", [problem.as_map() for problem in problems])
        if isinstance(images, np.memmap):
            images.flush()
    except OSError as error:
        raise InputError([Problem(str(out), f"cannot be written: {error.strerror or error}")]) from error
    return list(problems)


def _create(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    if 0 in shape:
        np.save(path, np.empty(shape, np.float32))  # an empty file cannot be mapped
        return np.empty(shape, np.float32)
    images = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    if hasattr(os, "posix_fallocate"):
        # On a full disk a write through a memory map kills the process; taking the room first says why.
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return images


def _decode(
    reader: Reader,
    records: Sequence[ImageRecord],
    settings: Mapping[str, Any],
    images: np.ndarray,
    threads: int,
    vectors: bool,
) -> Iterator[_Result]:
    """The results in order, while the images go straight to their rows."""

    def one(row: int) -> _Result:
        result, array = _prepare(reader, records[row], settings, images.shape[1:], vectors)
        if array is not None:
            images[row] = array
        return result

    if threads <= 1 or len(records) < 2:
        yield from map(one, range(len(records)))
        return
    with ThreadPoolExecutor(min(threads, len(records))) as pool:
        yield from pool.map(one, range(len(records)))


def _prepare(
    reader: Reader,
    record: ImageRecord,
    settings: Mapping[str, Any],
    shape: tuple[int, ...],
    vectors: bool,
) -> tuple[_Result, np.ndarray | None]:
    quality = None
    try:
        raw = reader.load(record)
        quality, faults = assess(raw, vectors)
        if faults:
            raise ImageError("; ".join(faults))
        conformed: Conformed = conform(raw, settings)
        array = conformed.array
        if not np.isfinite(array.sum(dtype=np.float64)):
            raise ImageError("has intensities too large for single precision")
        if array.shape != shape:
            raise ImageError(
                f"has {words.size(array.shape[1:])} voxels and {array.shape[0]} channel(s) once prepared; "
                f"expected {words.size(shape[1:])} and {shape[0]}; give preprocessing.size to bring all to "
                "one"
            )
    except ImageError as error:
        if machine.trouble(error, {}):  # the image may be sound: it is not to be left out for good
            raise
        return _Result(record, str(error), quality), None
    intensity = (float(array.min()), float(array.max()), *moments(array))
    return _Result(record, "", quality, conformed.spacing, conformed.axes, intensity), array


def _find_problems(results: Sequence[_Result], request: Mapping[str, Any], problems: Problems) -> None:
    shown = request["path"]
    bad = [result for result in results if result.reason]
    if request.get("on_bad_image", "error") == "error":
        for result in bad:
            where = f"{shown}: {result.record.file}"
            problems.add(where, result.reason, "on_bad_image: skip leaves it out")
    elif bad and len(bad) == len(results):
        first = bad[0]
        message = f"none of its {len(bad)} images can be used; {first.record.file}: {first.reason}"
        problems.add(shown, message)


def _write_table(path: Path, results: Sequence[_Result]) -> None:
    rows = []
    for row, result in enumerate(results):
        status = ["", "left_out"] if result.reason else [str(row), "ok"]
        figures = _figures(result.quality)
        rows.append([result.record.image, *status, result.reason, result.record.file, *figures])
    write_table(path, COLUMNS, rows)


def _figures(quality: Quality | None) -> list[str]:
    if quality is None:
        return [""] * 7
    numbers = (quality.minimum, quality.maximum, quality.mean, quality.sd, quality.foreground)
    shape = "x".join(str(n) for n in quality.shape)
    return [shape, "x".join(f"{mm:.5g}" for mm in quality.spacing), *(f"{number:.6g}" for number in numbers)]


def _pictured(results: Sequence[_Result], good: Sequence[int], request: Mapping[str, Any]) -> Sequence[int]:
    """The rows to make a picture of: those that were named, or the first of the whole cache."""
    if "pictured" in request:
        named = set(request["pictured"])
        return [row for row in good if results[row].record.image in named]
    return good[:PICTURES] if request["shard"] == 0 else []


def _write_pictures(
    folder: Path, images: np.ndarray, results: Sequence[_Result], rows: Sequence[int], vectors: bool
) -> None:
    folder.mkdir(exist_ok=True)
    for row in rows:
        result = results[row]
        name = picture_name(result.record.image)
        save_picture(images[row], folder / name, result.axes, result.spacing, vectors)
