"""From a component in a params file to a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from tlpy.architectures.base import Architecture, measure_features
from tlpy.architectures.family import Family
from tlpy.architectures.registry import ARCHITECTURES, complete_architecture, family_of
from tlpy.errors import InputError, Problem


def build(
    component: Mapping[str, Any], channels: int, size: Sequence[int], heads: Mapping[str, int]
) -> Architecture:
    """An encoder for images of `channels` and `size`, with a head per label.

    An own encoder is named by class path: a class (or function) that takes `channels` and `size`
    and its own arguments, and gives a module from (batch, channels, *size) to (batch, features).
    It may say the number of its features in `width` and its layer groups in `layer_groups()`.
    A `Family` of one's own says these itself, and builds its network.

    Args:
        component: name or class path with arguments; defaults are filled in.
        channels: input channels.
        size: the images' spatial size; its length is the number of dimensions.
        heads: outputs per label.

    Raises:
        InputError: unknown name or argument, or a class that is not an encoder.
    """
    shape = tuple(size)
    name = component["name"]
    groups, dropout = None, 0.0
    if is_family(name):
        family = family_of(complete_architecture(component, "architecture", shape))
        try:
            encoder = family.encoder(channels, shape)
        except TypeError as error:
            hint = "a network is made with its family, channels and size"
            raise InputError([Problem("architecture", f"{name}: {error}", hint)]) from error
        groups, dropout = family.layer_groups(), family.head_dropout
    else:
        encoder = ARCHITECTURES.make(component, channels=channels, size=shape)
    if not isinstance(encoder, nn.Module):
        message = f"{name} gives {type(encoder).__name__}, expected a torch.nn.Module"
        raise InputError([Problem("architecture", message)])
    try:
        features = measure_features(encoder, channels, shape, name)
    except (TypeError, RuntimeError) as error:
        raise InputError([Problem("architecture", str(error))]) from error
    return Architecture(encoder, features, heads, dropout, channels, shape, groups)


def is_family(name: str) -> bool:
    """Whether a name or class path leads to a `Family`.

    Raises:
        InputError: it leads nowhere.
    """
    found = ARCHITECTURES.load(name)
    return isinstance(found, type) and issubclass(found, Family)
