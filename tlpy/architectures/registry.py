"""The architectures by name. Imports no torch: planning reads it.

To add a family: one file in `families/` that declares it (arguments, facts, layers, their groups, cost), and
a line here for each of its names. Its torch side, which it names, is a file in `networks/`. Nothing else
knows a family by its name.

An own architecture is a class path (`my_module.MyEncoder`): a network; see `tlpy.architectures.build`. Or a
`Family` of one's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from tlpy import words
from tlpy.architectures.family import ArchitectureFacts, Family
from tlpy.components.declarations import Form
from tlpy.components.loading import describe_fault
from tlpy.components.registry import Registry, as_component
from tlpy.errors import InputError, Problem, Problems

_FAMILIES = "tlpy.architectures.families"
_BASE = "tlpy.architectures.family.Family"

ARCHITECTURES = Registry(
    "architecture",
    ArchitectureFacts,
    {
        "resnet10": f"{_FAMILIES}.resnet.ResNet10",
        "resnet18": f"{_FAMILIES}.resnet.ResNet18",
        "resnet34": f"{_FAMILIES}.resnet.ResNet34",
        "resnet50": f"{_FAMILIES}.resnet.ResNet50",
        "resnet101": f"{_FAMILIES}.resnet.ResNet101",
        "resnet152": f"{_FAMILIES}.resnet.ResNet152",
        "densenet121": f"{_FAMILIES}.densenet.DenseNet121",
        "densenet169": f"{_FAMILIES}.densenet.DenseNet169",
        "densenet201": f"{_FAMILIES}.densenet.DenseNet201",
        "sfcn": f"{_FAMILIES}.sfcn.SFCN",
        "vit": f"{_FAMILIES}.vit.ViT",
        "swin": f"{_FAMILIES}.swin.Swin",
        "mlp": f"{_FAMILIES}.mlp.MLP",
    },
    Form(
        f"a {_BASE} with layer_names(), layer_groups() and macs(size, channels)",
        ("layer_names()", "layer_groups()", "macs(size, channels)"),
        (_BASE,),
    ),
    Form(
        "a torch.nn.Module that takes channels, size and its arguments, from images (batch, channels, *size) "
        "to features (batch, features)",
        ("forward(images)",),
        elsewhere=("torch.nn.Module",),
        given=("channels", "size"),
        function=True,
    ),
)


def complete_architecture(
    value: Any, where: str, size: Sequence[int] | None = None, vectors: bool | None = None
) -> dict[str, Any]:
    """`value` in its long form, with defaults filled in and every argument checked.

    Args:
        value: a name, a class path, or either with arguments.
        where: the param's path, for messages.
        size: the image's spatial size; where it is known, a family's `dims` becomes its length.
        vectors: whether the images are vectors, where that is known.

    Raises:
        InputError: an unknown name or argument, a value out of range, or an image with a number
            of axes the architecture does not work in; vectors in a network for images, or the reverse.
    """
    given = as_component(value, where)
    facts = ARCHITECTURES.facts(given["name"], where)
    problems = Problems()
    problems.extend(_misfits(given, facts, where, size, vectors))
    try:
        component = ARCHITECTURES.complete(given, where)
    except InputError as error:
        problems.extend(error.problems)
    problems.raise_if_any()
    if facts.planned:
        if size is not None:
            component["dims"] = len(size)
        with blamed(component, where):
            for argument, message in family_of(component, where).faults().items():
                problems.add(f"{where}.{argument}", message)
    problems.raise_if_any()
    return component


def family_of(component: Mapping[str, Any], where: str = "architecture") -> Family:
    """The family that a component asks for, made; ask for it where its facts say `planned`.

    Args:
        component: a name, or the class path of a family, with arguments.
        where: the param's path, for messages.

    Raises:
        InputError: an unknown name or argument, or a class path that leads nowhere.
    """
    family: Family = ARCHITECTURES.make(component, where=where)
    return family


@contextmanager
def blamed(component: Mapping[str, Any], where: str = "architecture") -> Iterator[None]:
    """Within, whatever goes wrong in a family is told as its fault: an own one may fail in any way.

    Raises:
        InputError: it did.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError([Problem(where, f"{component['name']} failed: {describe_fault(error)}")]) from error


def _misfits(
    given: Mapping[str, Any],
    facts: type[ArchitectureFacts],
    where: str,
    size: Sequence[int] | None,
    vectors: bool | None,
) -> Iterator[Problem]:
    """Images of a kind or a number of axes that an architecture does not work in."""
    kind = None if vectors is None else "vectors" if vectors else "images"
    if kind is not None and kind not in facts.takes:
        yield _other_kind(given["name"], kind, where, size)
        return
    name, works = given["name"], f"works in {', '.join(map(str, facts.dimensions))} dimensions"
    dims = given.get("dims") if facts.planned else None
    if dims is not None and dims not in facts.dimensions:
        yield Problem(f"{where}.dims", f"{name} {works}, found {dims!r}")
    elif size is not None and dims is not None and dims != len(size):
        found = f"{len(size)} axes ({words.size(size)})"
        yield Problem(f"{where}.dims", f"found {dims}, but the prepared images have {found}")
    elif size is not None and len(size) not in facts.dimensions:
        yield Problem(where, f"{name} {works}, the images have {len(size)}")


def _other_kind(name: str, kind: str, where: str, size: Sequence[int] | None) -> Problem:
    """Vectors in a network for images, or images in one for vectors."""
    able = [other for other in ARCHITECTURES.names() if kind in ARCHITECTURES.facts(other).takes]
    if kind == "vectors":
        found = "these are vectors, whose features have no neighbours"
        return Problem(where, f"{name} is for images, {found}", f"use {' or '.join(able)}")
    found = f"these are images of {words.size(size)}" if size else "these are images"
    return Problem(where, f"{name} is for vectors (features of subjects), {found}", f"use {', '.join(able)}")
