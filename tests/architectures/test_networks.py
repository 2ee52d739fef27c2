"""What the encoders add to MONAI's networks, and what is theirs alone."""

from __future__ import annotations

import copy

import pytest
import torch
from monai.networks.nets.densenet import DenseNet
from monai.networks.nets.resnet import ResNet
from monai.networks.nets.vit import ViT
from torch import nn

from tlpy.architectures.build import build
from tlpy.architectures.families.densenet import DenseNet as DenseNetFamily
from tlpy.architectures.families.resnet import ResNet10
from tlpy.architectures.families.sfcn import SFCN
from tlpy.architectures.families.vit import ViT as ViTFamily
from tlpy.architectures.networks.densenet import DenseNetEncoder
from tlpy.architectures.networks.resnet import ResNetEncoder
from tlpy.architectures.networks.sfcn import SFCNEncoder
from tlpy.architectures.networks.vit import ViTEncoder, sine_positions

each = pytest.mark.parametrize("dims", [1, 2, 3])


class ThreeBlocks(DenseNetFamily):
    layers = (2, 1, 2)


class TwoBlocks(DenseNetFamily):
    layers = (1, 1)


@pytest.mark.parametrize("name", ["resnet10", "resnet50", "densenet121", "sfcn", "vit", "swin"])
def test_the_features_are_the_mean_of_the_map(name: str) -> None:
    encoder = build({"name": name}, 1, (40, 36), {"age": 1}).encoder.eval()
    images = torch.randn(2, 1, 40, 36)
    maps = encoder.forward_map(images)  # type: ignore[operator]
    assert maps.shape[:2] == (2, encoder.width)
    torch.testing.assert_close(maps.flatten(2).mean(2), encoder(images))


@pytest.mark.parametrize(("name", "width"), [("resnet10", 32), ("resnet50", 128), ("densenet121", 32)])
def test_the_stem_is_as_one_says(name: str, width: int) -> None:
    arguments = {"filters": 4, "kernel": 3, "stride": 1, "max_pool": False}
    growth = {"growth": 1} if name == "densenet121" else {"shortcut_bias": False}
    encoder = build({"name": name, **arguments, **growth}, 2, (16, 8, 8), {"age": 1}).encoder
    stem = next(module for module in encoder.modules() if isinstance(module, nn.Conv3d))
    assert (stem.kernel_size, stem.stride, stem.padding, stem.bias) == ((3,) * 3, (1,) * 3, (1,) * 3, None)
    assert encoder.width == width
    # Only the three steps between stages halve the image.
    assert encoder.forward_map(torch.randn(2, 2, 16, 8, 8)).shape == (2, width, 2, 1, 1)  # type: ignore[operator]
    assert all(module.bias is None for module in encoder.modules() if isinstance(module, nn.Conv3d))


@pytest.mark.parametrize(("name", "mode"), [("resnet18", "fan_out"), ("densenet121", "fan_in")])
@pytest.mark.parametrize("kernel", [7, 5])
def test_convolutions_start_as_he_says(name: str, mode: str, kernel: int) -> None:
    torch.manual_seed(0)
    encoder = build({"name": name, "kernel": kernel}, 3, (8, 8), {"age": 1}).encoder
    for module in encoder.modules():
        if isinstance(module, nn.Conv2d):
            fan = (module.weight[:, 0] if mode == "fan_out" else module.weight[0]).numel()
            assert module.weight.std().item() == pytest.approx((2 / fan) ** 0.5, rel=0.1)


@each
def test_shortcut_a_is_monais_and_lets_the_gradient_through(dims: int) -> None:
    encoder = ResNetEncoder(ResNet10(filters=3, shortcut="A"), 2, (8,) * dims)
    images = torch.randn(2, 3, *(5, 6, 3)[:dims], requires_grad=True)
    out = copy.deepcopy(encoder).layer2[0].downsample(images)
    assert torch.equal(out, ResNet._downsample_basic_block(encoder, images, 6, 2, dims))
    out.sum().backward()
    expected = torch.zeros_like(images)
    expected[(..., *[slice(None, None, 2)] * dims)] = 1
    assert images.grad is not None
    assert torch.equal(images.grad, expected)


@each
def test_densenet_gives_monais_features(dims: int) -> None:
    theirs = DenseNet(dims, 2, 1, init_features=4, growth_rate=2, block_config=(2, 1, 2), bn_size=3)
    ours = DenseNetEncoder(ThreeBlocks(filters=4, growth=2, bottleneck=3), 2, (42, 36, 32)[:dims])
    state = {name: value for name, value in theirs.state_dict().items() if name.startswith("features.")}
    ours.load_state_dict(state)
    images = torch.randn(2, 2, *(42, 36, 32)[:dims])
    torch.testing.assert_close(ours(images), theirs.class_layers[:3](theirs.features(images)))


