"""What a family declares is what planning reads and the network has; own families, too."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tlpy.architectures.build import build
from tlpy.architectures.cost import estimate_seconds
from tlpy.architectures.layer_names import block_names, check_layer, layer_names
from tlpy.architectures.listing import describe_layers
from tlpy.architectures.registry import ARCHITECTURES, complete_architecture, family_of
from tlpy.components.sources import sources
from tlpy.errors import InputError
from tlpy.scenarios.device import memory_format

FAMILIES = """
from dataclasses import dataclass
from typing import ClassVar
from tlpy.architectures.families.resnet import ResNet
from tlpy.architectures.family import Family
from tlpy.components.rules import Count

class Deep(ResNet):
    "ResNet-12"
    layers = (2, 1, 1, 1)
    cost = 3.0

@dataclass(frozen=True)
class Pair(Family):
    dimensions = (2,)
    network = "own_networks.PairNetwork"

    width: Count = 4
    odd: bool = False

    def faults(self):
        return {"width": "expected another width"} if self.odd and self.width % 2 == 0 else {}

    def layer_names(self):
        yield from ("first", "second")

    def layer_groups(self):
        return [("both", ["first", "second"])]

    def macs(self, size, channels):
        return size[0] * size[1] * self.width * (channels + self.width)

class Unnamed(Pair):
    network = ""

class Elsewhere(Pair):
    network = "own_networks.Nowhere"

class Strange(Pair):
    network = "own_networks.Plain"

class Fails(Pair):
    def layer_groups(self):
        return self.nothing

class Half(Family):
    def layer_names(self):
        return []
"""
NETWORKS = """
from typing import Literal
from torch import nn

class PairNetwork(nn.Module):
    def __init__(self, family, channels, size):
        super().__init__()
        self.first = nn.Conv2d(channels, family.width, 1)
        self.second = nn.Conv2d(family.width, family.width, 1)
    def forward(self, images):
        return self.second(self.first(images)).mean((2, 3))

class Plain(nn.Module):
    channels_last = False
    cost = 2.0
    dimensions = (2,)
    def __init__(self, channels, size, hidden: int = 64, kind: Literal["a", "b"] = "a"):
        super().__init__()
        self.body = nn.Conv2d(channels, hidden, 1)
    def forward(self, images):
        return self.body(images).mean((2, 3))

class Costly(Plain):
    cost = float("1")
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "own_families.py").write_text(FAMILIES)
    (tmp_path / "own_networks.py").write_text(NETWORKS)
    sources.use(tmp_path, "own")
    yield
    sources.use(None)
    sys.path.remove(str(tmp_path))
    for name in ("own_families", "own_networks"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ARCHITECTURES.names())
def test_what_is_read_is_what_the_class_has(name: str) -> None:
    declared = ARCHITECTURES.declaration(name)
    made = family_of({"name": name})
    assert declared.summary
    assert declared.facts.planned
    assert declared.facts.cites
    defaults = {f.name: list(d) if isinstance(d := f.default, tuple) else d for f in fields(made)}
    assert declared.defaults == defaults
    for fact in ("dimensions", "takes", "cost", "channels_last", "on_meta", "network", "cites", "noun"):
        assert getattr(declared.facts, fact) == getattr(made, fact)


