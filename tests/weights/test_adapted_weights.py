"""Adapted weights compute what they should: held against closed forms, and the network they came from."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tlpy.architectures.base import Architecture
from tlpy.architectures.build import build
from tlpy.weights.adapt import adapt_channels, resize_bias_table, resize_positions
from tlpy.weights.load import load_weights

INFLATED: list[tuple[dict[str, Any], tuple[int, int], int]] = [
    ({"name": "resnet10", "filters": 2}, (32, 32), 32),
    ({"name": "resnet50", "filters": 1}, (32, 32), 32),
    ({"name": "densenet121", "filters": 4, "growth": 2}, (32, 32), 32),
    ({"name": "sfcn", "filters": [2, 3, 2]}, (16, 12), 8),
    ({"name": "vit", "patch": 4, "width": 12, "depth": 2, "heads": 2, "qkv_bias": True}, (16, 12), 8),
    (
        {"name": "swin", "patch": 2, "window": 2, "embed": 6, "depths": [1, 2, 1, 1], "heads": [1, 2, 2, 2]},
        (64, 64),
        64,
    ),
]


def network(component: dict[str, Any], channels: int, size: tuple[int, ...], seed: int) -> Architecture:
    torch.manual_seed(seed)
    architecture = build(component, channels, size, {"age": 1}).eval()
    with torch.no_grad():
        for module in architecture.modules():
            # At its border an image goes on as it begins, so that a constant volume has no ends.
            if isinstance(module, nn.Conv2d | nn.Conv3d):
                module.padding_mode = "circular"
            if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d) and module.running_mean is not None:
                module.running_mean.normal_(0, 0.1)
            if hasattr(module, "relative_position_bias_table"):
                module.relative_position_bias_table.normal_()
    return architecture


@pytest.mark.parametrize(("component", "size", "depth"), INFLATED, ids=[one[0]["name"] for one in INFLATED])
def test_a_volume_of_equal_slices_gives_what_the_slice_gives(
    component: dict[str, Any], size: tuple[int, int], depth: int
) -> None:
    """Carreira & Zisserman's promise, of whole networks: also of positions, windows and merged patches."""
    flat, deep = network(component, 1, size, 0), network(component, 1, (*size, depth), 1)
    report = load_weights(deep, flat.state_dict())
    assert report.share == 1.0
    assert any("inflated from 2D to 3D" in how for how in report.adapted.values())
    images = torch.randn(2, 1, *size)
    volume = images.unsqueeze(-1).expand(-1, -1, *size, depth)
    torch.testing.assert_close(deep.encoder(volume), flat.encoder(images), rtol=1e-3, atol=1e-4)


def linear_by_hand(values: Tensor, length: int) -> Tensor:
    """Linear interpolation of (n,) between the centres of cells; beyond the outer ones, theirs."""
    n = len(values)
    found = []
    for place in range(length):
        at = min(max((place + 0.5) * n / length - 0.5, 0.0), n - 1.0)
        low = min(int(at), n - 2) if n > 1 else 0
        high = min(low + 1, n - 1)
        found.append(values[low] * (1 - (at - low)) + values[high] * (at - low))
    return torch.stack(found)


@pytest.mark.parametrize(
    ("before", "after"), [((4,), (7,)), ((4, 3), (8, 3)), ((4, 3), (3, 5)), ((3, 2, 4), (5, 4, 2))]
)
def test_positions_are_interpolated_axis_by_axis(before: tuple[int, ...], after: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    grid = torch.randn(*before, 5)
    expected = grid
    for axis, length in enumerate(after):
        moved = expected.movedim(axis, 0)
        expected = linear_by_hand(moved, length).movedim(0, axis)
    found = resize_positions(grid.reshape(1, -1, 5), before, after)
    torch.testing.assert_close(found, expected.reshape(1, -1, 5))


def test_positions_of_a_new_axis_are_those_of_the_slice() -> None:
    flat = torch.randn(1, 6, 5)
    found = resize_positions(flat, (3, 2), (3, 2, 4)).reshape(3, 2, 4, 5)
    assert torch.equal(found, flat.reshape(3, 2, 1, 5).expand(-1, -1, 4, -1))


def test_biases_go_from_window_to_window_and_stay_even() -> None:
    """Offsets of 0 stay in the middle, and what is alike to the left and the right stays so."""
    offsets = torch.arange(-3.0, 4.0)
    table = (offsets[:, None] ** 2 + offsets[None, :] ** 2).reshape(49, 1)
    found = resize_bias_table(table, (7, 7), (5, 5)).reshape(5, 5)
    torch.testing.assert_close(found, found.flip(0))
    torch.testing.assert_close(found, found.T)
    assert found.argmin() == 12
    assert found[2, 2] == 0


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (1, 4), (4, 1), (3, 4), (4, 3), (2, 5)])
@pytest.mark.parametrize("way", ["sum", "mean"])
def test_channels_by_their_sum_or_mean(before: int, after: int, way: str) -> None:
    weight = torch.randn(2, before, 3, 3)
    found = adapt_channels(weight, after, way)
    assert found.shape == (2, after, 3, 3)
    if way == "sum" and after > before:
        # In turn, as they are.
        assert torch.equal(found, torch.cat([weight, weight, weight, weight], 1)[:, :after])
        return
    # To an image whose channels are all alike.
    scale = after / before if way == "mean" and after < before else 1
    torch.testing.assert_close(found.sum(1), scale * weight.sum(1))
    if after == 1:
        torch.testing.assert_close(found[:, 0], weight.sum(1) if way == "sum" else weight.mean(1))


