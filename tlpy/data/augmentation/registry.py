"""Augmentations and presets by name. Imports no torch: planning reads it.

A params file names one, a preset, or a list of both: `augmentation: [flip, {name: affine, rotation: 10}]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tlpy.components import rules
from tlpy.components.legacy import Entry, Registry
from tlpy.components.registry import as_component
from tlpy.components.rules import Rule
from tlpy.errors import InputError, Problem, Problems, nearest


@dataclass(frozen=True)
class AugmentationEntry(Entry):
    """An augmentation, and the numbers of spatial axes it is made for."""

    dims: tuple[int, ...] = (1, 2, 3)


def _entry(
    name: str, target: str, arguments: Mapping[str, Any], summary: str, dims: tuple[int, ...] = (1, 2, 3)
) -> AugmentationEntry:
    path = f"tlpy.data.augmentation.{name}:{target}"
    return AugmentationEntry(name, path, {"p": 0.5, **arguments}, summary, dims)


AUGMENTATIONS: Registry[AugmentationEntry] = Registry(
    "augmentation",
    [
        _entry("flip", "Flip", {"axes": [0]}, "mirror each of `axes`, with probability p each"),
        _entry("rot90", "Rot90", {"axes": [0, 1]}, "quarter turns in a plane", (2, 3)),
        _entry(
            "affine",
            "Affine",
            {"rotation": 10.0, "scaling": 0.1, "translation": 0.0, "shear": 0.0, "fill": "background"},
            "rotate and shear (degrees), scale (share), shift (share of the size)",
        ),
        _entry(
            "elastic",
            "Elastic",
            {"cells": 4, "amount": 0.3, "fill": "background"},
            "a smooth random deformation that never folds (cubic B-splines)",
        ),
        _entry("crop", "Crop", {"padding": 4, "fill": "background"}, "pad, then crop at random to the size"),
        _entry("bias_field", "BiasField", {"amount": 0.2, "order": 3}, "a smooth multiplicative field"),
        _entry("gamma", "Gamma", {"amount": 0.3}, "intensities to a power of exp(-amount) to exp(amount)"),
        _entry("blur", "Blur", {"sd": 1.0}, "Gaussian smoothing of 0 to sd pixels or voxels"),
        _entry("noise", "Noise", {"sd": 0.1}, "Gaussian noise of 0 to sd times the image's own sd"),
        _entry(
            "ghosting",
            "Ghosting",
            {"amount": 0.8, "ghosts": 5},
            "MRI ghosts along a phase-encoding axis",
            (2, 3),
        ),
        _entry(
            "motion",
            "Motion",
            {"rotation": 5.0, "translation": 0.03, "moves": 2},
            "MRI motion: lines of k-space from several poses",
            (2, 3),
        ),
    ],
)

# For brains, left and right are axis 0 of a volume in RAS order and of its axial and coronal slices.
PRESETS: dict[str, list[dict[str, Any]]] = {
    "brain": [
        {"name": "flip", "axes": [0]},
        {"name": "affine", "rotation": 10, "scaling": 0.1, "translation": 0.05},
        {"name": "elastic", "p": 0.2},
        {"name": "motion", "p": 0.05},
        {"name": "ghosting", "p": 0.05},
        {"name": "bias_field", "p": 0.3},
        {"name": "gamma", "p": 0.3},
        {"name": "blur", "p": 0.1, "sd": 0.7},
        {"name": "noise", "p": 0.3},
    ],
    # Pictures: rows are axis 0, columns axis 1.
    "image": [
        {"name": "flip", "axes": [1]},
        {
            "name": "affine",
            "rotation": 10,
            "scaling": 0.1,
            "translation": 0.05,
            "shear": 5,
            "fill": "reflect",
        },
        {"name": "gamma", "p": 0.3},
        {"name": "blur", "p": 0.1, "sd": 0.7},
        {"name": "noise", "p": 0.3},
    ],
}

_FILLS = rules.one_of("background", "edge", "reflect")
_AXIS = Rule(lambda v: isinstance(v, int) and not isinstance(v, bool) and 0 <= v <= 2, "an axis")


def _axes(least: int, most: int, expected: str) -> Rule:
    several = rules.list_of(_AXIS, least, most)
    return Rule(lambda v: several.holds(v) and len(set(v)) == len(v), expected)


def _up_to(most: float) -> Rule:
    return Rule(lambda v: rules.is_number(v) and 0 <= v <= most, f"a number from 0 to {most:g}")


_RULES: dict[str, dict[str, Rule]] = {
    "flip": {"axes": _axes(1, 3, "a list of different axes, each 0, 1 or 2")},
    "rot90": {"axes": _axes(2, 2, "two different axes, each 0, 1 or 2")},
    "affine": {
        "rotation": _up_to(180),
        "scaling": rules.FROM_ZERO,
        "translation": rules.SHARE,
        "shear": _up_to(60),
    },
    # Beyond 0.4 cubic B-splines may fold in 3D (Choi and Lee 2000).
    "elastic": {"cells": rules.COUNT, "amount": _up_to(0.4)},
    "crop": {"padding": rules.COUNT},
    "bias_field": {"amount": rules.FROM_ZERO, "order": rules.COUNT},
    "gamma": {"amount": rules.FROM_ZERO},
    "blur": {"sd": rules.FROM_ZERO},
    "noise": {"sd": rules.FROM_ZERO},
    "ghosting": {
        "amount": rules.SHARE,
        "ghosts": Rule(lambda v: rules.is_count(v) and v >= 2, "a whole number of at least 2"),
    },
    "motion": {"rotation": _up_to(180), "translation": rules.SHARE, "moves": rules.COUNT},
}


def complete_augmentation(
    value: Any, where: str, size: Sequence[int] | None = None
) -> list[dict[str, Any]] | None:
    """`value` as a list of components with their defaults, presets expanded; None where nothing is left.

    What has a probability of 0 does nothing, and is left out.

    Args:
        value: null, a name, a preset, a component with arguments, or a list of them.
        where: the param's path, for messages.
        size: the spatial size of the images, where it is known.

    Raises:
        InputError: an unknown name or argument, a value out of range, or one that does not fit the images.
    """
    if value is None or value == "none":
        return None
    problems = Problems()
    several = isinstance(value, list | tuple)
    completed = []
    for number, item in enumerate(value if several else [value]):
        place = f"{where}[{number}]" if several else where
        component = as_component(item)
        if component["name"] in PRESETS:
            if len(component) > 1:
                problems.add(place, f"the preset '{component['name']}' takes no arguments")
            components = [dict(step) for step in PRESETS[component["name"]]]
        else:
            components = [component]
        for step in components:
            try:
                completed.append(_complete(step, place, size, problems))
            except InputError as error:
                problems.extend(error.problems)
    problems.raise_if_any()
    return [step for step in completed if step.get("p") != 0] or None


def _complete(
    value: Mapping[str, Any], where: str, size: Sequence[int] | None, problems: Problems
) -> dict[str, Any]:
    name = value["name"]
    if "." not in name and name not in AUGMENTATIONS:
        hint = nearest(name, [*AUGMENTATIONS.names(), *PRESETS])
        raise InputError([Problem(where, f"unknown augmentation '{name}'", hint)])
    component = AUGMENTATIONS.complete(value, where)
    if "." in name:
        return component
    entry = AUGMENTATIONS.entry(name)
    found = Problems()
    shared: dict[str, Rule] = {"p": rules.SHARE, "fill": _FILLS}
    rules.check(component, {**shared, **_RULES[name]}, where, found)
    if size is not None and not found:
        _check_fit(component, entry, size, where, found)
    problems.extend(found)
    return rules.settle(component, entry.arguments)


def _check_fit(
    component: Mapping[str, Any], entry: AugmentationEntry, size: Sequence[int], where: str, found: Problems
) -> None:
    dims = len(size)
    if dims not in entry.dims:
        allowed = " or ".join(f"{n}" for n in entry.dims)
        found.add(where, f"{entry.name} is for images with {allowed} axes, these have {dims}")
        return
    beyond = [axis for axis in component.get("axes", []) if axis >= dims]
    if beyond:
        found.add(f"{where}.axes", f"the images have {dims} axes, there is no axis {beyond[0]}")
    if component.get("padding", 0) >= min(size):
        found.add(f"{where}.padding", f"expected less than the smallest axis of {min(size)}")
