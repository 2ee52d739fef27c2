"""Own encoders by class path, and heads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from tlpy.architectures.base import Architecture, head_key
from tlpy.architectures.build import build
from tlpy.architectures.listing import describe_layers
from tlpy.errors import InputError

MODULE = """
import torch
from torch import nn

class Plain(nn.Module):
    def __init__(self, channels, size, width=5):
        super().__init__()
        self.body = nn.Conv2d(channels, width, 3)
        self.last = nn.BatchNorm2d(width)
    def forward(self, images):
        return self.last(self.body(images)).mean((2, 3))

class Wrong(Plain):
    def forward(self, images):
        return self.body(images)

class Torn(Plain):
    width = 5
    def layer_groups(self):
        return [("body", ["body"])]

class NoModule:
    def __init__(self, channels, size):
        pass
"""


@pytest.fixture
def own(tmp_path: Path, use_components: Callable[[Path], None]) -> None:
    (tmp_path / "own_encoders.py").write_text(MODULE)
    use_components(tmp_path)


@pytest.mark.usefixtures("own")
def test_an_own_encoder_trains_with_a_block_per_child() -> None:
    architecture = build({"name": "own_encoders.Plain", "width": 7}, 2, (8, 8), {"age": 1})
    assert architecture.features == 7
    assert [block.name for block in architecture.blocks()] == ["body", "last", "heads"]
    assert architecture(torch.zeros(3, 2, 8, 8))["age"].shape == (3, 1)
    assert architecture.encoder.last.num_batches_tracked == 1, "trying it must not move its statistics"  # type: ignore[union-attr]


@pytest.mark.usefixtures("own")
def test_the_layers_of_an_own_encoder_are_listed() -> None:
    listed = describe_layers({"name": "own_encoders.Plain"}, up_to="last", size=(8, 8))
    assert [layer["name"] for layer in listed["layers"]] == ["body", "last", "heads.label"]
    assert listed["total"] - listed["trainable"] == 5 * 9 + 5


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("component", "text"),
    [
        ({"name": "own_encoders.Missing"}, "own_encoders.Missing was not found"),
        ({"name": "no_such_module.Net"}, "no_such_module.Net was not found"),
        ({"name": "own_encoders.Plain", "depth": 1}, "takes channels, size and its arguments"),
        ({"name": "own_encoders.NoModule"}, "gives NoModule, expected a torch.nn.Module"),
        ({"name": "own_encoders.Wrong"}, r"own_encoders.Wrong: an encoder returns \(batch, features\)"),
    ],
)
def test_what_is_wrong_with_an_own_encoder(component: dict[str, object], text: str) -> None:
    with pytest.raises(InputError, match=text):
        build(component, 1, (8, 8), {"age": 1})


@pytest.mark.usefixtures("own")
def test_a_parameter_in_no_group_is_an_error() -> None:
    architecture = build({"name": "own_encoders.Torn"}, 1, (8, 8), {"age": 1})
    with pytest.raises(ValueError, match=r"parameter last\.weight is in 0 layer groups"):
        architecture.blocks()


@pytest.mark.parametrize(
    "label", ["age", "31-0.0", "f.21003.2.0", "type", "training", "forward", "a b%", "Größe"]
)
def test_any_label_can_have_a_head(label: str) -> None:
    architecture = Architecture(nn.Flatten(), 4, {label: 2})
    assert architecture(torch.zeros(1, 1, 4))[label].shape == (1, 2)


def test_head_keys_differ_where_labels_do() -> None:
    labels = ["type", "%type", "a.b", "a%2Eb", "a/b", "a b"]
    assert len({head_key(label) for label in labels}) == len(labels)
    assert head_key("age") == "age"


def test_a_head_has_outputs_and_there_may_be_no_head() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Architecture(nn.Flatten(), 4, {"age": 0})
    alone = Architecture(nn.Flatten(), 4, {})
    assert alone(torch.zeros(2, 1, 2, 2)) == {}


def test_dropout_before_the_heads_is_where_the_network_has_none() -> None:
    assert build({"name": "sfcn"}, 1, (8, 8), {"age": 1}).dropout.p == 0.5
    assert build({"name": "resnet10", "dropout": 0.2}, 1, (8, 8), {"age": 1}).dropout.p == 0.2
    vit = build({"name": "vit", "dropout": 0.2}, 1, (8, 8), {"age": 1})
    assert vit.dropout.p == 0.0
    assert {m.p for m in vit.encoder.modules() if isinstance(m, nn.Dropout)} == {0.2}
