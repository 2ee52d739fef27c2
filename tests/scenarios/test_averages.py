"""A moving average of the network is what is validated, kept and handed on, where a term holds one."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import toys
from safetensors.torch import load_file
from torch import Tensor, nn
from toys import Train, read, results

from tlpy.objectives.base import Step, Term
from tlpy.objectives.teacher import Teacher
from tlpy.records import Source, Stage

PRIMARY = {"cross_entropy": {"weight": 1.0}}
TERMS: dict[str, dict[str, Any]] = {
    "fixmatch": {"weight": 1.0, "threshold": 0.6, "ema": 0.9},
    "mean_teacher": {"weight": 5.0, "ema": [0.8, 0.9]},
}


def beside(term: str, **changes: Any) -> Stage:
    """Sexes with labels, and the same images without, by a term with a teacher."""
    joint = {"name": "joint", "mixing": "concatenate", "unlabelled_ratio": 1.0}
    labelled = Source("toys", "cache", "subjects", ("sex",), True)
    sources = (labelled, replace(labelled, labels=(), labelled=False))
    settings = {"objective": {**PRIMARY, term: TERMS[term]}, "scenario": joint, "sources": sources}
    return toys.stage("s1", "sex", **{**settings, **changes})


@pytest.mark.parametrize("term", TERMS)
def test_what_is_stored_is_the_moving_average(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    expected: dict[str, Tensor] = {}
    teachers: list[Teacher] = []
    follow = Teacher.follow

    def watched(self: Teacher, architecture: nn.Module, decay: float) -> None:
        done = len(teachers)
        share = min(decay, (1 + done) / (10 + done))
        for name, value in architecture.named_parameters():
            before = expected.get(name, dict(self.network.named_parameters())[name]).detach()
            expected[name] = share * before + (1 - share) * value.detach()
        follow(self, architecture, decay)
        teachers.append(self)

    monkeypatch.setattr(Teacher, "follow", watched)
    train(beside(term, training__keep="last"))
    stored = load_file(tmp_path / "out/s1/weights.safetensors")
    for name, value in expected.items():
        torch.testing.assert_close(stored[name], value, msg=name)
    statistics = dict(teachers[0].network.named_buffers())
    assert statistics
    assert all(torch.equal(stored[name], value) for name, value in statistics.items())
    assert len(teachers) == 9, "three epochs of 24 images in batches of 8"


@pytest.mark.parametrize("term", TERMS)
def test_continued_is_uninterrupted(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    stage = beside(term, training__epochs=5)
    train(stage, out="whole")
    with toys.killed_in_third_epoch(monkeypatch):
        train(stage, out="killed")
    train(stage, out="continued", attempt=2)
    assert read(tmp_path / "continued/s1")["resumed_from_epoch"] == 2
    assert results(tmp_path / "continued/s1") == results(tmp_path / "whole/s1")


class Still(Term):
    """An average that never moves: the network as it was taken over."""

    averages = True

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: dict[str, Tensor] | None = None
    ) -> None:
        del loaded, targets
        self.first = deepcopy(architecture).requires_grad_(False)

    def average(self) -> Any:
        return self.first

    def forward(self, step: Step) -> Tensor:
        return step.images.new_zeros(())


@pytest.mark.parametrize("keep", ["best", "last"])
def test_an_own_terms_average_is_scored_and_kept(train: Train, tmp_path: Path, keep: str) -> None:
    train(toys.stage("s0", "sex"), out="parents")
    both = {**PRIMARY, "test_averages.Still": {"weight": 1.0}}
    train(toys.stage("s1", "sex", parent="s0", objective=both, training__keep=keep))
    before, after = (load_file(tmp_path / name / "weights.safetensors") for name in ("parents/s0", "out/s1"))
    assert all(torch.equal(after[name], value) for name, value in before.items())
    first, second = read(tmp_path / "parents/s0"), read(tmp_path / "out/s1")
    assert first["metrics"]["test"] == second["metrics"]["test"]
    assert first["metrics"]["val"] == second["metrics"]["val"]