def test_densenet_drops_single_values() -> None:
    encoder = DenseNetEncoder(TwoBlocks(filters=4, growth=2, dropout=0.5), 1, (4, 4, 4))
    layer = encoder.features.denseblock1.denselayer1
    new = layer(torch.randn(2, 4, 4, 4, 4))[:, 4:]
    dropped = (new == 0).flatten(2).float().mean(2)
    assert ((dropped > 0) & (dropped < 1)).all()


@each
@pytest.mark.parametrize("bias", [True, False])
def test_vit_gives_monais_tokens_without_the_weights_it_does_not_use(dims: int, bias: bool) -> None:
    size = (12, 8, 4)[:dims]
    theirs = ViT(
        2, size, 4, hidden_size=12, mlp_dim=48, num_layers=2, num_heads=3, spatial_dims=dims, qkv_bias=bias
    ).eval()
    ours = ViTEncoder(ViTFamily(patch=4, width=12, depth=2, heads=3, qkv_bias=bias), 2, size).eval()
    used = {name: value for name, value in theirs.state_dict().items() if "norm_cross_attn" not in name}
    assert [name for name in ours.state_dict() if name != "patch_embedding.grid"] == list(used)
    ours.load_state_dict(used, strict=False)
    images = torch.randn(2, 2, *size)
    torch.testing.assert_close(ours(images), theirs(images)[0].mean(1))


def test_vit_extends_an_image_by_its_own_edge() -> None:
    family = ViTFamily(patch=4, width=8, depth=1, heads=2)
    encoder = ViTEncoder(family, 1, (5, 7)).eval()
    larger = ViTEncoder(family, 1, (8, 8)).eval()
    larger.load_state_dict(encoder.state_dict())
    image = torch.randn(1, 1, 5, 7)
    rows = torch.cat([image, image[:, :, -1:].expand(-1, -1, 3, -1)], 2)
    extended = torch.cat([rows, rows[..., -1:]], 3)
    torch.testing.assert_close(encoder(image), larger(extended))
    with pytest.raises(ValueError, match=r"for images of \(5, 7\), found \(5, 8\)"):
        encoder(torch.randn(1, 1, 5, 8))


def test_vit_dropout_is_off_in_evaluation() -> None:
    encoder = ViTEncoder(ViTFamily(patch=4, width=8, depth=2, heads=2, dropout=0.5), 1, (8, 8))
    image = torch.randn(1, 1, 8, 8)
    assert not torch.equal(encoder(image), encoder(image))
    encoder.eval()
    assert torch.equal(encoder(image), encoder(image))


def test_dropout_within_the_attention_follows_the_mode_however_it_was_set() -> None:
    encoder = ViTEncoder(ViTFamily(patch=4, width=8, depth=2, heads=2, dropout=0.5), 1, (8, 8))
    for name, module in encoder.named_modules():
        if isinstance(module, nn.Dropout) and not name.endswith("attn.drop_weights"):
            module.p = 0.0
    image = torch.randn(1, 1, 8, 8)
    for mode in (True, False, True):
        for module in encoder.modules():
            module.training = mode
        assert torch.equal(encoder(image), encoder(image)) != mode


def test_sine_positions_tell_every_place_and_do_not_train() -> None:
    table = sine_positions((3, 4, 2), 24)[0]
    assert table.shape == (24, 24)
    assert len({tuple(row.tolist()) for row in table}) == 24
    angle = torch.tensor(2.0) * 10000 ** torch.tensor(-0.25)
    torch.testing.assert_close(table[2 * 8, 1], angle.sin())
    encoder = ViTEncoder(ViTFamily(patch=2, width=9, depth=1, heads=3, positions="sincos"), 1, (8,))
    assert not encoder.patch_embedding.position_embeddings.requires_grad


def test_sfcn_does_what_the_authors_wrote() -> None:
    """The authors' layers, written out: convolution, normalisation, pooling, ReLU; then a mean."""
    ours = SFCNEncoder(SFCN(filters=[3, 4, 5]), 1, (8, 12, 8)).eval()
    state = ours.state_dict()
    out = image = torch.randn(1, 1, 8, 12, 8)
    for index in range(3):
        weight, bias = (state[f"feature_extractor.conv_{index}.0.{kind}"] for kind in ("weight", "bias"))
        out = nn.functional.conv3d(out, weight, bias, padding=1 if index < 2 else 0)
        out = out / (1 + 1e-5) ** 0.5
        if index < 2:
            out = nn.functional.max_pool3d(out, 2, 2)
        out = out.relu()
    torch.testing.assert_close(ours(image), nn.functional.avg_pool3d(out, (2, 3, 2)).flatten(1))
