"""Prepared caches: which images are conformed in which way, and how that is divided into tasks.

Data sets that share files and preprocessing share one cache, whatever their labels and filters: an image is
decoded once a run, and only where a data set of the run needs it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tlpy.data.shards import shard_ids, shard_slice
from tlpy.data.thumbnails import PICTURES
from tlpy.digests import canonical, data_digest, digest

# Seconds to decode and conform one voxel, and to open one file (measured, one core, .nii.gz).
SECONDS_PER_VOXEL = 3.5e-8
SECONDS_PER_IMAGE = 3e-3
SECONDS_PER_SHARD = 30.0
# Each shard lists the whole data set: with ever more of them, that would grow with the square of the images.
MOST_SHARDS = 100


@dataclass(frozen=True)
class Wanted:
    """The images that a data set needs, and how they are conformed.

    Attributes:
        path: as the user wrote it.
        request: what PREPARE is told, but for path, cache and shard.
        fingerprints: of each image by id.
        voxels: of each image as stored.
        whole: every image that the reader finds; else those with a fingerprint.
    """

    path: str
    request: dict[str, Any]
    fingerprints: dict[str, str]
    voxels: dict[str, int]
    whole: bool

    @cached_property
    def digest(self) -> str:
        """What identifies the prepared images, whatever else is prepared beside them."""
        return digest({"request": self.request, "images": self.fingerprints, "code": data_digest()})


@dataclass(frozen=True)
class Cache:
    """One prepared cache: images of a path, conformed in one way.

    Attributes:
        request: what PREPARE is told, but for the shard.
        images: how many.
        only: their ids, sorted; None where they are all that the reader finds.
        pictured: those that the report shows a picture of; None: the first.
    """

    id: str
    request: dict[str, Any]
    images: int
    shards: int
    only: tuple[str, ...] | None = None
    pictured: tuple[str, ...] | None = field(default=None, compare=False)

    def shard_ids(self) -> list[str]:
        return shard_ids(self.id, self.shards)

    def requests(self) -> dict[str, dict[str, Any]]:
        """What PREPARE is told of each shard, by the shard's id."""
        found = {}
        for shard, shard_id in enumerate(self.shard_ids()):
            request = {"id": shard_id, **self.request, "shard": shard, "shards": self.shards}
            if self.only is not None:
                request["only"] = list(self.only[shard_slice(len(self.only), shard, self.shards)])
            if self.pictured is not None:
                request["pictured"] = list(self.pictured)
            found[shard_id] = request
        return found


def share_caches(wanted: Mapping[str, Wanted], slots: int) -> dict[str, Cache]:
    """The cache of each data set.

    Args:
        wanted: what each data set of the run needs, by any name.
        slots: how many tasks can run side by side; 0 where that is unknown.
    """
    alike: dict[str, list[Wanted]] = {}
    keys = {name: canonical([item.path, item.request]) for name, item in wanted.items()}
    for name, item in wanted.items():
        alike.setdefault(keys[name], []).append(item)
    caches = {key: _cache(items, slots) for key, items in alike.items()}
    return {name: caches[key] for name, key in keys.items()}


def _cache(items: list[Wanted], slots: int) -> Cache:
    """One cache for data sets that are conformed in one way."""
    union = Wanted(
        items[0].path,
        items[0].request,
        {image: text for item in items for image, text in item.fingerprints.items()},
        {image: count for item in items for image, count in item.voxels.items()},
        any(item.whole for item in items),
    )
    images = len(union.fingerprints)
    seconds = sum(union.voxels.values()) * SECONDS_PER_VOXEL + images * SECONDS_PER_IMAGE
    shards = min(MOST_SHARDS, math.ceil(seconds / SECONDS_PER_SHARD))
    shards = max(1, shards, min(slots, int(seconds / 10)))
    parts = all(item.whole for item in items)
    return Cache(
        id=union.digest,
        request={"cache": union.digest, "path": union.path, **union.request},
        images=images,
        shards=min(shards, max(1, images)),
        only=None if union.whole else tuple(sorted(union.fingerprints)),
        pictured=None if parts else _pictured(items),
    )


def _pictured(items: Iterable[Wanted]) -> tuple[str, ...]:
    """The first images of each data set: those of the cache may all be of one of them."""
    return tuple(sorted({image for item in items for image in sorted(item.fingerprints)[:PICTURES]}))
