"""What planning asks of architectures: names, arguments, costs. None of it may import torch."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tlpy.architectures.build import build
from tlpy.architectures.cost import BACKWARD, estimate_flops, estimate_seconds
from tlpy.architectures.layer_names import block_names
from tlpy.architectures.listing import describe_layers, list_architectures
from tlpy.architectures.registry import ARCHITECTURES, complete_architecture
from tlpy.components.sources import sources
from tlpy.errors import InputError

TORCH_FREE = """
import json, sys
from tlpy.architectures.registry import complete_architecture
from tlpy.architectures.cost import estimate_seconds
from tlpy.architectures.listing import list_architectures
from tlpy.transfer.registry import complete_transfer
from tlpy.objectives.complete import complete_objective
from tlpy.records import Head
from tlpy.optimizers.registry import complete_optimizer, complete_schedule
estimate_seconds(complete_architecture("vit", "architecture", (56, 72)), (56, 72), 1)
complete_transfer({"name": "freeze", "blocks": [1, 2]}, "t", 10)
complete_optimizer("adam", "o"), complete_schedule("cosine", "s")
complete_objective(None, [Head("sex", "binary", ("F", "M"))], "o"); list_architectures()
heavy = {"torch", "monai", "lightning", "pandas", "scipy"} & set(sys.modules)
print(json.dumps(sorted(heavy)))
"""

OWN = """
from torch import nn

class Net(nn.Module):
    def __init__(self, channels, size, depth: int):
        super().__init__()
    def forward(self, images): ...
"""


def test_planning_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", TORCH_FREE], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_dims_are_inferred_from_the_image_and_equal_settings_look_equal() -> None:
    inferred = complete_architecture("resnet18", "architecture", (56, 72))
    written = complete_architecture({"name": "resnet18", "dims": 2, "dropout": 0}, "architecture", (56, 72))
    assert inferred["dims"] == 2
    assert json.dumps(inferred) == json.dumps(written)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "mine.py").write_text(OWN)
    sources.use(tmp_path, "own")
    yield
    sources.use(None)
    sys.path.remove(str(tmp_path))
    sys.modules.pop("mine", None)


@pytest.mark.usefixtures("own")
def test_a_class_path_passes_with_its_arguments() -> None:
    own = {"name": "mine.Net", "depth": 3}
    assert complete_architecture(own, "architecture", (8, 8)) == own


@pytest.mark.parametrize(
    ("value", "where", "text"),
    [
        ("resnet81", "architecture", "did you mean 'resnet18'?"),
        ({"name": "resnet18", "droput": 0.1}, "architecture.droput", "did you mean 'dropout'?"),
        ({"name": "resnet18", "dropout": 1}, "architecture.dropout", "from 0 to below 1, found 1"),
        ({"name": "resnet18", "kernel": 4}, "architecture.kernel", "an odd number"),
        (
            {"name": "resnet18", "dims": 3},
            "architecture.dims",
            "found 3, but the prepared images have 2 axes (8×8)",
        ),
        ({"name": "resnet18", "dims": 4}, "architecture.dims", "works in 1, 2, 3 dimensions, found 4"),
        ({"name": "vit", "width": 100}, "architecture.width", "a multiple of heads (6), found 100"),
        (
            {"name": "swin", "heads": [3, 6, 12, 23]},
            "architecture.heads",
            "divide the stages' widths [24, 48, 96, 192]",
        ),
        ({"name": "sfcn", "filters": 8}, "architecture.filters", "a list of two or more whole numbers"),
    ],
)
def test_bad_input_names_the_param(value: object, where: str, text: str) -> None:
    with pytest.raises(InputError) as caught:
        complete_architecture(value, "architecture", (8, 8))
    assert caught.value.problems[0].where == where
    assert text in str(caught.value)


def test_all_problems_come_at_once() -> None:
    with pytest.raises(InputError) as caught:
        complete_architecture({"name": "resnet18", "kernel": 4, "stride": 0, "shortcut": "C"}, "architecture")
    assert len(caught.value.problems) == 3


def test_resnet18_has_the_ten_blocks_of_metalr() -> None:
    blocks = block_names({"name": "resnet18"})
    assert len(blocks) == 10
    assert (blocks[0], blocks[1], blocks[-1]) == ("stem", "layer1.0", "heads")


@pytest.mark.parametrize("name", ["resnet10", "resnet18", "resnet50", "densenet121", "sfcn", "vit", "swin"])
@pytest.mark.parametrize("size", [(40,), (56, 72), (16, 24, 17)])
def test_the_cost_is_what_torch_counts(name: str, size: tuple[int, ...]) -> None:
    if len(size) not in ARCHITECTURES.facts(name).dimensions:
        return
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    # On the meta device nothing is computed. Attention is counted for its plain form only.
    with (
        torch.device("cpu" if name == "swin" else "meta"),
        torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH),
    ):
        architecture = build({"name": name}, 3, size, {"age": 1}).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            architecture(torch.zeros(1, 3, *size))
    assert estimate_flops({"name": name}, size, 3) == pytest.approx(
        BACKWARD * counter.get_total_flops(), rel=0.03
    )


@pytest.mark.usefixtures("own")
def test_a_class_path_costs_something() -> None:
    assert estimate_seconds({"name": "mine.Net"}, (56, 72), 1) == estimate_seconds(
        {"name": "resnet18"}, (56, 72), 1
    )


def test_the_list_is_plain_data() -> None:
    records = json.loads(json.dumps(list_architectures()))
    assert [record["name"] for record in records] == ARCHITECTURES.names()
    assert all(record["summary"] and record["gflops"] for record in records)


def test_layers_run_up_to_the_total_and_say_what_would_train() -> None:
    listed = json.loads(json.dumps(describe_layers({"name": "resnet18"}, up_to="layer4.1.conv1")))
    layers = {layer["name"]: layer for layer in listed["layers"]}
    assert listed["layers"][-1]["running"] == listed["total"] == 11_171_649
    assert layers["layer3.1.conv1"]["trainable"] == 9_575_425
    assert layers["layer4.0.bn2"]["frozen"]
    assert not layers["layer4.1.conv1"]["frozen"]
    assert layers["conv1"] == {
        "name": "conv1",
        "block": "stem",
        "kind": "Conv2d",
        "shape": [64, 1, 7, 7],
        "parameters": 3136,
        "running": 3136,
        "trainable": 11_171_649,
        "frozen": True,
    }
