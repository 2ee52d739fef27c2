"""Exact numbers of parameters: TLIMB's Table 4, SFCN, and what published weights expect."""

from __future__ import annotations

import pytest
import torch

from tlpy.architectures.base import count_parameters
from tlpy.architectures.build import build
from tlpy.architectures.families.sfcn import SFCN
from tlpy.architectures.listing import describe_layers
from tlpy.transfer.apply import apply

LAYERS = [None, "layer3.1.conv1", "layer4.0.conv1", "layer4.1.conv1"]
ONE = [11_171_649, 9_575_425, 8_394_753, 4_721_153]
TWO = [11_172_162, 9_575_938, 8_395_266, 4_721_666]
MEDICALNET = [
    ("resnet10", 14_355_520, {"shortcut": "B", "shortcut_bias": False}),
    ("resnet18", 32_986_176, {"shortcut": "A", "shortcut_bias": True}),
    ("resnet34", 63_295_808, {"shortcut": "A", "shortcut_bias": True}),
    ("resnet50", 46_155_072, {"shortcut": "B", "shortcut_bias": False}),
]


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("index", range(4))
def test_table_4_by_freezing_and_by_listing(index: int, outputs: int) -> None:
    layer, expected = LAYERS[index], (ONE, TWO)[outputs - 1][index]
    architecture = build({"name": "resnet18"}, 1, (56, 72), {"sex": outputs})
    apply({"name": "freeze", "up_to": layer} if layer else None, architecture)
    assert count_parameters(architecture) == ((ONE, TWO)[outputs - 1][0], expected)
    listed = describe_layers({"name": "resnet18"}, dims=2, channels=1, outputs=outputs, up_to=layer)
    assert (listed["total"], listed["trainable"]) == ((ONE, TWO)[outputs - 1][0], expected)


def test_resnet18_in_3d() -> None:
    assert describe_layers({"name": "resnet18"}, dims=3)["total"] == 33_161_409


def test_sfcn_and_its_features() -> None:
    assert describe_layers({"name": "sfcn"}, dims=3, outputs=40)["total"] == 2_952_936
    assert sum(p.numel() for p in SFCN().encoder(1, (8, 8, 8)).parameters()) == 2_950_336


def test_densenet_of_the_thesis_chain() -> None:
    assert describe_layers({"name": "densenet121"}, channels=3, outputs=2)["total"] == 6_955_906


@pytest.mark.parametrize(("name", "expected", "arguments"), MEDICALNET)
def test_encoders_are_what_medicalnet_weights_expect(
    name: str, expected: int, arguments: dict[str, object]
) -> None:
    with torch.device("meta"):
        architecture = build({"name": name, **arguments}, 1, (64, 64, 64), {"age": 1})
    assert sum(p.numel() for p in architecture.encoder.parameters()) == expected
