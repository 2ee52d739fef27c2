"""The fast part of benchmarks/methods.py: what each method is for, seen in a few seconds on toy brains."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import steps
import torch
from torch import nn

from tlpy.architectures.base import Architecture
from tlpy.metrics.registry import compute
from tlpy.objectives.build import build_objective
from tlpy.objectives.complete import complete_objective

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


def drawn(n: int, draws: torch.Generator, other: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, 1, 2): what shows the sex on each scanner, and a louder cue to it that only the first one has."""
    sex = torch.arange(n) % 2.0
    sign = (2 * sex - 1)[:, None]
    signal = sign + 0.8 * torch.randn(n, 1, generator=draws)
    noise = torch.randn(n, 1, generator=draws)
    return torch.cat([signal, 2 + noise if other else sign + 0.5 * noise], 1)[:, None], sex


def adapted(value: dict[str, Any]) -> tuple[float, float]:
    """AUROC of sex on the other scanner, and of a fresh linear classifier of the scanners, after training.

    The classifier is shrunk (ridge): it can't live off traces that training has made small.
    """
    draws = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    objective = build_objective(complete_objective(value, steps.SEX, "objective"), steps.SEX)
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 8))
    architecture = Architecture(encoder, 8, {"sex": 1})
    objective.start(architecture, set(), None)
    owned = [p for group in objective.groups() for _, p in group.parameters]
    optimizer = torch.optim.Adam([*architecture.parameters(), *owned], 0.01)
    for number in range(300):
        (images, sex), (others, _) = drawn(32, draws, False), drawn(32, draws, True)
        step = objective.observe(architecture, images, {"sex": sex}, others, progress=number / 300)
        optimizer.zero_grad()
        objective(step)[0].backward()
        optimizer.step()
    (images, _), (others, sex) = drawn(400, draws, False), drawn(400, draws, True)
    with torch.no_grad():
        features = torch.cat([encoder(images), encoder(others)])
        answers = architecture.predict(features[400:])["sex"][:, 0]
    scanner = torch.arange(800) // 400
    features = (features - features.mean(0)) / features.std()
    shown = features[::3]
    fitted = torch.linalg.solve(
        shown.T @ shown + len(shown) * torch.eye(8), shown.T @ (scanner[::3] * 2.0 - 1)
    )
    return auroc(sex, answers), auroc(scanner[1::3], features[1::3] @ fitted)


def auroc(true: torch.Tensor, score: torch.Tensor) -> float:
    return compute("binary", true.numpy().astype(int), score.double().numpy())["auroc"]


@pytest.fixture(scope="module")
def source_only() -> tuple[float, float]:
    return adapted({})


@pytest.mark.parametrize(("term", "less"), [({"coral": 100}, 0.03), ({"mmd": 1}, 0.1), ({"dann": 1}, 0.1)])
def test_adaptation_beats_source_only_on_the_other_scanner(
    term: dict[str, float], less: float, source_only: tuple[float, float]
) -> None:
    """A cue that one scanner has and the other has not makes features differ: it is what is given up."""
    target, scanners = adapted(term)
    assert target > source_only[0] + 0.15
    # CORAL does not see where the means are.
    assert scanners < source_only[1] - less
