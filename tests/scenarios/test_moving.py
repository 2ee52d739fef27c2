"""Ways of transfer in the loop: when they are asked, what is frozen, what a retry goes on from."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import toys
from safetensors.torch import load_file
from toys import Train, read, results

from tlpy.records import Head, Source
from tlpy.transfer.base import Transfer
from tlpy.transfer.groups import group_by_block
from tlpy.transfer.registry import TRANSFERS
from tlpy.transfer.running import Running

SEX, AGE = Head("sex", "binary", ("F", "M")), Head("age", "regression")
BOTH = {"multitask": {"weight": 1.0, "weights": {"age": 1.0, "sex": 1.0}, "terms": {
    "age": {"mse": {"weight": 1.0}},
    "sex": {"cross_entropy": {"weight": 1.0, "label_smoothing": 0.0, "class_weights": None}},
}}}  # fmt: skip
WAYS: dict[str, dict[str, Any]] = {
    name: {"name": name} for name in TRANSFERS.names() if name not in ("freeze", "layerwise", "bidirectional")
}
WAYS["freeze"] = {"name": "freeze", "blocks": [1, 2]}
WAYS["layerwise"] = {"name": "layerwise", "blocks": 2}
WAYS["bidirectional"] = {"name": "bidirectional", "blocks": [2, 3]}
WAYS["metalr, released"] = {"name": "metalr", "variant": "released"}
# The order is never as it is wanted: each epoch is tried twice.
WAYS["autolr"] = {"name": "autolr", "score": 1.0, "retries": 1}


def rates(folder: Path) -> dict[int, dict[str, float]]:
    """The rate of each group by epoch."""
    found: dict[int, dict[str, float]] = {}
    with (folder / "learning_rates.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(int(row["epoch"]), {})[row["group"]] = float(row["lr"])
    return found


def finetuned(transfer: Mapping[str, Any], epochs: int = 5, **changes: Any) -> Any:
    given = {"parent": "s0", "transfer": dict(transfer), "training__epochs": epochs, **changes}
    return toys.stage("s1", given.pop("label", "sex"), **given)


@pytest.mark.parametrize("way", sorted(WAYS))
def test_continued_is_uninterrupted(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    train(toys.stage("s0", training__epochs=1), out="parents")
    schedule = {"name": "cosine", "warmup": 1.5}
    stage = finetuned(WAYS[way], training__keep="last", training__schedule=schedule)
    assert train(stage, out="whole") == {"s1": "done"}
    with toys.killed_in_third_epoch(monkeypatch):
        train(stage, out="killed")
    assert train(stage, out="continued", attempt=2) == {"s1": "done"}
    assert read(tmp_path / "continued/s1")["resumed_from_epoch"] == 2
    assert results(tmp_path / "continued/s1") == results(tmp_path / "whole/s1")


@pytest.mark.parametrize("way", sorted(WAYS))
def test_every_way_trains_jointly(train: Train, tmp_path: Path, way: str) -> None:
    """Two labels of one data set, and its images once more without labels beside them."""
    train(toys.stage("s0", training__epochs=1), out="parents")
    labelled = Source("toys", "cache", "subjects", ("sex", "age"), True)
    stage = finetuned(
        WAYS[way],
        2,
        heads=(SEX, AGE),
        sources=(labelled, Source("others", "cache", "subjects", (), False)),
        scenario={"name": "joint", "mixing": "concatenate", "unlabelled_ratio": 1.0},
        objective=BOTH,
        training__batch_size=6,
        training__accumulate=2,
    )
    assert train(stage) == {"s1": "done"}
    assert rates(tmp_path / "out/s1")


FROZEN = {
    "head": ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4"),
    "freeze": ("conv1", "bn1", "layer1"),
    "layerwise": ("conv1", "bn1", "layer1"),
    "bidirectional": ("layer1", "layer2"),
    "lora": ("bn1", "layer1.0.bn1", "layer4.0.bn2"),
}


@pytest.mark.parametrize("way", sorted(FROZEN))
def test_what_is_frozen_is_bit_equal_after_every_epoch(train: Train, tmp_path: Path, way: str) -> None:
    train(toys.stage("s0", training__epochs=1), out="parents")
    assert train(finetuned(WAYS[way], 3)) == {"s1": "done"}
    before = load_file(tmp_path / "parents/s0/weights.safetensors")
    after = load_file(tmp_path / "out/s1/weights.safetensors")
    frozen = [n for n in before if any(n.startswith(f"encoder.{part}.") for part in FROZEN[way])]
    assert any("running_mean" in name for name in frozen)
    assert all(torch.equal(before[name], after[name]) for name in frozen)
    same = [torch.equal(before[name], after[name]) for name in before if name.startswith("encoder.")]
    assert all(same) == (way == "head")


def test_gradual_unfreezing_frees_a_group_an_epoch(train: Train, tmp_path: Path) -> None:
    train(toys.stage("s0", training__epochs=1), out="parents")
    assert train(finetuned({"name": "gradual", "decay": 0.5}, 3, training__keep="last")) == {"s1": "done"}
    found = rates(tmp_path / "out/s1")
    assert [[name for name, rate in of.items() if rate] for of in found.values()] == [
        ["heads"],
        ["layer4.0", "heads"],
        ["layer3.0", "layer4.0", "heads"],
    ]
    assert found[3] == {
        "stem": 0.0, "layer1.0": 0.0, "layer2.0": 0.0,
        "layer3.0": pytest.approx(0.0025), "layer4.0": pytest.approx(0.005), "heads": pytest.approx(0.01),
    }  # fmt: skip
    before = load_file(tmp_path / "parents/s0/weights.safetensors")
    after = load_file(tmp_path / "out/s1/weights.safetensors")
    still = ("encoder.conv1.", "encoder.bn1.", "encoder.layer1.", "encoder.layer2.")
    assert all(torch.equal(before[n], after[n]) for n in before if n.startswith(still))
    for name in ("encoder.layer3.0.conv1.weight", "encoder.layer3.0.bn1.running_mean"):
        assert not torch.equal(before[name], after[name])


def test_rates_by_layer_are_written_for_each_epoch(train: Train, tmp_path: Path) -> None:
    train(toys.stage("s0", training__epochs=1), out="parents")
    schedule = {"name": "exponential", "gamma": 0.5}
    stage = finetuned({"name": "discriminative", "decay": 0.5}, 2, training__schedule=schedule)
    assert train(stage) == {"s1": "done"}
    names = ["stem", "layer1.0", "layer2.0", "layer3.0", "layer4.0", "heads"]
    found = rates(tmp_path / "out/s1")
    for epoch in (1, 2):
        wanted = [0.01 * 0.5 ** (epoch - 1) * 0.5**steps for steps in range(5, -1, -1)]
        assert found[epoch] == {name: pytest.approx(rate) for name, rate in zip(names, wanted, strict=True)}


class Scaled(Transfer):
    """All moves at `scale` times the stage's rate."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def groups(self, architecture: Any) -> Any:
        return group_by_block(architecture, {block.name: self.scale for block in architecture.blocks()})


