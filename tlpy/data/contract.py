"""The preprocessing contract: what an image must go through before it is shown to the weights.

It is stored with the weights, since a network is wrong, silently, on scans that were prepared in another way.
`preprocessing` and what follows from it bind; `observed` says what the images were like.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tlpy import words
from tlpy.data.preprocessing import describe

FORMAT = 1
# What differs in the images themselves: no settings tell it, so that it shows in training only.
SEEN_IN_IMAGES = ("axes", "spacing", "intensity")

# Two data sets that are not resampled count as of one spacing, and two that are not normalised as of one
# intensity scale, up to these ratios.
_SPACING_RATIO = 1.05
_INTENSITY_RATIO = 3.0


def build(
    preprocessing: Mapping[str, Any],
    channels: int,
    size: Sequence[int],
    axes: str | None,
    spacings: Sequence[Sequence[float] | None],
    intensities: Sequence[tuple[float, float, float, float]],
    features: Sequence[str] = (),
) -> dict[str, Any]:
    """The contract of prepared images.

    Args:
        preprocessing: settings from `preprocessing.validate`.
        channels, size: of a prepared image.
        axes: what each axis points to, e.g. `RA`; None where unknown.
        spacings: of each prepared image, mm along each axis; None where unknown.
        intensities: of each prepared image: minimum, maximum, mean, sd.
        features: of vectors, the features' names in order; empty where they have none.
    """
    known = np.array([spacing for spacing in spacings if spacing is not None], np.float64)
    spacing = None
    if len(known):
        rows = {
            "minimum": known.min(axis=0),
            "median": np.median(known, axis=0),
            "maximum": known.max(axis=0),
        }
        spacing = {name: [round(float(mm), 5) for mm in values] for name, values in rows.items()}
    return {
        "format": FORMAT,
        "dims": len(size),
        "channels": int(channels),
        "size": [int(n) for n in size],
        "axes": axes,
        **({"features": list(features)} if features else {}),
        "preprocessing": dict(preprocessing),
        "steps": describe(
            preprocessing, oriented=axes is not None, series=len(size) == 1, scan=spacing is not None
        ),
        "observed": {"images": len(intensities), "spacing": spacing, "intensity": _pooled(intensities)},
    }


def merge(contracts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One contract for the shards of one cache: what binds is equal in all, what was observed is pooled.

    Raises `ValueError` if what binds differs, or there is none.
    """
    filled = [contract for contract in contracts if contract["observed"]["images"]] or list(contracts)
    if not filled:
        raise ValueError("no contract to merge")
    first = dict(filled[0])
    for other in filled[1:]:
        if differing := _binding_differences(first, other):
            raise ValueError(f"shards of one cache differ: {'; '.join(map(str, differing))}")
    seen = [contract["observed"] for contract in filled]
    counts = [part["images"] for part in seen]
    spacings = [(part["spacing"], n) for part, n in zip(seen, counts, strict=True) if part["spacing"]]
    parts = [(part["intensity"], n) for part, n in zip(seen, counts, strict=True) if part["intensity"]]
    first["observed"] = {
        "images": sum(counts),
        "spacing": _pooled_spacing(spacings),
        "intensity": _pooled_parts(parts),
    }
    return first


@dataclass(frozen=True)
class Difference:
    """Something that weights were trained under, and that is otherwise in the images they are to see.

    Attributes:
        key: what differs.
        expected, found: in words; what the weights were trained under, and what there is.
        adapted: what is done to the weights so that they fit; empty: nothing.
    """

    key: str
    expected: str
    found: str
    adapted: str = ""

    def __str__(self) -> str:
        return f"{self.key}: expected {self.expected}, found {self.found}"


def planned(preprocessing: Mapping[str, Any], channels: int, size: Sequence[int]) -> dict[str, Any]:
    """What is known of a contract before any image was read: all that binds but the axes."""
    return {
        "format": FORMAT,
        "dims": len(size),
        "channels": int(channels),
        "size": [int(n) for n in size],
        "preprocessing": dict(preprocessing),
    }


def compare(contract: Mapping[str, Any], other: Mapping[str, Any]) -> list[Difference]:
    """Where images prepared under `other` are not what `contract` (stored with the weights) demands.

    An empty list means that they fit. What only one of the two knows (before images were read) is no
    difference. Where the first convolution is fitted to other channels, or convolutions are inflated to an
    axis more, that is said (`tlpy.weights.adapt`).
    """
    differing = _binding_differences(contract, other)
    mine, theirs = contract.get("observed") or _UNKNOWN, other.get("observed") or _UNKNOWN
    resampled = contract["preprocessing"]["spacing"] is not None
    if not resampled and mine["spacing"] and theirs["spacing"]:
        a, b = mine["spacing"]["median"], theirs["spacing"]["median"]
        if len(a) == len(b) and any(
            not 1 / _SPACING_RATIO < x / y < _SPACING_RATIO for x, y in zip(a, b, strict=True)
        ):
            differing.append(Difference("spacing", f"about {_mm(a)}", f"{_mm(b)} (nothing is resampled)"))
    unscaled = contract["preprocessing"]["normalise"] == "none"
    if unscaled and mine["intensity"] and theirs["intensity"]:
        a, b = mine["intensity"]["sd"], theirs["intensity"]["sd"]
        if a > 0 and not a / _INTENSITY_RATIO < b < a * _INTENSITY_RATIO:
            found = f"{b:.3g} (nothing is normalised)"
            differing.append(Difference("intensity", f"an sd of about {a:.3g}", found))
    return _explained(contract, other, differing)


