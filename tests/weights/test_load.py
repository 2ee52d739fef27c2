"""Loading: what fits is taken over, what nearly fits is adapted, and every weight is accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tlpy.architectures.base import Architecture
from tlpy.architectures.build import build
from tlpy.errors import InputError
from tlpy.weights.load import load_weights
from tlpy.weights.read import read_weights
from tlpy.weights.report import LoadReport
from tlpy.weights.save import save_weights

SMALL: dict[str, dict[str, Any]] = {
    "resnet18": {"filters": 2},
    "sfcn": {"filters": [2, 3, 2]},
    "vit": {"width": 8, "heads": 2, "depth": 1, "patch": 4},
}


def make(
    name: str = "resnet18",
    seed: int = 0,
    channels: int = 1,
    size: tuple[int, ...] = (16, 12),
    heads: dict[str, int] | None = None,
    **arguments: Any,
) -> Architecture:
    torch.manual_seed(seed)
    architecture = build({"name": name, **SMALL[name], **arguments}, channels, size, heads or {"age": 1})
    architecture(torch.randn(4, channels, *size))  # gives normalisations statistics of their own
    return architecture.eval()


def channels_to(before: int, after: int) -> str:
    return f"{before} input channel{'s' * (before > 1)} to {after} ({'sum' if after < before else 'mean'})"


def accounted(architecture: Architecture, state: dict[str, Tensor], report: LoadReport) -> None:
    """Every weight of the network and of the file is in the report, exactly once."""
    own = [*report.matched, *report.adapted, *report.new]
    assert len(own) == len(set(own))
    ignored = {n for n in architecture.state_dict() if n.endswith((".grid", "num_batches_tracked"))}
    assert set(architecture.state_dict()) - ignored <= set(own)
    written = report.as_dict()
    assert written["counts"] == {k: len(written[k]) for k in ("matched", "adapted", "new", "skipped")}
    heads = report.prefix.removesuffix("encoder.")
    taken = {report.prefix + n.removeprefix("encoder.") for n in [*report.matched, *report.adapted]}
    taken |= {heads + n for n in report.matched if n.startswith("heads.")}
    grids = {name for name in state if name.endswith(".grid")}
    assert set(state) - taken - grids == set(report.skipped) - grids


@pytest.mark.parametrize("name", list(SMALL))
def test_a_network_takes_over_its_like_whole(name: str) -> None:
    source, target = make(name), make(name, seed=1)
    state = source.state_dict()
    report = load_weights(target, state)
    accounted(target, state, report)
    assert not report.adapted
    assert not report.new
    assert not report.skipped
    assert report.share == 1.0
    assert report.loaded == {n for n, _ in target.named_parameters()}
    images = torch.randn(2, 1, 16, 12)
    assert torch.equal(source(images)["age"], target(images)["age"])


def test_another_head_is_new_and_the_old_one_is_named() -> None:
    source = make(heads={"age": 1, "sex": 1})
    for heads, reason in [({"sex": 3}, "another size"), ({"site": 3}, "does not have")]:
        target = make(seed=1, heads=heads)
        before = {n: v.clone() for n, v in target.heads.state_dict().items()}
        state = source.state_dict()
        report = load_weights(target, state)
        accounted(target, state, report)
        label = next(iter(heads))
        assert set(report.new) == {f"heads.{label}.weight", f"heads.{label}.bias"}
        assert all(reason in text for text in report.new.values())
        assert set(report.skipped) == {f"heads.{h}.{k}" for h in ("age", "sex") for k in ("weight", "bias")}
        assert all(torch.equal(before[n], v) for n, v in target.heads.state_dict().items())
        assert report.loaded == {n for n, _ in target.named_parameters() if n.startswith("encoder.")}


@pytest.mark.parametrize(
    "prefix", ["", "module.", "backbone.", "model.encoder.", "module.net.image_encoder.", "encoder."]
)
def test_any_prefix_is_found(prefix: str) -> None:
    source, target = make(), make(seed=1)
    state = {prefix + n: v for n, v in source.encoder.state_dict().items()}
    state[f"{prefix}fc.weight"] = torch.zeros(1000, 16)
    report = load_weights(target, state)
    accounted(target, state, report)
    assert report.prefix == prefix
    assert report.skipped == {f"{prefix}fc.weight": "the network has no weight of this name"}
    assert torch.equal(target.encoder.layer4[1].bn2.running_var, source.encoder.layer4[1].bn2.running_var)  # type: ignore[union-attr,index]


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (1, 4), (4, 2), (3, 4), (2, 5)])
@pytest.mark.parametrize("name", list(SMALL))
def test_channels_are_adapted_so_that_alike_channels_give_the_same_features(
    name: str, before: int, after: int
) -> None:
    source, target = make(name, channels=before), make(name, seed=1, channels=after)
    state = source.state_dict()
    report = load_weights(target, state)
    accounted(target, state, report)
    assert list(report.adapted.values()) == [channels_to(before, after)]
    image = torch.randn(2, 1, 16, 12)
    one, other = (net.encoder(image.expand(-1, n, -1, -1)) for net, n in ((source, before), (target, after)))
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet18", "sfcn"])
def test_a_2d_network_inflated_to_3d_sees_the_same_in_every_slice(name: str) -> None:
    source, target = make(name, channels=3), make(name, seed=1, size=(16, 12, 10))
    state = source.state_dict()
    report = load_weights(target, state)
    accounted(target, state, report)
    first = next(iter(report.adapted))
    assert report.adapted[first] == "3 input channels to 1 (sum), inflated from 2D to 3D"
    assert not [n for n in report.new if n.startswith("encoder.")]
    # Constant along the new axis; away from its ends, where the padding is zeros.
    weight_2d, weight_3d = source.state_dict()[first].sum(1), target.state_dict()[first].sum((1, -1))
    torch.testing.assert_close(weight_2d, weight_3d)


def test_positions_are_interpolated_to_another_grid() -> None:
    source, target = make("vit", size=(16, 12)), make("vit", seed=1, size=(30, 12))
    with torch.no_grad():
        slope = torch.arange(4.0)[:, None].expand(4, 3).reshape(1, 12, 1)
        source.encoder.patch_embedding.position_embeddings.copy_(slope.expand(-1, -1, 8))  # type: ignore[union-attr]
    state = source.state_dict()
    report = load_weights(target, state)
    accounted(target, state, report)
    name = "encoder.patch_embedding.position_embeddings"
    assert report.adapted == {name: "positions interpolated from a grid of 4×3 to 8×3"}
    found = target.state_dict()[name].reshape(8, 3, 8)
    expected = torch.tensor([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
    torch.testing.assert_close(found, expected[:, None, None].expand(8, 3, 8))
    assert target.encoder.patch_embedding.grid.tolist() == [8, 3]  # type: ignore[union-attr]


def test_a_grid_the_file_does_not_tell_is_square_or_the_positions_stay_new() -> None:
    name = "encoder.patch_embedding.position_embeddings"
    for size, expected in [((16, 16), "adapted"), ((16, 12), "new")]:
        state = {n: v for n, v in make("vit", size=size).state_dict().items() if not n.endswith(".grid")}
        target = make("vit", seed=1, size=(24, 12))
        report = load_weights(target, state)
        accounted(target, state, report)
        assert name in getattr(report, expected)


def test_fixed_positions_are_never_replaced_by_others() -> None:
    source, target = make("vit", positions="sincos"), make("vit", seed=1, size=(24, 24), positions="sincos")
    before = target.state_dict()["encoder.patch_embedding.position_embeddings"].clone()
    report = load_weights(target, source.state_dict())
    assert "fixed positions" in report.new["encoder.patch_embedding.position_embeddings"]
    assert torch.equal(before, target.state_dict()["encoder.patch_embedding.position_embeddings"])


def test_a_bias_the_file_lacks_is_zero_as_torchvision_has_it() -> None:
    source, target = make(shortcut_bias=False), make(seed=1)
    state = source.state_dict()
    report = load_weights(target, state)
    accounted(target, state, report)
    assert set(report.adapted) == {f"encoder.layer{n}.0.downsample.0.bias" for n in (2, 3, 4)}
    images = torch.randn(2, 1, 16, 12)
    torch.testing.assert_close(source(images)["age"], target(images)["age"])
    assert set(report.adapted) <= report.loaded


def test_a_shape_that_cannot_be_adapted_is_new_with_both_shapes() -> None:
    source, target = make(), make(seed=1, kernel=3)
    state = source.state_dict()
    report = load_weights(target, state)
    accounted(target, state, report)
    reason = "shape (2, 1, 7, 7) in the file, (2, 1, 3, 3) in the network"
    assert report.new == {"encoder.conv1.weight": reason}
    assert report.skipped == {"encoder.conv1.weight": reason}
    whole = sum(p.numel() for p in target.encoder.parameters())
    assert report.share == pytest.approx(1 - 2 * 9 / whole)


@pytest.mark.parametrize(
    "state", [{}, {"a.b": torch.zeros(3)}, {"encoder.conv1.weight": torch.zeros(9, 9, 9, 9)}]
)
def test_weights_of_which_nothing_fits_are_an_error(state: dict[str, Tensor]) -> None:
    with pytest.raises(InputError, match="no weight of the file fits"):
        load_weights(make(), state)


def test_heads_alone_are_not_enough() -> None:
    source = make()
    state = {n: v for n, v in source.state_dict().items() if n.startswith("heads.")}
    with pytest.raises(InputError, match="no weight of the file fits"):
        load_weights(make(seed=1), state)


def test_type_and_memory_format_of_the_network_stay() -> None:
    source, target = make().half(), make(seed=1).to(memory_format=torch.channels_last)
    load_weights(target, source.state_dict())
    weight = target.state_dict()["encoder.layer1.0.conv1.weight"]
    assert weight.dtype == torch.float32
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_saved_and_read_again_in_equal_bytes(tmp_path: Path) -> None:
    source = make(heads={"31-0.0": 1, "type": 2})
    save_weights(source, tmp_path / "weights.safetensors")
    save_weights(source.to(memory_format=torch.channels_last), tmp_path / "again.safetensors")
    first, again = (tmp_path / f"{n}.safetensors" for n in ("weights", "again"))
    assert first.read_bytes() == again.read_bytes()
    target = make(seed=1, heads={"31-0.0": 1, "type": 2})
    report = load_weights(target, read_weights(tmp_path))
    assert not report.new
    written = source.state_dict()
    assert all(
        torch.equal(value, written[name]) for name, value in target.state_dict().items() if "num_" not in name
    )


@pytest.mark.parametrize(
    "wrap", [lambda s: s, lambda s: {"epoch": 3, "state_dict": s}, lambda s: {"model": {"net": s}}]
)
def test_torch_files_are_read_whatever_wraps_the_weights(tmp_path: Path, wrap: Any) -> None:
    state = make().state_dict()
    torch.save(wrap(state), tmp_path / "w.pth")
    found = read_weights(tmp_path / "w.pth")
    assert list(found) == list(state)
    assert all(torch.equal(found[name], value) for name, value in state.items())


class Trap:
    """What a hostile file holds: it would write a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_no_code_in_a_file_is_run(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1), "extra": Trap(tmp_path / "ran")}, tmp_path / "w.pt")
    with pytest.raises(InputError, match="nothing in it was run"):
        read_weights(tmp_path / "w.pt")
    assert not (tmp_path / "ran").exists()


def test_files_that_are_no_weights(tmp_path: Path) -> None:
    (tmp_path / "text.safetensors").write_text("hello")
    (tmp_path / "text.pt").write_text("hello")
    (tmp_path / "empty.pt").write_bytes(b"")
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    torch.save({"epoch": 1}, tmp_path / "none.pt")
    torch.save({"w": torch.tensor([1.0, float("nan")])}, tmp_path / "nan.pt")
    save_weights(make(), tmp_path / "whole.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "whole.safetensors").read_bytes()[:-100])
    expected = {
        "absent.pt": "no such file",
        "text.safetensors": "is no safetensors file",
        "cut.safetensors": "is no safetensors file, or damaged",
        "text.pt": "is no torch file",
        "empty.pt": "is no torch file",
        "tensor.pt": "holds a Tensor",
        "none.pt": "its keys: epoch",
        "nan.pt": "NaN or infinite values in w",
    }
    for name, text in expected.items():
        with pytest.raises(InputError) as caught:
            read_weights(tmp_path / name)
        assert text in str(caught.value)
        assert name in caught.value.problems[0].where
