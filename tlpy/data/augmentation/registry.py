"""Augmentations and presets by name. Imports no torch: planning reads it.

A params file names one, a preset, or a list of both: `augmentation: [flip, {name: affine, rotation: 10}]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tlpy.components import rules
from tlpy.components.declarations import Form
from tlpy.components.facts import Facts
from tlpy.components.registry import Registry, as_component
from tlpy.errors import InputError, Problem, Problems, nearest


class AugmentationFacts(Facts):
    """What an augmentation says of itself.

    Attributes:
        dims: the numbers of spatial axes that it is made for.
        vectors: whether it makes sense for vectors, whose features have no neighbours.
    """

    dims: ClassVar[tuple[int, ...]] = (1, 2, 3)
    vectors: ClassVar[bool] = False


_BASE = "tlpy.data.augmentation.base.Transform"

AUGMENTATIONS = Registry(
    "augmentation",
    AugmentationFacts,
    {
        "flip": "tlpy.data.augmentation.flip.Flip",
        "rot90": "tlpy.data.augmentation.rot90.Rot90",
        "affine": "tlpy.data.augmentation.affine.Affine",
        "elastic": "tlpy.data.augmentation.elastic.Elastic",
        "crop": "tlpy.data.augmentation.crop.Crop",
        "bias_field": "tlpy.data.augmentation.bias_field.BiasField",
        "gamma": "tlpy.data.augmentation.gamma.Gamma",
        "blur": "tlpy.data.augmentation.blur.Blur",
        "noise": "tlpy.data.augmentation.noise.Noise",
        "ghosting": "tlpy.data.augmentation.ghosting.Ghosting",
        "motion": "tlpy.data.augmentation.motion.Motion",
    },
    Form(
        f"a {_BASE} with draw(random, count, size) and apply(images, values, background)",
        ("draw(random, count, size)", "apply(images, values, background)"),
        (_BASE,),
    ),
    makes=_BASE,
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

_AXES = rules.list_of(rules.WHOLE, 0)


def complete_augmentation(
    value: Any, where: str, size: Sequence[int] | None = None, vectors: bool = False
) -> list[dict[str, Any]] | None:
    """`value` as a list of components with their defaults, presets expanded; None where nothing is left.

    What has a probability of 0 does nothing, and is left out.

    Args:
        value: null, a name, a preset, a component with arguments, or a list of them.
        where: the param's path, for messages.
        size: the spatial size of the images, where it is known.
        vectors: whether they are vectors.

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
        component = as_component(item, place)
        if component["name"] in PRESETS:
            if len(component) > 1:
                problems.add(place, f"the preset '{component['name']}' takes no arguments")
            components = [dict(step) for step in PRESETS[component["name"]]]
        else:
            components = [component]
        for step in components:
            try:
                completed.append(_complete(step, place, size, vectors))
            except InputError as error:
                problems.extend(error.problems)
    problems.raise_if_any()
    return [step for step in completed if step.get("p") != 0] or None


def _complete(
    value: Mapping[str, Any], where: str, size: Sequence[int] | None, vectors: bool
) -> dict[str, Any]:
    name = value["name"]
    if "." not in name and name not in AUGMENTATIONS:
        hint = nearest(name, [*AUGMENTATIONS.names(), *PRESETS])
        raise InputError([Problem(where, f"unknown augmentation '{name}'", hint)])
    component = AUGMENTATIONS.complete(value, where)
    if vectors and not AUGMENTATIONS.facts(name).vectors:
        able = [other for other in AUGMENTATIONS.names() if AUGMENTATIONS.facts(other).vectors]
        message = f"{name} changes images; features of vectors have no neighbours"
        raise InputError([Problem(where, message, f"use {' or '.join(able)}")])
    if size is not None:
        _check_fit(component, size, where)
    return component


def _check_fit(component: Mapping[str, Any], size: Sequence[int], where: str) -> None:
    """Raises `InputError` where an augmentation, or an argument of it, does not fit the images."""
    problems, dims = Problems(), len(size)
    declaration = AUGMENTATIONS.declaration(component["name"], where)
    if dims not in declaration.facts.dims:
        allowed = " or ".join(f"{n}" for n in declaration.facts.dims)
        message = f"{declaration.shown} is for images with {allowed} axes, these have {dims}"
        raise InputError([Problem(where, message)])
    # In an own class, too, these two say which axes there must be, and how far an image is padded.
    axes: Any = component.get("axes")
    padding: Any = component.get("padding")
    beyond = [axis for axis in axes if axis >= dims] if _AXES.holds(axes) else []
    if beyond:
        problems.add(f"{where}.axes", f"the images have {dims} axes, there is no axis {beyond[0]}")
    if rules.is_number(padding) and padding >= min(size):
        problems.add(f"{where}.padding", f"expected less than the smallest axis of {min(size)}")
    problems.raise_if_any()
