"""The layers of the architectures that planning can ask, by name: it checks `up_to` and `blocks` with them.

A test holds these names and those of the networks together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlpy.architectures.family import HEADS
from tlpy.architectures.registry import blamed, family_of
from tlpy.errors import InputError, Problem, nearest


def layer_names(component: Mapping[str, Any]) -> list[str]:
    """The encoder's layers that have parameters, in definition order, as `tlpy layers` lists them.

    Args:
        component: an architecture whose facts say `planned`, with its arguments.

    Raises:
        InputError: an unknown name or argument.
    """
    with blamed(component):
        return list(family_of(component).layer_names())


def block_names(component: Mapping[str, Any]) -> list[str]:
    """The layer groups of an architecture in definition order, the heads last.

    They are what `{name: freeze, blocks: [m, n]}` counts, from 1; ten for ResNet-18, as in MetaLR.
    Arguments and errors are those of `layer_names`.
    """
    with blamed(component):
        return [*(name for name, _ in family_of(component).layer_groups()), HEADS]


def check_layer(component: Mapping[str, Any], layer: str, where: str) -> None:
    """Whether `layer` is a layer, a block, or a parameter of a layer of this architecture.

    Raises:
        InputError: there is none of that name; names the nearest one.
    """
    wanted = layer.removeprefix("encoder.")
    layers = layer_names(component)
    blocks = block_names(component)
    inside = any(name.startswith(f"{wanted}.") for name in layers)
    if wanted in {*layers, *blocks} or inside or wanted.rpartition(".")[0] in layers:
        return
    close = nearest(wanted, [*layers, *blocks], f"the first are {', '.join(layers[:4])}")
    hint = f"{close}; `tlpy layers {component['name']} --dims N` lists all"
    raise InputError([Problem(where, f"{component['name']} has no layer '{layer}'", hint)])
