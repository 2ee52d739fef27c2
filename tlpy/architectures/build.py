"""From a component in a params file to a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from tlpy.architectures.base import Architecture, measure_features
from tlpy.architectures.registry import ARCHITECTURES, complete_architecture
from tlpy.errors import InputError, Problem


def build(
    component: Mapping[str, Any], channels: int, size: Sequence[int], heads: Mapping[str, int]
) -> Architecture:
    """An encoder for images of `channels` and `size`, with a head per label.

    An own encoder is named by class path: a class (or function) that takes `channels` and `size`
    and its own arguments, and gives a module from (batch, channels, *size) to (batch, features).
    It may say the number of its features in `width` and its layer groups in `layer_groups()`.

    Args:
        component: name or class path with arguments; defaults are filled in.
        channels: input channels.
        size: the images' spatial size; its length is the number of dimensions.
        heads: outputs per label.

    Raises:
        InputError: unknown name or argument, or a class that is not an encoder.
    """
    shape = tuple(size)
    if "." in component["name"]:
        encoder = _own_encoder(component, channels, shape)
        try:
            features = measure_features(encoder, channels, shape, component["name"])
        except (TypeError, RuntimeError) as error:
            raise InputError([Problem("architecture", str(error))]) from error
        return Architecture(encoder, features, heads, channels=channels, size=shape)
    arguments = complete_architecture(dict(component), "architecture", shape)
    name = arguments.pop("name")
    # Where a network has no place of its own for dropout, it goes between features and heads.
    before_heads = (
        0.0 if ARCHITECTURES.entry(name).family in ("vit", "swin", "densenet") else arguments.pop("dropout")
    )
    encoder = ARCHITECTURES.load(name)(name, channels=channels, size=shape, **arguments)
    return Architecture(encoder, encoder.width, heads, before_heads, channels, shape)


def _own_encoder(component: Mapping[str, Any], channels: int, size: tuple[int, ...]) -> nn.Module:
    path = component["name"]
    arguments = {key: value for key, value in component.items() if key != "name"}
    try:
        made = ARCHITECTURES.load(path)
    except (ImportError, AttributeError) as error:
        hint = "a class path is module.Class; give its folder by `components:`"
        raise InputError([Problem("architecture", f"{path} was not found: {error}", hint)]) from error
    try:
        encoder = made(channels=channels, size=size, **arguments)
    except TypeError as error:
        raise InputError(
            [Problem("architecture", f"{path} takes channels, size and its arguments: {error}")]
        ) from error
    if not isinstance(encoder, nn.Module):
        message = f"{path} gives {type(encoder).__name__}, expected a torch.nn.Module"
        raise InputError([Problem("architecture", message)])
    return encoder
