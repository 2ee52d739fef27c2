"""Prepared images, read by memory map: decoded once, however many stages use them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlpy.data import contract as contracts
from tlpy.data.quality import Quality
from tlpy.errors import InputError, Problem
from tlpy.files import read_json, read_rows

COLUMNS = (
    "image",
    "index",
    "status",
    "reason",
    "file",
    "shape",
    "spacing",
    "minimum",
    "maximum",
    "mean",
    "sd",
    "foreground",
)


class PreparedImages:
    """The images of one cache by id, over all its shards.

    Attributes:
        ids: the usable images, sorted.
        channels, size: of each image.
        contract: the preprocessing contract.
        left_out: image → reason, for those that could not be used.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        """Use `open`."""
        if not folders:
            raise InputError([Problem("prepared images", "no folder given")])
        self._arrays: list[np.ndarray] = []
        self._place: dict[str, tuple[int, int]] = {}
        self._quality: dict[str, Quality] = {}
        self.left_out: dict[str, str] = {}
        ordered = sorted(Path(folder) for folder in folders)
        try:
            self.contract: dict[str, Any] = contracts.merge([_contract(folder) for folder in ordered])
        except ValueError as error:
            raise InputError([Problem(", ".join(str(folder) for folder in folders), str(error))]) from None
        self.channels = int(self.contract["channels"])
        self.size = tuple(int(n) for n in self.contract["size"])
        for folder in ordered:
            self._add(folder)
        self.ids = sorted(self._place)

    @classmethod
    def open(cls, folders: Sequence[Path]) -> PreparedImages:
        """Open the shards that PREPARE wrote; images stay on disk until gathered.

        Raises `InputError` for a folder that is incomplete, shards that do not belong together, or an image
        that is in two of them.
        """
        return cls(folders)

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, image: object) -> bool:
        return image in self._place

    @property
    def quality(self) -> dict[str, Quality]:
        """The figures of every usable image as stored, by id."""
        return self._quality

    def gather(self, ids: Sequence[str]) -> np.ndarray:
        """A copy of these images in the order asked for, float32 (len(ids), channels, *size), contiguous.

        Reads each shard front to back. Raises `KeyError` for an image that is not there.
        """
        places = np.array([self._place[image] for image in ids], np.int64).reshape(-1, 2)
        out = np.empty((len(places), self.channels, *self.size), np.float32)
        for position in np.lexsort((places[:, 1], places[:, 0])):
            shard, row = places[position]
            out[position] = self._arrays[shard][row]
        return out

    def _add(self, folder: Path) -> None:
        shape = (self.channels, *self.size)
        try:
            rows = read_rows(folder / "images.tsv")
            # An empty file cannot be mapped: a shard without a usable image has no rows to read.
            filled = any(row["status"] == "ok" for row in rows)
            mapped = (
                np.load(folder / "images.npy", mmap_mode="r") if filled else np.empty((0, *shape), np.float32)
            )
        except (OSError, ValueError, KeyError) as error:
            raise _no_folder(folder, error) from None
        if mapped.shape[1:] != shape or mapped.dtype != np.float32:
            found = f"{mapped.dtype} images of {mapped.shape[1:]}"
            raise InputError([Problem(str(folder), f"holds {found}; its contract says float32 of {shape}")])
        shard = len(self._arrays)
        # A plain view: indexing np.memmap costs more than copying a slice.
        self._arrays.append(mapped.view(np.ndarray))
        for row in rows:
            if row["status"] != "ok":
                self.left_out[row["image"]] = row["reason"]
                continue
            if row["image"] in self._place:
                raise InputError([Problem(str(folder), f"image {row['image']} is in another shard too")])
            self._place[row["image"]] = (shard, int(row["index"]))
            self._quality[row["image"]] = _quality(row)


def _contract(folder: Path) -> dict[str, Any]:
    try:
        part: dict[str, Any] = read_json(folder / "contract.json")
    except (OSError, ValueError) as error:
        raise _no_folder(folder, error) from None
    return part


def _no_folder(folder: Path, error: Exception) -> InputError:
    return InputError([Problem(str(folder), f"is no folder of prepared images: {error}")])


def _quality(row: dict[str, str]) -> Quality:
    figures = {name: float(row[name]) for name in ("minimum", "maximum", "mean", "sd", "foreground")}
    return Quality(
        shape=tuple(int(n) for n in row["shape"].split("x")),
        spacing=tuple(float(mm) for mm in row["spacing"].split("x") if mm),
        **figures,
    )
