"""The prepared images and tables that lie in a task's folders, opened for its stages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlpy.data.cache import PreparedImages
from tlpy.data.dataset import ImageSource
from tlpy.data.shards import shard_folders
from tlpy.data.subjects import read_subjects
from tlpy.errors import InputError, Problem
from tlpy.records import Stage
from tlpy.scenarios.material import Opened
from tlpy.store import check


class OpenedFolders:
    """Opens each cache once.

    Args:
        caches: holds a folder for each PREPARE request.
        subjects: holds `<subjects id>.tsv`.
    """

    def __init__(self, caches: Path, subjects: Path) -> None:
        self.caches, self.subjects = caches, subjects
        self._images: dict[str, tuple[ImageSource, Mapping[str, Any]]] = {}

    def open(self, stage: Stage) -> list[Opened]:
        """The stage's data sets, in the order of its sources; raises as `images`."""
        found = []
        for number, source in enumerate(stage.sources):
            images, preprocessing = self.images(source.cache)
            columns = [column for head in stage.heads_of(source) for column in head.columns]
            rows = read_subjects(self.subjects / f"{source.subjects}.tsv", columns, number)
            found.append(Opened(images, rows, preprocessing))
        return found

    def images(self, cache: str) -> tuple[ImageSource, Mapping[str, Any]]:
        """The images of a cache and its preprocessing contract.

        Raises:
            InputError: it is not there.
            DamagedError: it is not as it was written.
        """
        if cache not in self._images:
            folders = shard_folders(self.caches, cache)
            if not folders:
                raise InputError([Problem("caches", f"no prepared images of cache {cache} in {self.caches}")])
            check(folders)
            prepared = PreparedImages.open(folders)
            self._images[cache] = (ImageSource(prepared), prepared.contract)
        return self._images[cache]
