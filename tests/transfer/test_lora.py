"""LoRA: it starts as what it took over, leaves it as it is, and ends as plain weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from tlpy.architectures.base import Architecture
from tlpy.architectures.build import build
from tlpy.errors import InputError
from tlpy.optimizers.build import build_optimizer
from tlpy.transfer.apply import apply, keep_frozen_in_eval
from tlpy.transfer.lora import LoRA

NETWORKS = [
    ({"name": "resnet10", "filters": 4}, (32,)),
    ({"name": "resnet10", "filters": 4}, (24, 16)),
    ({"name": "resnet10", "filters": 4}, (16, 16, 16)),
    ({"name": "vit", "width": 8, "heads": 2, "depth": 2, "patch": 8}, (24, 16)),
]


def made(component: dict[str, Any], size: tuple[int, ...]) -> Architecture:
    torch.manual_seed(0)
    return build(component, 1, size, {"sex": 1})


def trained(architecture: Architecture, way: LoRA, size: tuple[int, ...]) -> None:
    groups = apply(way, architecture)
    optimizer = build_optimizer({"name": "adam"}, groups, 0.05)
    for _ in range(3):
        architecture.train()
        keep_frozen_in_eval(architecture)
        optimizer.zero_grad()
        architecture(torch.randn(4, 1, *size))["sex"].square().sum().backward()
        optimizer.step()
    architecture.eval()


@pytest.mark.parametrize(("component", "size"), NETWORKS)
def test_base_is_kept_and_merged_is_unmerged(component: dict[str, Any], size: tuple[int, ...]) -> None:
    plain, architecture = made(component, size).eval(), made(component, size)
    way = LoRA(rank=2)
    images = torch.randn(3, 1, *size)
    names = list(architecture.state_dict())
    trained(architecture, way, size)
    base = plain.state_dict()
    for name, value in architecture.state_dict().items():
        original = name.replace("parametrizations.weight.original", "weight")
        if original in base and not original.startswith("heads."):
            assert torch.equal(value, base[original]), name
    with torch.no_grad():
        unmerged, before = architecture(images)["sex"], plain(images)["sex"]
        way.finish(architecture)
        merged = architecture(images)["sex"]
    assert not torch.allclose(before, unmerged)
    torch.testing.assert_close(merged, unmerged, rtol=1e-5, atol=1e-6)
    assert sorted(architecture.state_dict()) == sorted(names)
    assert not any(parametrize.is_parametrized(module) for module in architecture.modules())
    # What was learnt is of the rank that was asked for.
    changed = 0
    for name, value in architecture.state_dict().items():
        if name.startswith("encoder.") and not torch.equal(value, base[name]):
            difference = (value - base[name]).flatten(1).double()
            assert torch.linalg.matrix_rank(difference, rtol=1e-4) <= 2, name
            changed += 1
    assert changed


@pytest.mark.parametrize(("component", "size"), NETWORKS)
def test_the_start_is_what_was_taken_over_bit_for_bit(
    component: dict[str, Any], size: tuple[int, ...]
) -> None:
    plain, architecture = made(component, size).eval(), made(component, size).eval()
    groups = apply({"name": "lora"}, architecture)
    assert all(name.endswith((".A", ".B")) or name.startswith("heads.") for name in groups.names)
    images = torch.randn(3, 1, *size)
    assert torch.equal(architecture(images)["sex"], plain(images)["sex"])


def test_how_many_numbers_train() -> None:
    """rank·(inputs·kernel + outputs) for each layer, no more than the layer's own rank; and the heads."""
    plain, architecture = made(*NETWORKS[1]), made(*NETWORKS[1])
    wanted = sum(p.numel() for p in plain.heads.parameters())
    for layer in plain.encoder.modules():
        if isinstance(layer, nn.Conv2d):
            outputs, inputs = layer.weight.flatten(1).shape
            wanted += min(8, outputs, inputs) * (outputs + inputs)
    assert apply({"name": "lora", "rank": 8}, architecture).numbers == wanted


@pytest.mark.parametrize(
    ("target", "layers"),
    [
        (["blocks.0.attn.qkv"], ["blocks.0.attn.qkv"]),
        (["qkv"], ["blocks.0.attn.qkv", "blocks.1.attn.qkv"]),
        (
            ["blocks.1"],
            [f"blocks.1.{part}" for part in ("mlp.linear1", "mlp.linear2", "attn.out_proj", "attn.qkv")],
        ),
    ],
)
def test_targets(target: list[str], layers: list[str]) -> None:
    architecture = made(*NETWORKS[3])
    apply({"name": "lora", "target": target}, architecture)
    found = {n for n, module in architecture.encoder.named_modules() if parametrize.is_parametrized(module)}
    assert found == set(layers)


def test_a_target_that_is_not_there_is_told() -> None:
    with pytest.raises(InputError, match=r"no linear layer or convolution 'qvk'.*first are"):
        apply({"name": "lora", "target": ["qvk"]}, made(*NETWORKS[3]))