class Watcher(Transfer):
    """Notes down what it is shown."""

    seen: ClassVar[list[Any]] = []

    held_back = 0.25  # type: ignore[assignment]

    def groups(self, architecture: Any) -> Any:
        return group_by_block(architecture)

    def start_epoch(self, running: Running) -> None:
        self.seen.append(("start", running.epoch))

    def before_step(self, running: Running) -> None:
        assert all(p.grad is not None for group in running.groups for p in group["params"])
        shown = [len(batch.images) for batch in running.batches]
        self.seen.append(("step", shown, [len(batch.images) for batch in running.held_back]))

    def end_epoch(self, running: Running) -> bool:
        self.seen.append(("end", running.epoch))
        return running.epoch != 2


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_step_is_as_large_as_its_rate(
    train: Train, tmp_path: Path, use_components: Any, optimizer: str
) -> None:
    """Halving a group's scale and doubling the stage's rate give the same weights, whatever the optimizer."""
    use_components(Path(__file__).parent)
    train(toys.stage("s0", training__epochs=1), out="parents")
    common = {"training__optimizer": {"name": optimizer}, "training__keep": "last"}
    for out, scale, lr in (("one", 1.0, 0.01), ("two", 0.5, 0.02)):
        way = {"name": f"{__name__}.Scaled", "scale": scale}
        assert train(finetuned(way, 2, training__lr=lr, **common), out=out) == {"s1": "done"}
    one, two = results(tmp_path / "one/s1"), results(tmp_path / "two/s1")
    assert one["weights.safetensors"] == two["weights.safetensors"]
    assert one["learning_rates.csv"] == two["learning_rates.csv"]


def test_a_way_is_asked_at_each_step_and_epoch_and_has_a_part_of_its_own(
    train: Train, tmp_path: Path, use_components: Any
) -> None:
    use_components(Path(__file__).parent)
    Watcher.seen.clear()
    train(toys.stage("s0", training__epochs=1), out="parents")
    way = {"name": f"{__name__}.Watcher"}
    assert train(finetuned(way, 2, training__batch_size=6, training__accumulate=2)) == {"s1": "done"}
    # Of 24 images to train on a quarter is held back.
    step, last = ("step", [6, 6], [6, 6]), ("step", [6], [6])
    assert Watcher.seen == [
        ("start", 1), step, last, ("end", 1), ("start", 2), step, last, ("end", 2),
    ]  # fmt: skip
    found = read(tmp_path / "out/s1")
    assert found["n"]["train"] == 18
    assert found["n"]["held_back"] == 6
    assert found["best_epoch"] == 1, "the second was taken back"
    with (tmp_path / "out/s1/held_back.tsv").open(newline="") as file:
        held = {row["image"] for row in csv.DictReader(file, delimiter="\t")}
    with (tmp_path / "out/s1/predictions.csv").open(newline="") as file:
        judged = {row["image"] for row in csv.DictReader(file)}
    assert len(held) == 6
    assert not held & judged
