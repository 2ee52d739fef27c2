"""Statistics of batch normalisation of the other domain: a setting of its own, with a term or alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import toys
from safetensors.torch import load_file
from test_joint import ALIKE, adapted, table, two  # noqa: F401
from toys import Train, read, results

from tlpy.architectures.build import build
from tlpy.weights.load import load_weights

PLAIN = {"cross_entropy": ALIKE["cross_entropy"]}
BARELY = {**ALIKE, "coral": {"weight": 1e-9}}
LONGER: dict[str, Any] = {"training__epochs": 12}


def answers(folder: Path, part: str) -> list[float]:
    rows = table(folder / "predictions.csv")
    return [float(row["p:M"]) for row in rows if row["split"] == part]


def says(weights: Path, shift: float, rows: list[str]) -> list[float]:
    """What the network that was handed on says of the target's images."""
    architecture = build(toys.stage().architecture, 1, (8, 8), {"sex": 1}).eval()
    load_weights(architecture, load_file(weights))
    images, _ = toys.images_and_ages(40, (8, 8))
    shown = torch.from_numpy(np.stack([images[int(row[4:])] + shift for row in rows]))
    found: list[float] = torch.sigmoid(architecture(shown)["sex"][:, 0]).tolist()
    return found


def test_alone_it_changes_the_target_and_nothing_else(train: Train, two: Path, tmp_path: Path) -> None:  # noqa: F811
    """Li et al. 2016: nothing is trained for it. The target is the source and 1, which is a shift alone."""
    train(
        adapted("s1", objective=PLAIN, scenario__unlabelled_ratio=0.0, **LONGER),
        adapted("s2", objective=PLAIN, scenario__unlabelled_ratio=0.0, training__adabn=True, **LONGER),
        data=two,
    )
    without, scores = (read(tmp_path / f"out/{stage}")["metrics"] for stage in ("s1", "s2"))
    assert scores["target"]["log_loss"] < without["target"]["log_loss"]
    for part in ("val", "test"):
        assert answers(tmp_path / "out/s1", part) == answers(tmp_path / "out/s2", part)
    history = [(tmp_path / f"out/{stage}/history.csv").read_text() for stage in ("s1", "s2")]
    assert history[0] == history[1]
    one, two_ = (load_file(tmp_path / f"out/{stage}/weights.safetensors") for stage in ("s1", "s2"))
    moved = {name for name in one if not torch.equal(one[name], two_[name])}
    assert moved
    assert all("running_" in name or "num_batches" in name for name in moved)


def test_what_is_handed_on_is_what_was_scored_on_the_target(train: Train, two: Path, tmp_path: Path) -> None:  # noqa: F811
    """Each domain is scored with its own statistics; weights have the target's. Without: one network."""
    train(
        adapted("s1", objective=BARELY, **LONGER),
        adapted("s2", objective=BARELY, training__adabn=True, **LONGER),
        data=two,
    )
    for stage in ("s1", "s2"):
        folder = tmp_path / f"out/{stage}"
        rows = [row["image"] for row in table(folder / "predictions.csv") if row["split"] == "test:blind"]
        found = says(folder / "weights.safetensors", 1.0, rows)
        assert found == pytest.approx(answers(folder, "test:blind"), abs=1e-5)
    own = [row["image"] for row in table(tmp_path / "out/s1/predictions.csv") if row["split"] == "test"]
    one, other = (says(tmp_path / f"out/{stage}/weights.safetensors", 0.0, own) for stage in ("s1", "s2"))
    assert one == pytest.approx(answers(tmp_path / "out/s1", "test"), abs=1e-5)
    assert other != pytest.approx(answers(tmp_path / "out/s2", "test"), abs=1e-3)


@pytest.mark.parametrize("term", ["coral", "mmd", "dann"])
def test_a_term_alone_does_not_switch_it_on(train: Train, two: Path, tmp_path: Path, term: str) -> None:  # noqa: F811
    arguments = {"coral": {}, "mmd": {"kernels": 5, "queue": 8}, "dann": {"hidden": 8, "gamma": 10.0}}[term]
    terms = {**PLAIN, term: {"weight": 1e-9, **arguments}}
    train(
        adapted("s1", objective=terms, **LONGER),
        adapted("s2", objective=terms, training__adabn=True, **LONGER),
        data=two,
    )
    losses = [read(tmp_path / f"out/{stage}")["metrics"]["target"]["log_loss"] for stage in ("s1", "s2")]
    assert losses[1] != losses[0]
    assert results(tmp_path / "out/s1") != results(tmp_path / "out/s2")


def test_continued_is_uninterrupted(
    train: Train,
    two: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = adapted("s1", training__adabn=True, training__epochs=3)
    train(stage, out="whole", data=two)
    with toys.killed_in_third_epoch(monkeypatch):
        train(stage, out="killed", data=two)
    train(stage, out="continued", attempt=2, data=two)
    assert results(tmp_path / "continued/s1") == results(tmp_path / "whole/s1")


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": {"name": "vit", "patch": 4, "width": 12, "depth": 1, "heads": 2}},
        {"transfer": {"name": "head"}},
    ],
)
def test_a_network_whose_statistics_cannot_move_is_refused(
    train: Train,
    two: Path,  # noqa: F811
    tmp_path: Path,
    changes: dict[str, Any],
) -> None:
    """Planning takes it out where it can know; an own network it cannot know."""
    assert train(adapted("s1", training__adabn=True, **changes), data=two) == {"s1": "failed"}
    assert "no batch normalisation whose statistics may move" in read(tmp_path / "out/s1")["reason"]
