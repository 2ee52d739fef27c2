"""Freezing: what is frozen stays as it is, bit for bit, and the rest trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tlpy.architectures.base import Architecture, count_parameters
from tlpy.architectures.build import build
from tlpy.architectures.selection import parameters_before
from tlpy.errors import InputError
from tlpy.optimizers.build import build_optimizer
from tlpy.transfer.apply import apply, keep_frozen_in_eval
from tlpy.transfer.base import Transfer
from tlpy.transfer.registry import TRANSFERS, complete_transfer


def small(name: str = "resnet18", **arguments: Any) -> Architecture:
    torch.manual_seed(0)
    filters = {"resnet18": {"filters": 4}, "vit": {"width": 8, "heads": 2, "depth": 3, "patch": 8}}
    filters["sfcn"] = {"filters": [4, 4, 4]}  # type: ignore[dict-item]
    return build({"name": name, **filters[name], **arguments}, 1, (24, 16), {"sex": 1})


def train(architecture: Architecture, component: Any, steps: int = 3) -> None:
    """Real steps as the loop does them: training mode, frozen parts back to evaluation, Adam."""
    groups = apply(component, architecture)
    optimizer = build_optimizer({"name": "adam", "weight_decay": 0.1}, groups, 0.05)
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        architecture.train()
        keep_frozen_in_eval(architecture)
        images = torch.randn(4, 1, 24, 16, generator=generator) * 3 + 1
        optimizer.zero_grad()
        architecture(images)["sex"].square().sum().backward()
        optimizer.step()


FROZEN = [
    ("resnet18", {"name": "freeze", "up_to": "layer3.1.conv1"}, "layer3.1.conv1"),
    ("resnet18", {"name": "freeze", "up_to": "layer3.1"}, "layer3.1.conv1"),
    ("resnet18", {"name": "freeze", "up_to": "layer2.0.bn1"}, "layer2.0.bn1"),
    ("resnet18", {"name": "freeze", "blocks": [1, 5]}, "layer3.0"),
    ("resnet18", {"name": "head"}, None),
    ("resnet18", {"name": "freeze", "up_to": "heads"}, None),
    ("sfcn", {"name": "freeze", "up_to": "feature_extractor.conv_1"}, "feature_extractor.conv_1"),
    ("vit", {"name": "freeze", "up_to": "blocks.1"}, "blocks.1"),
]


@pytest.mark.parametrize(("name", "component", "first"), FROZEN)
def test_frozen_weights_and_statistics_are_bit_equal_after_training(
    name: str, component: dict[str, Any], first: str | None
) -> None:
    architecture = small(name)
    before = {key: value.clone() for key, value in architecture.state_dict().items()}
    train(architecture, component)
    after = architecture.state_dict()
    names = list(before)
    start = next(key for key in names if key.startswith(f"encoder.{first}" if first else "heads."))
    frozen, moving = names[: names.index(start)], names[names.index(start) :]
    assert frozen
    assert all(torch.equal(before[key], after[key]) for key in frozen)
    trained = [key for key in moving if after[key].is_floating_point()]
    assert all(not torch.equal(before[key], after[key]) for key in trained)


def test_a_span_of_blocks_in_the_middle_is_frozen_alone() -> None:
    architecture = small()
    before = {key: value.clone() for key, value in architecture.state_dict().items()}
    train(architecture, {"name": "freeze", "blocks": [2, 3]})
    same = [key for key, value in architecture.state_dict().items() if torch.equal(before[key], value)]
    assert same == [key for key in before if key.startswith("encoder.layer1.")]


def test_without_the_hook_a_frozen_normalisation_would_move() -> None:
    """The trap itself: this is what `keep_frozen_in_eval` is for."""
    architecture = small()
    apply({"name": "head"}, architecture)
    before = architecture.state_dict()["encoder.bn1.running_mean"].clone()
    architecture.train()
    architecture(torch.randn(4, 1, 24, 16) + 1)
    assert not torch.equal(before, architecture.state_dict()["encoder.bn1.running_mean"])


def test_a_frozen_part_is_a_fixed_function_and_the_head_keeps_its_dropout() -> None:
    architecture = small("vit", dropout=0.5)
    apply({"name": "head"}, architecture)
    architecture.train()
    keep_frozen_in_eval(architecture)
    images = torch.randn(2, 1, 24, 16)
    assert torch.equal(architecture.encoder(images), architecture.encoder(images))
    sfcn = small("sfcn", dropout=0.5)
    apply({"name": "head"}, sfcn)
    sfcn.train()
    keep_frozen_in_eval(sfcn)
    assert sfcn.dropout.training
    assert not torch.equal(sfcn(images)["sex"], sfcn(images)["sex"])


def test_only_whole_frozen_modules_go_to_eval() -> None:
    architecture = small()
    apply({"name": "freeze", "up_to": "layer1.0.bn2.bias"}, architecture)
    architecture.train()
    keep_frozen_in_eval(architecture)
    normalisations = {n: m.training for n, m in architecture.named_modules() if isinstance(m, nn.BatchNorm2d)}
    assert not normalisations["encoder.bn1"]
    assert not normalisations["encoder.layer1.0.bn1"]
    assert normalisations["encoder.layer1.0.bn2"], "half of it still trains"
    assert normalisations["encoder.layer4.1.bn2"]


def test_groups_have_names_and_rates() -> None:
    groups = apply({"name": "freeze", "up_to": "layer4.1"}, small())
    optimizer = build_optimizer({"name": "sgd"}, groups, 0.01)
    assert [(group["name"], group["lr"]) for group in optimizer.param_groups] == [
        ("encoder", 0.01),
        ("heads", 0.01),
    ]
    assert [group.name for group in apply({"name": "head"}, small()).groups] == ["heads"]
    full = small()
    assert apply(None, full).names == [name for name, _ in full.named_parameters()]


def test_fixed_positions_never_train() -> None:
    architecture = small("vit", positions="sincos")
    names = apply({"name": "full"}, architecture).names
    assert "encoder.patch_embedding.position_embeddings" not in names
    assert count_parameters(architecture)[0] - count_parameters(architecture)[1] == 3 * 2 * 8


@pytest.mark.parametrize("layer", ["layer3.1.conv1", "encoder.layer3.1.conv1", "layer3.1.conv1.weight"])
def test_a_layer_can_be_named_in_several_ways(layer: str) -> None:
    architecture = small()
    assert parameters_before(architecture, layer) == parameters_before(architecture, "layer3.1")


def test_up_to_the_first_layer_freezes_nothing() -> None:
    architecture = small()
    for first in ("conv1", "stem"):
        assert parameters_before(architecture, first) == []


@pytest.mark.parametrize(
    ("component", "text"),
    [
        (
            {"name": "freeze", "up_to": "layer3.1.conv9"},
            "no layer 'layer3.1.conv9' .*did you mean 'layer3.1.conv2'",
        ),
        ({"name": "freeze", "up_to": "zzz"}, "the first are conv1, bn1.*tlpy layers"),
        ({"name": "freeze", "blocks": [3, 10]}, "1 <= first <= last < 10, found .3, 10.*1 stem, 2 layer1.0"),
        ({"name": "freeze"}, "either `up_to` or `blocks`"),
        ({"name": "freeze", "up_to": "conv1", "blocks": [1, 2]}, "either `up_to` or `blocks`"),
        ({"name": "frozen"}, "unknown transfer 'frozen' .did you mean 'freeze'"),
        ({"name": "full", "up_to": "conv1"}, "'full' takes no 'up_to'"),
    ],
)
def test_bad_input_says_what_is_there(component: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        apply(component, small())


def test_planning_knows_how_many_blocks_there_are() -> None:
    assert complete_transfer({"name": "freeze", "blocks": (1, 9)}, "t", 10)["blocks"] == [1, 9]
    for blocks in ([1, 10], [2, 1], [0, 1], [1], "1", [1.0, 2]):
        with pytest.raises(InputError):
            complete_transfer({"name": "freeze", "blocks": blocks}, "t", 10)


def test_an_own_way_of_transfer_by_class_path(use_components: Any) -> None:
    use_components(Path(__file__).parent)
    path = f"{__name__}.only_the_stem"
    assert {name.split(".")[1] for name in apply({"name": path}, small()).names} == {"conv1", "bn1"}
    with pytest.raises(InputError, match=r"gives int, expected tlpy.transfer.groups.ParameterGroups"):
        apply({"name": f"{__name__}.nothing"}, small())


def only_the_stem(architecture: Architecture) -> Any:
    from tlpy.transfer.groups import freeze_parameters

    stem = architecture.blocks()[0].parameters
    return freeze_parameters(architecture, [n for n, _ in architecture.named_parameters() if n not in stem])


def nothing(architecture: Architecture) -> int:
    return len(architecture.labels)


@pytest.mark.parametrize("name", TRANSFERS.names())
def test_every_registered_way_is_described_and_found(name: str) -> None:
    assert TRANSFERS.declaration(name).summary
    assert issubclass(TRANSFERS.load(name), Transfer)


WAYS = [
    {"name": name, **({"blocks": [2, 2]} if name in ("freeze", "bidirectional") else {})}
    | ({"blocks": 2} if name == "layerwise" else {})
    for name in TRANSFERS.names()
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: str(way["name"]))
@pytest.mark.parametrize("network", ["resnet18", "vit", "sfcn"])
def test_every_way_groups_what_moves_in_each_family(network: str, way: dict[str, Any]) -> None:
    architecture = small(network)
    groups = apply(way, architecture)
    assert len(set(groups.names)) == len(groups.names)
    assert {name for name, p in architecture.named_parameters() if p.requires_grad} <= set(groups.names)
    assert groups.groups[-1].name == "heads"
    build_optimizer({"name": "adam"}, groups, 0.01)
    architecture(torch.randn(2, 1, 24, 16))["sex"].sum().backward()
    moved = {name for name, p in architecture.named_parameters() if p.grad is not None}
    assert {name for name in moved if name.startswith("heads.")}
    assert moved <= set(groups.names)
