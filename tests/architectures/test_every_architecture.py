"""What every registered architecture keeps, in each dimension it claims."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tlpy.architectures.base import Architecture
from tlpy.architectures.build import build
from tlpy.architectures.layer_names import block_names
from tlpy.architectures.registry import ARCHITECTURES

SIZES: dict[int, list[tuple[int, ...]]] = {
    1: [(9,), (1,), (33,)],
    2: [(9, 14), (1, 3), (28, 28)],
    3: [(9, 6, 11), (2, 1, 1)],
}
# Narrow versions, by the family's file: the contract does not depend on the width.
SMALL: dict[str, dict[str, Any]] = {
    "resnet": {"filters": 4},
    "densenet": {"filters": 4, "growth": 2, "bottleneck": 2},
    "sfcn": {"filters": [4, 6, 8, 8, 8, 5]},
    "swin": {"embed": 6, "window": 2, "depths": [2, 1, 1, 1], "heads": [1, 2, 3, 4]},
    "mlp": {"hidden": [8, 5], "dropout": 0.0},
    "vit": {"width": 12, "depth": 2, "heads": 2, "patch": 4},
}
EACH = [(name, dims) for name in ARCHITECTURES.names() for dims in ARCHITECTURES.facts(name).dimensions]
each = pytest.mark.parametrize(("name", "dims"), EACH)


def small(name: str) -> dict[str, Any]:
    return {"name": name, **SMALL[ARCHITECTURES.path(name).split(".")[-2]]}


def make(name: str, size: tuple[int, ...], seed: int = 0, channels: int = 2) -> Architecture:
    torch.manual_seed(seed)
    return build(small(name), channels, size, {"age": 1, "31-0.0": 3})


@each
def test_any_size_gives_one_row_per_image_and_head(name: str, dims: int) -> None:
    for size in SIZES[dims]:
        architecture = make(name, size).eval()
        images = torch.randn(3, 2, *size)
        outputs = architecture(images)
        assert {label: tuple(out.shape) for label, out in outputs.items()} == {
            "age": (3, 1),
            "31-0.0": (3, 3),
        }
        assert architecture.encoder(images).shape == (3, architecture.features)
        alone = architecture(images[1:2])["age"]
        torch.testing.assert_close(alone, outputs["age"][1:2], rtol=1e-4, atol=1e-5)


@each
def test_blocks_hold_each_parameter_once_and_have_the_names_planning_knows(name: str, dims: int) -> None:
    architecture = make(name, SIZES[dims][0])
    blocks = architecture.blocks()
    assert [block.name for block in blocks] == block_names(small(name))
    held = [parameter for block in blocks for parameter in block.parameters]
    assert len(held) == len(set(held))
    assert set(held) == {parameter for parameter, _ in architecture.named_parameters()}
    assert blocks[-1].parameters == tuple(
        n for n, _ in architecture.named_parameters() if n.startswith("heads.")
    )


@each
def test_a_gradient_reaches_every_parameter(name: str, dims: int) -> None:
    size = {1: (40,), 2: (24, 40), 3: (24, 20, 40)}[dims]
    architecture = make(name, size)
    out = architecture(torch.randn(4, 2, *size))
    (out["age"].sum() + out["31-0.0"].square().sum()).backward()
    without = [n for n, p in architecture.named_parameters() if p.grad is None or not p.grad.any()]
    # Before a batch normalisation a bias has no effect: its gradient is zero up to rounding.
    assert not [n for n in without if not n.endswith("bias")]
    assert all(p.grad is not None for p in architecture.parameters())


@each
def test_a_seed_gives_one_network_and_its_state_another_copy(name: str, dims: int) -> None:
    size = SIZES[dims][0]
    first, again, other = make(name, size), make(name, size), make(name, size, seed=1)
    assert all(
        torch.equal(a, b)
        for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True)
    )
    images = torch.randn(2, 2, *size)
    assert not torch.equal(first.eval()(images)["age"], other.eval()(images)["age"])
    other.load_state_dict(first.state_dict())
    assert torch.equal(first(images)["age"], other(images)["age"])


@pytest.mark.parametrize("name", [name for name, dims in EACH if dims == 2])
def test_the_memory_format_does_not_change_the_result(name: str) -> None:
    architecture = make(name, (20, 12)).eval()
    images = torch.randn(2, 2, 20, 12)
    plain = architecture(images)["age"]
    architecture = architecture.to(memory_format=torch.channels_last)
    last = architecture(images.contiguous(memory_format=torch.channels_last))["age"]
    torch.testing.assert_close(plain, last, rtol=1e-3, atol=1e-4)
