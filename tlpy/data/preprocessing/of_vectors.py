"""The `preprocessing` of vectors: features have no space, so that only their scale can be settled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlpy.errors import Problems, nearest

# Each feature to mean 0 and standard deviation 1. Whose, only a stage's training part can tell: prepared
# features stay as they are, and training scales them (`tlpy.data.feature_scale`).
BY_FEATURE = "zscore_features"
_SCALES = {"none": "none", None: "none", "zscore": BY_FEATURE, BY_FEATURE: BY_FEATURE}
_OF_IMAGES = ("orient", "spacing", "resize", "size", "slice", "window")


def validate_vectors(given: Mapping[str, Any], where: str, problems: Problems) -> dict[str, Any]:
    """The settings with every default filled in.

    Args:
        given: as the user wrote it, with known keys alone; `normalise` is `zscore` (by feature) or `none`.
        where: the param's path, for messages.
        problems: takes settings that mean nothing for vectors.
    """
    for key in _OF_IMAGES:
        if given.get(key) is not None:
            message = "means nothing for vectors, whose features lie nowhere in space or time"
            problems.add(f"{where}.{key}", message, "leave it out")
    kind = given.get("normalise", "zscore")
    if kind not in _SCALES:
        message = f"is {kind!r}, which is for images; features are scaled one by one"
        problems.add(f"{where}.normalise", message, nearest(str(kind), ["zscore", "none"], "zscore or none"))
    return {**dict.fromkeys(_OF_IMAGES), "normalise": _SCALES.get(kind, BY_FEATURE)}
