"""The `preprocessing` of a data set in a params file: checked, with its defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlpy import words
from tlpy.data.preprocessing.of_vectors import BY_FEATURE, validate_vectors
from tlpy.errors import Problems, nearest

DEFAULTS: dict[str, Any] = {
    "orient": "RAS",
    "spacing": None,
    "resize": None,
    "size": None,
    "normalise": "zscore",
    "slice": None,
    "window": None,
}
SLICE_DEFAULTS: dict[str, Any] = {"plane": "axial", "position": 0.5, "count": 1, "step": 1, "as": "channels"}

# The axis across each plane, after orientation to RAS.
PLANES = {"sagittal": 0, "coronal": 1, "axial": 2}

NORMALISATIONS = {
    "zscore": "mean 0 and standard deviation 1 over the image",
    "zscore_foreground": "mean 0 and standard deviation 1 over the foreground",
    "percentile": "clipped at percentiles 1 and 99 of the image, then 0 to 1",
    "minmax": "0 to 1 between the image's minimum and maximum",
    "mean": "divided by the image's mean",
    "none": "as stored",
}
_OF_MASKED = " (of a masked scan: over what lies above its background)"

# A resting-state series of HCP has 4,800 volumes.
_LARGEST_SIZE = 16384


def validate(
    preprocessing: Mapping[str, Any] | None, where: str, problems: Problems, vectors: bool = False
) -> dict[str, Any]:
    """The settings with every default filled in, so that equal settings are equal however they are written.

    Args:
        preprocessing: as the user wrote it; `slice` may be a plane's name; `size`, `resize` and `spacing` one
            number for all axes or one an axis.
        where: the param's path, for messages, e.g. `datasets.brains.preprocessing`.
        problems: takes everything that is wrong. What is returned then is not to be used.
        vectors: whether it is of vectors, as the reader's facts say.
    """
    if preprocessing is None:
        preprocessing = {}
    if not isinstance(preprocessing, Mapping):
        problems.add(
            where, f"is {preprocessing!r}; expected a map of settings", "valid: " + ", ".join(DEFAULTS)
        )
        return dict(DEFAULTS)
    _unknown(preprocessing, DEFAULTS, where, problems)
    if vectors:
        return validate_vectors(preprocessing, where, problems)
    settings = {key: preprocessing.get(key, default) for key, default in DEFAULTS.items()}
    if settings["orient"] not in ("RAS", None):
        problems.add(f"{where}.orient", f"is {settings['orient']!r}; expected RAS or null")
    settings["spacing"] = _numbers(settings["spacing"], f"{where}.spacing", problems, whole=False)
    for key in ("resize", "size"):
        settings[key] = _numbers(settings[key], f"{where}.{key}", problems, whole=True)
    if settings["resize"] is not None and settings["spacing"] is not None:
        problems.add(f"{where}.resize", "does not go with spacing: each gives the image its grid")
    kind = settings["normalise"]
    if kind is None:
        settings["normalise"] = "none"
    elif kind not in NORMALISATIONS:
        problems.add(f"{where}.normalise", f"is {kind!r}", nearest(str(kind), list(NORMALISATIONS)))
    settings["slice"] = _slice(settings["slice"], f"{where}.slice", problems)
    _size_fits_slice(settings, where, problems)
    _check_window(settings, where, problems)
    return settings


def describe(
    settings: Mapping[str, Any], oriented: bool = True, series: bool = False, scan: bool = True
) -> str:
    """The settings in words, for the contract and the report's methods.

    Args:
        oriented: whether the images have axes that can be turned: a photograph or an array has none.
        series: whether they are series of one axis, of which each channel has a scale of its own.
        scan: whether they know their place in space, and may be masked.
    """
    parts = []
    if settings.get("window"):
        if settings["normalise"] != "none":
            how = NORMALISATIONS[settings["normalise"]].replace("image", "run")
            parts.append(f"each channel's values: {how}")
        parts.append(f"windows of {settings['window']} volumes, labelled by the middle one")
        return "; ".join(parts)
    if settings["orient"] and oriented:
        parts.append("oriented to RAS")
    if settings["spacing"] is not None:
        parts.append(
            f"resampled to {words.size(settings['spacing'])} mm (linear, low-pass filtered where coarser)"
        )
    if settings.get("resize") is not None:
        parts.append(f"resized to {words.size(settings['resize'])} (linear, low-pass filtered where smaller)")
    if settings["normalise"] == BY_FEATURE:
        parts.append("each feature to mean 0 and standard deviation 1 over the training part")
    elif settings["normalise"] != "none":
        how = NORMALISATIONS[settings["normalise"]]
        masked = _OF_MASKED if scan and settings["normalise"] == "zscore" else ""
        parts.append(
            f"each channel's values: {how.replace('image', 'series')}"
            if series
            else f"intensities: {how}{masked}"
        )
    if settings["size"] is not None:
        parts.append(f"cropped or padded to {words.size(settings['size'])}")
    taken = settings["slice"]
    if taken:
        position = words.number(taken["position"])
        what = f"{taken['plane']} slice at {position} of the axis"
        if taken["count"] > 1:
            apart = f", {taken['step']} apart" if taken["step"] > 1 else ""
            what = (
                f"{taken['count']} {taken['plane']} slices{apart}, around {position} of the axis as channels"
            )
        parts.append(what)
    return "; ".join(parts) or "as stored"


def _unknown(given: Mapping[str, Any], known: Mapping[str, Any], where: str, problems: Problems) -> None:
    for key in given:
        if key not in known:
            problems.add(f"{where}.{key}", "is no setting of preprocessing", nearest(str(key), list(known)))


def _is_number(value: Any, whole: bool) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return 1 <= value <= _LARGEST_SIZE and float(value).is_integer() if whole else 0.01 <= value <= 1000


def _numbers(value: Any, where: str, problems: Problems, whole: bool) -> Any:
    """`value` as None, one number, or a list of one to three numbers."""
    if value is None:
        return None
    several = isinstance(value, (list, tuple))
    items = list(value) if several else [value]
    if not (1 <= len(items) <= 3 and all(_is_number(item, whole) for item in items)):
        kind = f"whole numbers from 1 to {_LARGEST_SIZE}" if whole else "numbers of mm from 0.01 to 1000"
        problems.add(where, f"is {value!r}; expected one number for all axes, or one an axis: {kind}")
        return None
    converted: list[Any] = [int(item) if whole else float(item) for item in items]
    return converted if several else converted[0]


def _slice(value: Any, where: str, problems: Problems) -> dict[str, Any] | None:
    if value is None:
        return None
    if isinstance(value, str):
        value = {"plane": value}
    if not isinstance(value, Mapping):
        problems.add(where, f"is {value!r}; expected a plane ({', '.join(PLANES)}) or a map with one")
        return None
    _unknown(value, SLICE_DEFAULTS, where, problems)
    taken = {key: value.get(key, default) for key, default in SLICE_DEFAULTS.items()}
    if taken["plane"] not in PLANES:
        problems.add(f"{where}.plane", f"is {taken['plane']!r}", nearest(str(taken["plane"]), list(PLANES)))
    position = taken["position"]
    if isinstance(position, bool) or not isinstance(position, (int, float)) or not 0 <= position <= 1:
        problems.add(f"{where}.position", f"is {position!r}; expected 0 (first slice) to 1 (last slice)")
    else:
        taken["position"] = float(position)
    for key in ("count", "step"):
        if not _is_number(taken[key], whole=True):
            problems.add(f"{where}.{key}", f"is {taken[key]!r}; expected a whole number of at least 1")
        else:
            taken[key] = int(taken[key])
    if taken["as"] != "channels":
        problems.add(f"{where}.as", f"is {taken['as']!r}; expected channels")
    if taken["count"] == 1:
        taken["step"] = 1  # a step between slices of which there is one says nothing
    return taken


def _size_fits_slice(settings: Mapping[str, Any], where: str, problems: Problems) -> None:
    size, taken = settings["size"], settings["slice"]
    if taken and isinstance(size, list) and len(size) == 1:
        problems.add(
            f"{where}.size", f"is {size}; with a slice, expected two numbers (plane) or three (volume)"
        )


def _check_window(settings: Mapping[str, Any], where: str, problems: Problems) -> None:
    window = settings["window"]
    if window is None:
        return
    if not _is_number(window, whole=True):
        problems.add(
            f"{where}.window", f"is {window!r}; expected a whole number of volumes, 1 to {_LARGEST_SIZE}"
        )
    for key in ("spacing", "resize", "size", "slice"):
        if settings[key] is not None:
            problems.add(f"{where}.{key}", "does not go with window, which gives a series its length")
