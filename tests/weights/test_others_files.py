"""Files that plain torch and MONAI wrote, not tlpy: they load with the report one would expect."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import plain_networks as plain
import pytest
import torch
from monai.networks import nets
from plain_networks import at_work
from safetensors.torch import save_file
from torch import Tensor, nn

from tlpy.architectures.base import Architecture
from tlpy.architectures.build import build
from tlpy.weights.load import load_weights
from tlpy.weights.read import read_weights
from tlpy.weights.report import LoadReport

VIT = {"name": "vit", "patch": 4, "width": 12, "depth": 2, "heads": 2, "qkv_bias": True}
SWIN = {"name": "swin", "patch": 2, "window": 4, "embed": 12, "depths": [1, 1, 2, 1], "heads": [1, 2, 2, 4]}
SIZES = {2: (32, 32), 3: (32, 32, 32)}


def network(component: dict[str, Any], channels: int, size: tuple[int, ...], seed: int = 7) -> Architecture:
    torch.manual_seed(seed)
    return build(component, channels, size, {"age": 1}).eval()


def load(file: Path, target: Architecture) -> LoadReport:
    return load_weights(target, read_weights(file))


def save(state: dict[str, Tensor], file: Path, wrapped: str = "") -> Path:
    """As safetensors or by torch, the weights under a key of a checkpoint where one is named."""
    if file.suffix == ".safetensors":
        save_file({name: value.contiguous() for name, value in state.items()}, str(file))
    else:
        torch.save({"epoch": 3, wrapped: state} if wrapped else state, file)
    return file


def prefixed(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in state.items()}


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize(
    ("ending", "prefix", "wrapped"),
    [
        ("pth", "", ""),
        ("safetensors", "", ""),
        ("pt", "module.", ""),
        ("ckpt", "model.", "state_dict"),
        ("ckpt", "net.", "state_dict"),
        ("pth", "module.", "model"),
    ],
    ids=["torchvision", "safetensors", "DataParallel", "Lightning", "Lightning-net", "wrapped"],
)
def test_a_residual_network(tmp_path: Path, dims: int, ending: str, prefix: str, wrapped: str) -> None:
    theirs = at_work(plain.ResNet((1, 1, 1, 1), dims, filters=4))
    file = save(prefixed(theirs.state_dict(), prefix), tmp_path / f"w.{ending}", wrapped)
    ours = network({"name": "resnet10", "filters": 4}, 3, SIZES[dims])
    report = load(file, ours)
    assert (report.prefix, report.names, report.share) == (prefix, "", 1.0)
    # The bias of a shortcut is MONAI's; torchvision has none.
    assert set(report.adapted.values()) == {"set to 0: the file has its weight without a bias"}
    assert set(report.skipped) == {f"{prefix}fc.weight", f"{prefix}fc.bias"}
    images = torch.randn(2, 3, *SIZES[dims])
    torch.testing.assert_close(ours.encoder(images), theirs.features(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
def test_bottlenecks(tmp_path: Path, dims: int) -> None:
    theirs = at_work(plain.ResNet((3, 4, 6, 3), dims, filters=2, bottleneck=True))
    ours = network({"name": "resnet50", "filters": 2, "shortcut_bias": False}, 3, SIZES[dims])
    report = load(save(theirs.state_dict(), tmp_path / "w.pth"), ours)
    assert report.share == 1.0
    assert not report.adapted
    images = torch.randn(2, 3, *SIZES[dims])
    torch.testing.assert_close(ours.encoder(images), theirs.features(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("dims", [2, 3])
def test_a_densenet(tmp_path: Path, dims: int, old: bool) -> None:
    theirs = at_work(plain.DenseNet((6, 12, 24, 16), dims, filters=4, growth=2))
    state = theirs.state_dict()
    if old:
        state = {
            name.replace("norm1", "norm.1").replace("conv2", "conv.2")
            if "denselayer" in name
            else name: value
            for name, value in state.items()
        }
    ours = network({"name": "densenet121", "filters": 4, "growth": 2}, 3, SIZES[dims])
    report = load(save(state, tmp_path / "w.pth"), ours)
    assert (report.names, report.share) == ("torchvision", 1.0)
    assert not report.adapted
    assert set(report.skipped) == {"classifier.weight", "classifier.bias"}
    images = torch.randn(2, 3, *SIZES[dims])
    torch.testing.assert_close(ours.encoder(images), theirs.means(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
def test_timm_vision_transformer(tmp_path: Path, dims: int) -> None:
    size = (16, 16, 16)[:dims]
    theirs = at_work(plain.TimmViT(size))
    ours = network(VIT, 3, size)
    report = load(save(theirs.state_dict(), tmp_path / "w.safetensors"), ours)
    assert (report.names, report.share) == ("timm", 1.0)
    assert not report.adapted
    images = torch.randn(2, 3, *size)
    torch.testing.assert_close(ours.encoder(images), theirs.features(images), rtol=1e-4, atol=1e-5)


def test_a_token_of_the_whole_image_is_left_out_with_its_position(tmp_path: Path) -> None:
    theirs = at_work(plain.TimmViT((16, 16), class_token=True))
    ours = network(VIT, 3, (16, 16))
    report = load(save(theirs.state_dict(), tmp_path / "w.pth"), ours)
    name = "encoder.patch_embedding.position_embeddings"
    assert report.adapted == {name: "without that of 1 token for the whole image"}
    assert set(report.skipped) == {"cls_token", "head.weight", "head.bias"}
    assert torch.equal(ours.state_dict()[name], theirs.state_dict()["pos_embed"][:, 1:])
    # To images of another size, too.
    larger = network(VIT, 3, (32, 16))
    report = load(tmp_path / "w.pth", larger)
    assert report.adapted == {
        name: "without that of 1 token for the whole image, positions interpolated from a grid of 4×4 to 8×4"
    }


@pytest.mark.parametrize("old", [False, True])
def test_torchvision_vision_transformer(tmp_path: Path, old: bool) -> None:
    theirs = at_work(plain.TorchvisionViT(16))
    state = theirs.state_dict()
    if old:
        state = {
            n.replace("mlp.0", "mlp.linear_1").replace("mlp.3", "mlp.linear_2"): v for n, v in state.items()
        }
    ours = network(VIT, 3, (16, 16))
    report = load(save(state, tmp_path / "w.pth"), ours)
    assert (report.names, report.share) == ("torchvision", 1.0)
    assert set(report.skipped) == {"class_token", "heads.head.weight", "heads.head.bias"}
    images = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(ours.encoder(images), theirs.patches(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("writer", ["torchvision", "timm", "Microsoft, and timm before 0.9"])
def test_a_swin_transformer(tmp_path: Path, writer: str) -> None:
    state = plain.swin_state(writer)
    ours = network(SWIN, 3, (32, 32))
    report = load(save(state, tmp_path / "w.pth"), ours)
    assert report.names == writer
    assert not report.adapted
    # MONAI merges after the last stage, too, which no other does.
    assert {
        name.removeprefix("encoder.layers4.0.downsample.") for name in report.new if "heads" not in name
    } == {
        *("norm.bias", "norm.weight", "reduction.weight"),
    }
    left = {name.rpartition(".")[0] for name in report.skipped}
    assert left == {"norm", "head", "features.0.2" if writer == "torchvision" else "patch_embed.norm"}
    merged = {"torchvision": "features.4", "timm": "layers.2.downsample"}.get(writer, "layers.1.downsample")
    found = ours.state_dict()["encoder.layers2.0.downsample.reduction.weight"]
    assert torch.equal(found, state[f"{merged}.reduction.weight"])


@pytest.mark.parametrize("dims", [2, 3])
def test_monai_networks(tmp_path: Path, dims: int) -> None:
    size = SIZES[dims]
    made: list[tuple[nn.Module, dict[str, Any], str]] = [
        (
            nets.ResNet("basic", [1, 1, 1, 1], [4, 8, 16, 32], spatial_dims=dims, n_input_channels=1),
            # MONAI's first convolution has a stride of 1.
            {"name": "resnet10", "filters": 4, "stride": 1},
            "",
        ),
        (
            nets.DenseNet121(dims, 1, 2, 4, 2),
            {"name": "densenet121", "filters": 4, "growth": 2},
            "",
        ),
        (
            nets.ViT(1, size, 8, 12, 48, 2, 2, spatial_dims=dims, classification=True),
            {**VIT, "patch": 8, "qkv_bias": False},
            "",
        ),
        (
            nets.SwinUNETR(
                1, 2, feature_size=12, depths=(1, 1, 2, 1), num_heads=(1, 2, 2, 4), spatial_dims=dims
            )
            if dims == 2
            else nets.SwinUNETR(
                1, 2, feature_size=12, depths=(1, 1, 2, 1), num_heads=(1, 2, 2, 4), window_size=4
            ),
            SWIN if dims == 3 else {**SWIN, "window": 7},
            "swinViT.",
        ),
    ]
    images = torch.randn(2, 1, *size)
    for theirs, component, prefix in made:
        at_work(theirs)
        # A bundle keeps a network's state_dict in models/model.pt, alone or under `model`.
        file = save(theirs.state_dict(), tmp_path / "model.pt", "model" if prefix else "")
        ours = network(component, 1, size)
        report = load(file, ours)
        assert (report.prefix, report.names, report.share) == (prefix, "", 1.0), component["name"]
        assert not report.adapted
        if component["name"] == "densenet121":
            expected = theirs.class_layers[:-1](theirs.features(images))  # type: ignore[index,operator]
            torch.testing.assert_close(ours.encoder(images), expected, rtol=1e-4, atol=1e-5)


# The exact counts of what MedicalNet's files hold (algorithms.md), with the arguments that they ask for.
MEDICALNET: list[tuple[str, tuple[int, ...], bool, str, int]] = [
    ("resnet10", (1, 1, 1, 1), False, "B", 14_355_520),
    ("resnet18", (2, 2, 2, 2), False, "A", 32_986_176),
    ("resnet34", (3, 4, 6, 3), False, "A", 63_295_808),
    ("resnet50", (3, 4, 6, 3), True, "B", 46_155_072),
]


@pytest.mark.parametrize(("name", "layers", "bottleneck", "shortcut", "count"), MEDICALNET)
def test_medicalnet(
    tmp_path: Path, name: str, layers: tuple[int, ...], bottleneck: bool, shortcut: str, count: int
) -> None:
    """Its files: `state_dict` of a network on several devices, 3D, 1 channel, no head but a decoder."""
    with torch.device("meta"):
        theirs = plain.ResNet(layers, 3, 1, bottleneck=bottleneck, shortcut=shortcut, classes=0)
    assert sum(one.numel() for one in theirs.parameters()) == count
    # Each tensor in its shape, of one number that is stored once.
    state = {f"module.{name}": torch.zeros(()).expand(one.shape) for name, one in theirs.state_dict().items()}
    assert "module.conv1.weight" in state
    assert ("module.layer2.0.downsample.0.weight" in state) == (shortcut == "B")
    state["module.conv_seg.0.weight"] = torch.zeros(4, 4, 2, 2, 2)
    component = {"name": name, "shortcut": shortcut, "shortcut_bias": False}
    with torch.device("meta"):
        ours = build(component, 1, (32, 32, 32), {"age": 1})
    assert sum(one.numel() for one in ours.encoder.parameters()) == count
    report = load(save(state, tmp_path / f"{name}_23dataset.pth", "state_dict"), ours)
    assert report.share == 1.0
    assert (report.prefix, report.names) == ("module.", "")
    assert not report.adapted
    assert set(report.new) == {"heads.age.weight", "heads.age.bias"}
    assert set(report.skipped) == {"module.conv_seg.0.weight"}


def test_medicalnet_into_a_shortcut_of_convolutions_says_what_stays_at_random(tmp_path: Path) -> None:
    theirs = plain.ResNet((2, 2, 2, 2), 3, 1, filters=4, shortcut="A", classes=0)
    ours = network({"name": "resnet18", "filters": 4}, 1, (16, 16, 16))
    report = load(save(prefixed(theirs.state_dict(), "module."), tmp_path / "w.pth"), ours)
    assert 0.9 < report.share < 1
    left = [one["layer"] for one in report.layers() if one["new"]]
    assert left == ["layer2.0", "layer3.0", "layer4.0", "heads"]


class Renamed(nn.Module):
    """An own network that says what another tool calls its weights."""

    width = 4
    other_names: ClassVar = {"elsewhere": ((r"^first\.", "conv."),)}

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)


def test_an_own_network_may_say_what_others_call_its_weights() -> None:
    ours = Architecture(Renamed(), 4, {"age": 1})
    state = {"model.first.weight": torch.randn(4, 1, 3, 3), "model.first.bias": torch.randn(4)}
    report = load_weights(ours, state)
    assert (report.names, report.prefix, report.share) == ("elsewhere", "model.", 1.0)
    assert torch.equal(ours.state_dict()["encoder.conv.bias"], state["model.first.bias"])


def test_transformers_within_monai_networks_and_its_pretraining(tmp_path: Path) -> None:
    size = SIZES[3]
    vit = {**VIT, "patch": 16, "depth": 12, "heads": 2, "qkv_bias": False}
    unetr = nets.UNETR(1, 2, size, 4, 12, 48, 2)
    report = load(save(unetr.state_dict(), tmp_path / "unetr.pt"), network(vit, 1, size))
    assert (report.prefix, report.names, report.share) == ("vit.", "", 1.0)
    autoencoder = nets.ViTAutoEnc(1, size, 16, 1, 4, 12, 48, 12, 2)
    report = load(save(autoencoder.state_dict(), tmp_path / "auto.pt"), network(vit, 1, size))
    assert (report.prefix, report.names, report.share) == ("", "", 1.0)
    swin = nets.SwinUNETR(
        1, 2, feature_size=12, depths=(1, 1, 2, 1), num_heads=(1, 2, 2, 4), window_size=4
    ).swinViT
    # model_swinvit.pt, as MONAI hands it out.
    state = {name.replace("mlp.linear", "mlp.fc"): value for name, value in swin.state_dict().items()}
    file = save(prefixed(state, "module."), tmp_path / "model_swinvit.pt", "state_dict")
    report = load(file, network(SWIN, 1, size))
    assert (report.prefix, report.names, report.share) == ("module.", "MONAI's pretraining", 1.0)


def test_the_authors_sfcn(tmp_path: Path) -> None:
    """Modules as in their code: a feature extractor and a classifier that is a convolution."""
    state: dict[str, Tensor] = {}
    before = 1
    for number, after in enumerate((32, 64, 128, 256, 256, 64)):
        edge = 1 if number == 5 else 3
        parts = {"0": nn.Conv3d(before, after, edge), "1": nn.BatchNorm3d(after)}
        for place, part in parts.items():
            inside = f"module.feature_extractor.conv_{number}.{place}."
            state |= prefixed(part.state_dict(), inside)
        before = after
    state |= prefixed(nn.Conv3d(64, 40, 1).state_dict(), "module.classifier.conv_6.")
    with torch.device("meta"):
        ours = build({"name": "sfcn"}, 1, (32, 32, 32), {"age": 40})
    report = load(save(state, tmp_path / "run_20190719_00_epoch_best_mae.p"), ours)
    assert (report.prefix, report.share) == ("module.", 1.0)
    assert sum(one.numel() for one in ours.encoder.parameters()) == 2_950_336
    assert set(report.skipped) == {"module.classifier.conv_6.weight", "module.classifier.conv_6.bias"}