@pytest.mark.parametrize(
    ("component", "said"),
    [
        ({"name": "resnet18", "shortcut": "C"}, "architecture.shortcut: expected A or B, found 'C'"),
        ({"name": "resnet50", "max_pool": 1}, "architecture.max_pool: expected true or false, found 1"),
        (
            {"name": "densenet121", "growth": 0},
            "architecture.growth: expected a whole number of at least 1, found 0",
        ),
        (
            {"name": "sfcn", "filters": [4]},
            "architecture.filters: expected a list of two or more whole numbers, found [4]",
        ),
        (
            {"name": "vit", "positions": "none"},
            "architecture.positions: expected learnable or sincos, found 'none'",
        ),
        (
            {"name": "swin", "depths": [2, 2]},
            "architecture.depths: expected four whole numbers, found [2, 2]",
        ),
        ({"name": "swin", "dims": 1}, "architecture.dims: swin works in 2, 3 dimensions, found 1"),
    ],
)
def test_what_an_argument_cannot_be(component: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        complete_architecture(component, "architecture")
    assert str(caught.value) == said


def test_axes_and_arguments_are_told_together() -> None:
    with pytest.raises(InputError) as caught:
        complete_architecture({"name": "swin", "dims": 1, "patch": 0}, "architecture")
    assert [problem.where for problem in caught.value.problems] == ["architecture.dims", "architecture.patch"]


@pytest.mark.usefixtures("own")
def test_an_own_network_is_one_with_its_defaults_written_out() -> None:
    whole = complete_architecture({"name": "own_networks.Plain", "hidden": 64}, "architecture", (8, 8))
    assert complete_architecture("own_networks.Plain", "architecture", (8, 8)) == whole
    assert whole == {"name": "own_networks.Plain", "hidden": 64, "kind": "a"}
    with pytest.raises(InputError, match=r"architecture\.kind: expected a or b, found 'c'"):
        complete_architecture({"name": "own_networks.Plain", "kind": "c"}, "architecture")
    with pytest.raises(InputError, match=r"architecture\.hidden: expected a whole number, found 'x'"):
        complete_architecture({"name": "own_networks.Plain", "hidden": "x"}, "architecture")


@pytest.mark.usefixtures("own")
def test_what_an_own_network_says_of_itself_counts() -> None:
    plain = {"name": "own_networks.Plain"}
    assert estimate_seconds(plain, (8, 8), 1) == 2 * estimate_seconds({"name": "resnet18"}, (8, 8), 1)
    assert memory_format("own_networks.Plain", 2, "cpu") != memory_format("vit", 2, "cpu")
    with pytest.raises(InputError, match=r"Plain works in 2 dimensions, the images have 3"):
        complete_architecture(plain, "architecture", (8, 8, 8))
    with pytest.raises(InputError, match=r"Costly \(own/own_networks.py, line \d+\): `cost` is what only"):
        complete_architecture("own_networks.Costly", "architecture")


@pytest.mark.usefixtures("own")
def test_a_subclass_of_a_family_of_ours_is_a_family() -> None:
    component = {"name": "own_families.Deep", "filters": 4}
    complete = complete_architecture(component, "architecture", (16, 16))
    assert complete == {**complete_architecture("resnet18", "architecture", (16, 16)), **component}
    blocks = ["stem", "layer1.0", "layer1.1", "layer2.0", "layer3.0", "layer4.0", "heads"]
    assert block_names(complete) == blocks
    assert [block.name for block in build(complete, 1, (16, 16), {"age": 1}).blocks()] == blocks
    assert ARCHITECTURES.facts("own_families.Deep").cost == 3.0
    assert not ARCHITECTURES.facts("own_families.Deep").channels_last


@pytest.mark.usefixtures("own")
def test_planning_asks_an_own_family_and_leaves_its_network_alone() -> None:
    pair = complete_architecture("own_families.Pair", "architecture", (8, 6))
    assert pair == {"name": "own_families.Pair", "dims": 2, "width": 4, "odd": False}
    assert layer_names(pair) == ["first", "second"]
    check_layer(pair, "second", "here")
    assert estimate_seconds(pair, (8, 6), 1) == pytest.approx(6 * 8 * 6 * 4 * 5 / 50e9)
    with pytest.raises(InputError, match=r"here: own_families.Pair has no layer 'third'"):
        check_layer(pair, "third", "here")
    with pytest.raises(InputError, match=r"architecture\.width: expected another width"):
        complete_architecture({"name": "own_families.Pair", "odd": True}, "architecture")
    assert "own_networks" not in sys.modules
    architecture = build({"name": "own_families.Pair", "width": 3}, 2, (8, 6), {"age": 1})
    assert architecture.features == 3
    assert [block.name for block in architecture.blocks()] == block_names(pair) == ["both", "heads"]
    listed = describe_layers({"name": "own_families.Pair"}, up_to="second")
    assert [layer["frozen"] for layer in listed["layers"]] == [True, False, False]


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Half", r"own_families.Half \(own/own_families.py, line \d+\) lacks layer_groups\(\) and macs"),
        ("Fails", r"own_families.Fails failed: AttributeError: .*'nothing' \(own_families.py, line \d+\)"),
        ("Unnamed", r"Unnamed names no network \(say `network`, a class path\)"),
        ("Elsewhere", r"own_networks.py has no 'Nowhere'"),
        ("Strange", r"own_families.Strange: .* \(a network is made with its family, channels and size\)"),
    ],
)
def test_what_is_wrong_with_an_own_family(name: str, said: str) -> None:
    component = {"name": f"own_families.{name}"}
    with pytest.raises(InputError, match=said):  # noqa: PT012 - planning tells some, building the rest
        block_names(complete_architecture(component, "architecture", (8, 6)))
        build(component, 1, (8, 6), {"age": 1})
