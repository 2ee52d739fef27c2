"""The networks against MONAI's, and what is theirs alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tlpy.architectures.densenet import DenseNetEncoder
from tlpy.architectures.resnet import Padding, ResNetEncoder
from tlpy.architectures.sfcn import SFCNEncoder
from tlpy.architectures.vit import ViTEncoder, sine_positions


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize(("kind", "shortcut"), [("basic", "B"), ("bottleneck", "B"), ("basic", "A")])
def test_resnet_is_monais(dims: int, kind: str, shortcut: str) -> None:
    from monai.networks.nets.resnet import ResNet

    theirs = ResNet(
        kind,
        [2, 1, 1, 1],
        [4, 8, 16, 32],
        spatial_dims=dims,
        n_input_channels=2,
        conv1_t_stride=2,
        shortcut_type=shortcut,
        feed_forward=False,
    )
    ours = ResNetEncoder(dims, 2, [2, 1, 1, 1], kind == "bottleneck", filters=4, shortcut=shortcut)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 2, *(21, 18, 9)[:dims])
    for mode in (True, False):
        ours.train(mode), theirs.train(mode)
        torch.testing.assert_close(ours(images), theirs(images))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_densenet_is_monais(dims: int) -> None:
    from monai.networks.nets.densenet import DenseNet

    theirs = DenseNet(dims, 2, 1, init_features=4, growth_rate=2, block_config=(2, 1, 2), bn_size=3)
    ours = DenseNetEncoder(dims, 2, (2, 1, 2), filters=4, growth=2, bottleneck=3)
    state = {name: value for name, value in theirs.state_dict().items() if name.startswith("features.")}
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict(state)
    images = torch.randn(2, 2, *(42, 36, 32)[:dims])
    for mode in (True, False):
        ours.train(mode), theirs.train(mode)
        pooled = theirs.class_layers[:3](theirs.features(images))
        torch.testing.assert_close(ours(images), pooled)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_vit_is_monais_but_for_the_normalisation_it_does_not_use(dims: int) -> None:
    from monai.networks.nets.vit import ViT

    size = (12, 8, 4)[:dims]
    theirs = ViT(2, size, 4, hidden_size=12, mlp_dim=48, num_layers=2, num_heads=3, spatial_dims=dims).eval()
    ours = ViTEncoder(dims, 2, size, patch=4, width=12, depth=2, heads=3).eval()
    used = {name: value for name, value in theirs.state_dict().items() if "norm_cross_attn" not in name}
    missing = ours.load_state_dict(used, strict=False)
    assert missing.missing_keys == ["patch_embedding.grid"]
    assert not missing.unexpected_keys
    assert [name for name in ours.state_dict() if name != "patch_embedding.grid"] == list(used)
    images = torch.randn(2, 2, *size)
    torch.testing.assert_close(ours(images), theirs(images)[0].mean(1))


def test_shortcut_a_lets_the_gradient_through() -> None:
    images = torch.randn(1, 2, 5, 6, requires_grad=True)
    out = Padding(5, 2)(images)
    assert out.shape == (1, 5, 3, 3)
    assert torch.equal(out[:, :2], images[..., ::2, ::2])
    assert not out[:, 2:].any()
    out.sum().backward()
    assert images.grad is not None
    assert images.grad.sum() == 2 * 3 * 3


def test_vit_extends_an_image_by_its_own_edge() -> None:
    encoder = ViTEncoder(2, 1, (5, 7), patch=4, width=8, depth=1, heads=2).eval()
    larger = ViTEncoder(2, 1, (8, 8), patch=4, width=8, depth=1, heads=2).eval()
    larger.load_state_dict(encoder.state_dict())
    image = torch.randn(1, 1, 5, 7)
    rows = torch.cat([image, image[:, :, -1:].expand(-1, -1, 3, -1)], 2)
    extended = torch.cat([rows, rows[..., -1:]], 3)
    torch.testing.assert_close(encoder(image), larger(extended))
    with pytest.raises(ValueError, match=r"for images of \(5, 7\), found \(5, 8\)"):
        encoder(torch.randn(1, 1, 5, 8))


def test_vit_dropout_is_off_in_evaluation() -> None:
    encoder = ViTEncoder(2, 1, (8, 8), patch=4, width=8, depth=2, heads=2, dropout=0.5)
    image = torch.randn(1, 1, 8, 8)
    assert not torch.equal(encoder(image), encoder(image))
    encoder.eval()
    assert torch.equal(encoder(image), encoder(image))


def test_sine_positions_tell_every_place_and_do_not_train() -> None:
    table = sine_positions((3, 4, 2), 24)[0]
    assert table.shape == (24, 24)
    assert len({tuple(row.tolist()) for row in table}) == 24
    angle = torch.tensor(2.0) * 10000 ** torch.tensor(-0.25)
    torch.testing.assert_close(table[2 * 8, 1], angle.sin())
    encoder = ViTEncoder(1, 1, (8,), patch=2, width=9, depth=1, heads=3, positions="sincos")
    assert not encoder.patch_embedding.position_embeddings.requires_grad


def test_sfcn_does_what_the_authors_wrote() -> None:
    """The authors' layers, written out: convolution, normalisation, pooling, ReLU; then a mean."""
    ours = SFCNEncoder(3, 1, filters=[3, 4, 5]).eval()
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
