"""Data modules by name. Imports no torch: planning reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlpy.components import rules
from tlpy.components.legacy import Entry, Registry
from tlpy.components.rules import Rule
from tlpy.errors import Problems

DATAMODULES: Registry[Entry] = Registry(
    "data module",
    [
        Entry("base", "tlpy.data.module:BaseDataModule", {}, "images as they were prepared"),
        Entry(
            "crop_center",
            "tlpy.data.modules.crop_center:CropCenterDataModule",
            {"size": None},
            "each image's middle, of `size`, cut out as a batch is loaded",
        ),
        Entry(
            "bio_image",
            "tlpy.data.modules.bio_image:BioImageDataModule",
            {"low": 1.0, "high": 99.0, "turns": True},
            "pictures and volumes without an upright: percentile scaling, random flips and quarter turns",
        ),
    ],
)

_PERCENT = Rule(lambda v: rules.is_number(v) and 0 <= v <= 100, "a percentage from 0 to 100")
_SIZE = Rule(
    lambda v: rules.is_count(v) or rules.list_of(rules.COUNT, 1, 3).holds(v),
    "one whole number for all axes, or a list with one for each",
)
_RULES = {"size": _SIZE, "low": _PERCENT, "high": _PERCENT, "turns": rules.FLAG}


def complete_datamodule(value: Any, where: str, size: Sequence[int] | None = None) -> dict[str, Any]:
    """`value` in its long form, with defaults; null is `base`.

    Args:
        value: null, a name, a class path, or either with arguments.
        where: the param's path, for messages.
        size: the spatial size of the prepared images, where it is known.

    Raises:
        InputError: an unknown name or argument, or a value out of range.
    """

    def check_fit(component: dict[str, Any], problems: Problems) -> None:
        if component["name"] == "bio_image" and component["low"] >= component["high"]:
            problems.add(where, f"low ({component['low']:g}) must be below high ({component['high']:g})")
        if component["name"] == "crop_center" and size is not None:
            crop = crop_size(component["size"], len(size))
            if len(crop) != len(size) or any(c > n for c, n in zip(crop, size, strict=False)):
                shown = "×".join(map(str, size))
                problems.add(f"{where}.size", f"{component['size']} does not fit into the images' {shown}")
            component["size"] = list(crop)

    return DATAMODULES.settle("base" if value is None else value, where, _RULES, check_fit)


def augmentations_of(component: Mapping[str, Any]) -> tuple[str, ...]:
    """The augmentations that a data module brings along, by name."""
    return ("flip", "rot90") if component["name"] == "bio_image" and component["turns"] else ()


def crop_size(size: int | Sequence[int], dims: int) -> tuple[int, ...]:
    """One number an axis."""
    return (size,) * dims if isinstance(size, int) else tuple(size)


def input_size(component: Mapping[str, Any], size: Sequence[int]) -> tuple[int, ...]:
    """The spatial size of what a network gets from the data module, given that of the prepared images.

    What changes the size says so by the argument `size`, in an own class too.
    """
    return crop_size(component["size"], len(size)) if component.get("size") else tuple(size)