def test_what_was_done_to_the_channels_is_said() -> None:
    source = build({"name": "resnet10", "filters": 2}, 3, (16, 16), {})
    for way, said in [(None, "sum"), ("sum", "sum"), ("mean", "mean")]:
        target = build({"name": "resnet10", "filters": 2}, 1, (16, 16), {})
        report = load_weights(target, source.state_dict(), channels=way)
        assert report.adapted == {"encoder.conv1.weight": f"3 input channels to 1 ({said})"}


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64, torch.float8_e4m3fn])
def test_other_types_are_converted_and_said_to_be(kind: torch.dtype) -> None:
    source, target = (build({"name": "resnet10", "filters": 2}, 1, (16, 16), {}) for _ in range(2))
    state = {
        name: value.to(kind) if value.is_floating_point() else value
        for name, value in source.state_dict().items()
    }
    report = load_weights(target, state)
    assert report.share == 1.0
    tensors = sum(value.is_floating_point() for value in state.values())
    assert report.converted == {str(kind).removeprefix("torch."): tensors}
    weight = target.state_dict()["encoder.conv1.weight"]
    assert torch.equal(weight, state["encoder.conv1.weight"].float())


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_quantised_weights_become_numbers_and_bare_whole_numbers_none() -> None:
    source, target = (build({"name": "resnet10", "filters": 2}, 1, (16, 16), {}) for _ in range(2))
    state = source.state_dict()
    first, second = "encoder.conv1.weight", "encoder.layer1.0.conv1.weight"
    original = state[first].clone()
    state[first] = torch.quantize_per_tensor(state[first], 0.01, 0, torch.qint8)
    state[second] = (state[second] * 100).to(torch.int8)
    report = load_weights(target, state)
    assert report.converted == {"qint8": 1}
    torch.testing.assert_close(target.state_dict()[first], original, atol=0.006, rtol=0)
    assert report.new == {second: "int8 in the file, expected numbers with a fraction"}
    assert report.skipped == {second: "int8 in the file, expected numbers with a fraction"}


def test_layers_tell_shares_in_definition_order() -> None:
    source = build({"name": "resnet10", "filters": 2}, 3, (16, 16), {"age": 1})
    target = build({"name": "resnet10", "filters": 2}, 1, (16, 16), {"age": 1, "sex": 1})
    state = {name: value for name, value in source.state_dict().items() if "layer4.0.conv2" not in name}
    report = load_weights(target, state)
    layers = report.as_dict()["layers"]
    assert [one["layer"] for one in layers] == ["stem", *(f"layer{n}.0" for n in range(1, 5)), "heads"]
    stem, last, heads = layers[0], layers[4], layers[5]
    assert (stem["adapted"], stem["matched"], stem["new"], stem["share"]) == (2 * 49, 4, 0, 1.0)
    assert last["new"] == 16 * 16 * 9
    assert last["share"] == round(1 - last["new"] / last["parameters"], 4)
    assert heads["share"] == 0.5
    assert sum(one["parameters"] for one in layers) == sum(one.numel() for one in target.parameters())


def test_a_network_on_paper_gives_the_same_report() -> None:
    for component, size, _ in INFLATED[:5]:
        source = build(component, 3, size, {"age": 1})
        target = build(component, 1, (2 * size[0], size[1]), {"age": 1})
        with torch.device("meta"):
            paper = build(component, 1, (2 * size[0], size[1]), {"age": 1})
        state = source.state_dict()
        assert load_weights(paper, state).as_dict() == load_weights(target, state).as_dict()