def compare_trained(
    trained: Mapping[str, Any], images: Mapping[str, Any], datamodule: Mapping[str, Any]
) -> list[Difference]:
    """Where images, and what is done to batches of them, are not what weights were trained on.

    Args:
        trained: the contract.json that stands with the weights.
        images: the contract of the images they are to see.
        datamodule: that hands them over, completed.

    Raises:
        KeyError: `trained` or `images` is no such contract.
    """
    found = compare(trained["images"], images)
    before = trained.get("datamodule")
    if before is not None and before != dict(datamodule):
        found.append(Difference("datamodule", _text(before), _text(dict(datamodule))))
    return found


_UNKNOWN: dict[str, Any] = {"spacing": None, "intensity": None}


def _explained(
    contract: Mapping[str, Any], other: Mapping[str, Any], differing: list[Difference]
) -> list[Difference]:
    """The differences, with what is done about them."""
    how: dict[str, str] = {}
    if contract.get("channels") != other.get("channels"):
        how["channels"] = "the first convolution is fitted to them"
        slices = [one["preprocessing"].get("slice") for one in (contract, other)]
        if all(slices) and all(slices[0][key] == slices[1][key] for key in ("plane", "position")):
            how["preprocessing.slice"] = how["channels"]
    if other.get("dims") == (contract.get("dims") or 0) + 1:
        inflated = f"convolutions are inflated from {contract['dims']}D to {other['dims']}D"
        how |= dict.fromkeys(("dims", "size", "axes", "preprocessing.slice"), inflated)
    return [replace(one, adapted=how.get(one.key, "")) for one in differing]


def _binding_differences(contract: Mapping[str, Any], other: Mapping[str, Any]) -> list[Difference]:
    differing = [
        Difference(key, _text(contract[key]), _text(other[key]))
        for key in ("format", "dims", "channels", "size", "axes")
        if key in contract and key in other and contract[key] != other[key]
    ]
    differing += _other_features(contract.get("features", []), other.get("features", []))
    mine, theirs = contract["preprocessing"], other["preprocessing"]
    # The size asked for matters only through the size that came out, which is compared above.
    return differing + [
        Difference(f"preprocessing.{key}", _text(mine.get(key)), _text(theirs.get(key)))
        for key in ("orient", "spacing", "normalise", "slice")
        if mine.get(key) != theirs.get(key)
    ]


def _other_features(mine: Sequence[str], theirs: Sequence[str]) -> list[Difference]:
    """The first place where two lists of features differ; names are compared where both have them."""
    apart = (at for at, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b)
    at = next(apart, None)
    return [] if at is None else [Difference("features", f"{mine[at]} as number {at}", theirs[at])]


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return words.size(value) if isinstance(value, list) else words.setting(value)


def _mm(values: Sequence[float]) -> str:
    return words.size([float(f"{value:.3g}") for value in values]) + " mm"


def _pooled(rows: Sequence[tuple[float, float, float, float]]) -> dict[str, float] | None:
    names = ("minimum", "maximum", "mean", "sd")
    return _pooled_parts([(dict(zip(names, row, strict=True)), 1) for row in rows])


def _pooled_parts(parts: Sequence[tuple[Mapping[str, float], int]]) -> dict[str, float] | None:
    """Extremes, mean and sd over all voxels, from those of parts of equal image size and their counts."""
    if not parts:
        return None
    weights = np.array([count for _, count in parts], np.float64)
    means = np.array([part["mean"] for part, _ in parts])
    deviations = np.array([part["sd"] for part, _ in parts])
    mean = float(np.average(means, weights=weights))
    variance = float(np.average(deviations**2 + (means - mean) ** 2, weights=weights))
    pooled = {
        "minimum": min(part["minimum"] for part, _ in parts),
        "maximum": max(part["maximum"] for part, _ in parts),
        "mean": mean,
        "sd": variance**0.5,
    }
    return {name: float(f"{value:.6g}") for name, value in pooled.items()}


def _pooled_spacing(parts: Sequence[tuple[Mapping[str, list[float]], int]]) -> dict[str, list[float]] | None:
    if not parts:
        return None
    medians = np.repeat([part["median"] for part, _ in parts], [count for _, count in parts], axis=0)
    return {
        "minimum": np.min([part["minimum"] for part, _ in parts], axis=0).tolist(),
        "median": np.median(medians, axis=0).tolist(),
        "maximum": np.max([part["maximum"] for part, _ in parts], axis=0).tolist(),
    }
