"""From a component in a params file to a data module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlpy import words
from tlpy.data.module import BaseDataModule
from tlpy.data.modules.registry import DATAMODULES
from tlpy.errors import InputError, Problem


def build_datamodule(component: Mapping[str, Any], shape: Sequence[int], **common: Any) -> BaseDataModule:
    """The data module of a stage's record.

    Args:
        component: name or class path with arguments.
        shape: what the network takes of an image: (channels, *size).
        common: what `BaseDataModule` takes: parts, batch_size, seed, …

    Raises:
        InputError: a class path that is not found, or is no `BaseDataModule`; arguments it doesn't take;
            images of another shape.
    """
    name = component["name"]
    module: BaseDataModule = DATAMODULES.make(component, where="datamodule", **common)
    image = module.parts["train"][0][0][None]
    given = tuple(module.on_device(module.on_load(image)).shape[1:])
    if given != tuple(shape):
        hint = "a data module that changes the size of images is told it by its argument `size`"
        shapes = f"{words.size(given)} (channels × size), expected {words.size(shape)}"
        raise InputError([Problem("datamodule", f"{name} gives images of {shapes}", hint)])
    return module
