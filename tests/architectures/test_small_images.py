"""ResNet's stem for small images is MONAI's with the same arguments, and every family knows its last map."""

from __future__ import annotations

import pytest
import torch
from monai.networks.nets.resnet import ResNet
from torch import nn

from tlpy.architectures.build import build
from tlpy.architectures.families.resnet import ResNet18
from tlpy.architectures.registry import complete_architecture, family_of
from tlpy.weights.load import load_weights

SMALL = {"kernel": 3, "stride": 1, "max_pool": False}
NARROW = {"filters": 4, "shortcut_bias": False}
each = pytest.mark.parametrize("dims", [1, 2, 3])


@each
@pytest.mark.parametrize(
    ("name", "block", "layers"),
    [("resnet18", "basic", [2, 2, 2, 2]), ("resnet50", "bottleneck", [3, 4, 6, 3])],
)
def test_the_small_stem_gives_monais_numbers_with_weights_of_monais(
    name: str, block: str, layers: list[int], dims: int
) -> None:
    torch.manual_seed(0)
    theirs = ResNet(
        block,
        layers,
        [4, 8, 16, 32],
        spatial_dims=dims,
        n_input_channels=1,
        conv1_t_size=3,
        conv1_t_stride=1,
        no_max_pool=True,
        bias_downsample=False,
        num_classes=2,
    )
    ours = build({"name": name, **SMALL, **NARROW}, 1, (28,) * dims, {"label": 2})
    report = load_weights(ours, theirs.state_dict())
    assert report.share == 1.0
    assert not report.new.keys() - {"heads.label.weight", "heads.label.bias"}
    with torch.no_grad():
        head = ours.heads["label"]
        linear = next(module for module in head.modules() if isinstance(module, nn.Linear))
        linear.weight.copy_(theirs.fc.weight)
        linear.bias.copy_(theirs.fc.bias)
    images = torch.randn(2, 1, *(28,) * dims)
    for mode in (True, False):
        torch.testing.assert_close(ours.train(mode)(images)["label"], theirs.train(mode)(images))


@each
@pytest.mark.parametrize(
    "architecture",
    [
        {"name": "resnet10"},
        {"name": "resnet18", **SMALL},
        {"name": "resnet10", "stride": 3},
        {"name": "densenet121", "growth": 2},
        {"name": "densenet121", "growth": 2, **SMALL},
        {"name": "sfcn", "filters": [2, 2, 2, 2]},
        {"name": "vit", "width": 12, "depth": 1, "heads": 3},
        {"name": "swin", "embed": 6, "heads": [1, 1, 1, 1]},
    ],
)
@pytest.mark.parametrize("size", [(28, 28, 28), (33, 21, 16)])
def test_the_last_map_is_the_networks(architecture: dict, dims: int, size: tuple[int, ...]) -> None:
    component = complete_architecture(architecture, "architecture")
    family = family_of(component)
    if dims not in family.dimensions:
        pytest.skip("not in this dimension")
    encoder = build(component, 1, size[:dims], {"label": 1}).encoder.eval()
    with torch.no_grad():
        found = encoder.forward_map(torch.randn(1, 1, *size[:dims]))  # type: ignore[operator]
    assert family.last_map(size[:dims]) == list(found.shape[2:])


def test_28_pixels_leave_one_pixel_by_default_and_sixteen_with_the_small_stem() -> None:
    assert ResNet18().last_map((28, 28)) == [1, 1]
    assert ResNet18(kernel=3, stride=1, max_pool=False).last_map((28, 28)) == [4, 4]


def test_the_small_stem_costs_what_its_convolutions_do() -> None:
    """Counted by torch: MedMNIST's ResNet-18 has 0.43 G multiplications for 28x28 (He 2016's CIFAR sizes)."""
    from torch.utils.flop_counter import FlopCounterMode

    family = ResNet18(kernel=3, stride=1, max_pool=False, shortcut_bias=False)
    with FlopCounterMode(display=False) as counter:
        family.encoder(1, (28, 28)).eval()(torch.randn(1, 1, 28, 28))
    assert family.macs((28, 28), 1) == counter.get_total_flops() / 2


def test_initial_weights_are_those_of_torch_where_asked() -> None:
    """He's by the outputs have a variance of 2 / fan_out, torch's of 1 / (3 fan_in); names stay the same."""
    networks = {}
    for initial, variance in (("fan_out", 2 / (64 * 9)), ("torch", 1 / (3 * 64 * 9))):
        torch.manual_seed(0)
        asked = {"name": "resnet18", "kernel": 3, "stride": 1, "max_pool": False, "initial": initial}
        networks[initial] = build(asked, 1, (28, 28), {"label": 1})
        weight = networks[initial].state_dict()["encoder.layer1.0.conv1.weight"]
        assert weight.var().item() == pytest.approx(variance, rel=0.05)
        assert weight.abs().max() <= 3**0.5 * variance**0.5 or initial == "fan_out"
    assert networks["torch"].state_dict().keys() == networks["fan_out"].state_dict().keys()
