"""The fast part of benchmarks/methods.py: what each method is for, seen in a few seconds on toy brains."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import steps
import torch

from tlpy.objectives.mmd import mmd

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")


@pytest.fixture(scope="module")
def people() -> Iterator[Any]:
    """Toy brains of two scanners; the benchmark's studies can be imported meanwhile."""
    sys.path.insert(0, BENCHMARKS)
    from known_answers.people import simulate_people

    yield simulate_people(160, shape=(28, 36, 30), spacing=6.0)
    sys.path.remove(BENCHMARKS)


def test_a_label_that_nobody_has_changes_nothing(people: Any, tmp_path: Path) -> None:
    from known_answers.multitask import multitask

    alone = multitask(people, 0, tmp_path / "a", "single", 2)
    beside = multitask(people, 0, tmp_path / "b", "one_absent", 2)
    assert alone["mae"] == beside["mae"]


def test_the_elastic_penalty_keeps_weights_near(people: Any, tmp_path: Path) -> None:
    from known_answers.elastic_penalty import elastic

    found = [
        elastic(people, 0, tmp_path / strength, strength, 2)["distance"] for strength in ("0", "0.1", "1")
    ]
    assert found[0] > found[1] > found[2]


@pytest.mark.parametrize("term", [{"mmd": 1}, {"coral": 100}])
def test_adaptation_makes_features_of_two_scanners_alike(term: dict[str, float]) -> None:
    def gap(value: dict[str, float]) -> float:
        objective, architecture = steps.started(value, steps.SEX)
        owned = [p for group in objective.groups() for _, p in group.parameters]
        optimizer = torch.optim.Adam([*architecture.parameters(), *owned], 3e-3)
        draws = torch.Generator().manual_seed(0)
        sex = torch.arange(32) % 2.0
        for number in range(40):
            noise = torch.randn(64, 1, *steps.SIZES[2], generator=draws)
            # The sex shows on the left; the second scanner is brighter on the right and has more contrast.
            noise[:32, :, :8] += sex.reshape(-1, 1, 1, 1)
            noise[32:, :, :8] += sex.reshape(-1, 1, 1, 1)
            noise[32:] *= 1.5
            noise[32:, :, 8:] += 1
            step = objective.observe(
                architecture.train(), noise[:32], {"sex": sex}, noise[32:], progress=number / 40
            )
            optimizer.zero_grad()
            objective(step)[0].backward()
            optimizer.step()
        with torch.no_grad():
            features = architecture.eval().encoder(noise)
        return float(mmd(features[:32], features[32:]))

    assert gap(term) < 0.7 * gap({})
