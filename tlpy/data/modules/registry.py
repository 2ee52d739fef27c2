"""Data modules by name. Imports no torch: planning reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tlpy.components import rules
from tlpy.components.declarations import Declaration, Form
from tlpy.components.facts import Facts
from tlpy.components.registry import Registry
from tlpy.components.relations import check_named
from tlpy.data.augmentation.registry import AUGMENTATIONS
from tlpy.errors import Problems


class DataModuleFacts(Facts):
    """What a data module says of itself.

    Attributes:
        augments: the augmentations that it brings along, by name: a term that they spoil is refused.
        augments_if: its argument, true or false, that says whether it brings them; empty: always.
        vectors: whether it makes sense for vectors.
        crops: its argument `size` is cut out of the images: one number, or one an axis, at most theirs.
    """

    augments: ClassVar[tuple[str, ...]] = ()
    augments_if: ClassVar[str] = ""
    crops: ClassVar[bool] = False
    vectors: ClassVar[bool] = True


_BASE = "tlpy.data.module.BaseDataModule"

DATAMODULES = Registry(
    "data module",
    DataModuleFacts,
    {
        "base": _BASE,
        "crop_center": "tlpy.data.modules.crop_center.CropCenterDataModule",
        "bio_image": "tlpy.data.modules.bio_image.BioImageDataModule",
    },
    Form(
        f"a subclass of {_BASE}",
        bases=(_BASE,),
        given=("parts", "batch_size", "seed", "sampling", "pin_memory", "augmentation"),
        # Given where a stage has images without labels.
        hidden=("others", "shares"),
    ),
    makes=_BASE,
)


def complete_datamodule(
    value: Any, where: str, size: Sequence[int] | None = None, vectors: bool = False
) -> dict[str, Any]:
    """`value` in its long form, with defaults; null is `base`.

    Args:
        value: null, a name, a class path, or either with arguments.
        where: the param's path, for messages.
        size: the spatial size of the prepared images, where it is known.
        vectors: whether they are vectors.

    Raises:
        InputError: an unknown name or argument, or a value out of range.
    """
    component = DATAMODULES.complete("base" if value is None else value, where)
    declaration, problems = DATAMODULES.declaration(component["name"], where), Problems()
    _check_facts(declaration, where, problems)
    if vectors and not declaration.facts.vectors:
        problems.add(where, f"{declaration.shown} is for images, these are vectors", "leave it out")
    problems.raise_if_any()
    if declaration.facts.crops and size is not None:
        component["size"] = _fitting(component.get("size"), size, f"{where}.size", problems)
        problems.raise_if_any()
    return component


def _check_facts(declaration: Declaration[DataModuleFacts], where: str, problems: Problems) -> None:
    """Add what the facts of a data module name, but is not there: arguments of its own, augmentations."""
    facts, component = declaration.facts, (declaration.name, declaration.shown)
    names = AUGMENTATIONS.names()
    check_named("augments", facts.augments, names, "augmentation", component, where, problems)
    if declaration.parameters is None or declaration.anything:
        return
    switch, size = [facts.augments_if] if facts.augments_if else [], ["size"] if facts.crops else []
    for fact, named in (("augments_if", switch), ("crops", size)):
        check_named(fact, named, declaration.parameters, "argument", component, where, problems)


def _fitting(crop: Any, size: Sequence[int], where: str, problems: Problems) -> list[int]:
    """What is cut out of images of `size`, one number an axis."""
    rule = rules.rule_for(rules.PerAxis)
    if rule and not rule.holds(crop):
        problems.add(where, f"expected {rule.expected}, found {crop!r}")
        return []
    kept = crop_size(crop, len(size))
    if len(kept) != len(size) or any(k > n for k, n in zip(kept, size, strict=False)):
        problems.add(where, f"{crop} does not fit into the images' {'×'.join(map(str, size))}")
    return list(kept)


def augmentations_of(component: Mapping[str, Any]) -> tuple[str, ...]:
    """The augmentations that a data module brings along, by name."""
    facts = DATAMODULES.facts(component["name"])
    return facts.augments if not facts.augments_if or component.get(facts.augments_if) else ()


def augmenting_argument(component: Mapping[str, Any]) -> str:
    """The argument of a data module that says whether it brings augmentations along; empty: it has none."""
    return DATAMODULES.facts(component["name"]).augments_if


def crop_size(size: int | Sequence[int], dims: int) -> tuple[int, ...]:
    """One number an axis."""
    return (size,) * dims if isinstance(size, int) else tuple(size)


def input_size(component: Mapping[str, Any], size: Sequence[int]) -> tuple[int, ...]:
    """The spatial size of what a network gets from the data module, given that of the prepared images.

    What changes the size says so by the argument `size`, in an own class too.
    """
    return crop_size(component["size"], len(size)) if component.get("size") else tuple(size)
