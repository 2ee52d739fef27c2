"""The names that planning knows are those of the networks."""

from __future__ import annotations

from typing import Any

import pytest

from tlpy.architectures.layer_names import check_layer, layer_names
from tlpy.architectures.listing import describe_layers
from tlpy.architectures.registry import ARCHITECTURES
from tlpy.errors import InputError

COMPONENTS: list[dict[str, Any]] = [
    *({"name": name} for name in ARCHITECTURES.names() if name not in ("resnet152", "densenet201")),
    {"name": "resnet34", "shortcut": "A"},
    {"name": "resnet50", "shortcut": "A", "filters": 8},
    {"name": "densenet121", "growth": 4, "max_pool": False},
    {"name": "sfcn", "filters": [4, 8, 4]},
    {"name": "vit", "depth": 2, "positions": "sincos", "qkv_bias": True},
    {"name": "swin", "depths": [1, 2, 1, 1], "embed": 12},
]


@pytest.mark.parametrize("component", COMPONENTS, ids=str)
def test_names_are_the_networks(component: dict[str, Any]) -> None:
    size = (32, 32) if component["name"] == "swin" else None
    dims = 2 if 2 in ARCHITECTURES.facts(component["name"]).dimensions else 1
    found = [layer["name"] for layer in describe_layers(component, dims=dims, size=size)["layers"]]
    assert layer_names(component) == [name for name in found if not name.startswith("heads.")]


@pytest.mark.parametrize(
    "layer",
    [
        "layer3.1.conv1",
        "layer3.1",
        "layer3",
        "heads",
        "stem",
        "encoder.layer4.0.bn2",
        "conv1.weight",
    ],
)
def test_what_can_be_named(layer: str) -> None:
    check_layer({"name": "resnet18"}, layer, "here")


@pytest.mark.parametrize(
    ("layer", "hint"),
    [
        ("layer3.1.conv3", "did you mean 'layer3.1.conv2'?"),
        ("layer9.0", "did you mean 'layer"),
        ("patches", "the first are conv1, bn1"),
    ],
)
def test_what_cannot(layer: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        check_layer({"name": "resnet18"}, layer, "stages[1].transfer.up_to")
    message = str(caught.value)
    assert message.startswith(f"stages[1].transfer.up_to: resnet18 has no layer '{layer}' ({hint}")
    assert "`tlpy layers resnet18 --dims N` lists all" in message
