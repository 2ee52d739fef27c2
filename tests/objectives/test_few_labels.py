"""The fast part of the benchmark of few labels: each method on toy folds, where the answer is known."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import steps
import torch
from torch import Tensor

from tlpy.architectures.base import Architecture
from tlpy.architectures.build import build
from tlpy.objectives.base import Objective
from tlpy.objectives.build import build_objective
from tlpy.objectives.complete import complete_objective

LABELLED = 6  # of each side
STEPS = 40
# The objective, its steps, and its learning rate.
PRETRAININGS: dict[str, tuple[Any, int, float]] = {
    "masked_autoencoder": ({"masked_autoencoder": {"patch": 4, "width": 32}}, 70, 3e-3),
    "models_genesis": ({"models_genesis": {"width": 32}}, 110, 5e-3),
    "rotation": ("rotation", 60, 2e-3),
    "simclr": ({"simclr": {"temperature": 0.1}}, 50, 2e-3),
}


@cache
def folds(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Images (n, 1, 24, 24) of ridges that lean to the left (0) or to the right (1), and which.

    Their place, width, height and noise say nothing about it.
    """
    draws = torch.Generator().manual_seed(seed)

    def between(low: float, high: float) -> Tensor:
        return (torch.rand(n, generator=draws) * (high - low) + low).reshape(n, 1, 1)

    side = torch.arange(n) % 2.0
    lean = 0.8 * (2 * side - 1).reshape(n, 1, 1)
    rows, columns = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
    phase = (rows + lean * columns) * between(0.06, 0.09) + between(0, 1)
    images = 2 * between(0.7, 1.3) * (phase % 1).square()
    images = images + 0.4 * torch.randn(n, 24, 24, generator=draws)
    images = (images - images.mean((1, 2), keepdim=True)) / images.std((1, 2), keepdim=True)
    return images[:, None], side


def network(task: Any, value: Any) -> tuple[Architecture, Objective]:
    torch.manual_seed(0)
    shape = {"name": "resnet10", "filters": 8, "kernel": 3}
    architecture = build(shape, 1, (24, 24), dict.fromkeys((head.label for head in task), 1))
    objective = build_objective(complete_objective(value, task, "objective"), task)
    objective.start(architecture, set(), None)
    return architecture, objective


def pretrained(value: Any, count: int, lr: float) -> Architecture:
    """A network after `count` steps on 256 images without labels."""
    architecture, objective = network(steps.NONE, value)
    owned = [parameter for group in objective.groups() for _, parameter in group.parameters]
    optimizer = torch.optim.Adam([*architecture.parameters(), *owned], lr)
    images, _ = folds(256, 0)
    draws = torch.Generator().manual_seed(0)
    for _ in range(count):
        batch = images[torch.randperm(len(images), generator=draws)[:32]]
        optimizer.zero_grad()
        objective(objective.observe(architecture.train(), batch, {}, generator=draws))[0].backward()
        optimizer.step()
    return architecture


def linear_probe(architecture: Architecture) -> float:
    """AUROC of ridge regression on features, by twelve labels; the mean over 40 draws of these."""
    images, side = folds(256, 0)
    others, true = folds(200, 1)
    with torch.no_grad():
        for start in range(0, len(images), 32):  # a network that was not trained has no statistics yet
            architecture.train().encoder(images[start : start + 32])
        learnt, judged = (architecture.eval().encoder(part) for part in (images, others))
    mean, sd = learnt.mean(0), learnt.std(0) + 1e-6
    learnt, judged = (learnt - mean) / sd, (judged - mean) / sd
    draws = torch.Generator().manual_seed(0)
    found = []
    for _ in range(40):
        rows = torch.randperm(len(side) // 2, generator=draws)[:LABELLED] * 2
        chosen = learnt[torch.cat([rows, rows + 1])]
        answers = torch.tensor([-1.0] * LABELLED + [1.0] * LABELLED)
        ridge = chosen @ chosen.T + 3 * len(answers) * torch.eye(len(answers))
        found.append(auroc(judged @ chosen.T @ torch.linalg.solve(ridge, answers), true))
    return sum(found) / len(found)


def auroc(scores: Tensor, true: Tensor) -> float:
    return float((scores[true == 1, None] > scores[None, true == 0]).float().mean())


@pytest.mark.parametrize("name", PRETRAININGS)
def test_pretraining_gives_features_that_a_few_labels_are_enough_for(name: str) -> None:
    by_chance = linear_probe(network(steps.NONE, "rotation")[0])
    assert linear_probe(pretrained(*PRETRAININGS[name])) > by_chance + 0.1


@pytest.mark.parametrize("value", [{"fixmatch": 1}, {"mean_teacher": 5}], ids=str)
def test_images_without_labels_help_beside_a_few_with(value: dict[str, Any]) -> None:
    def learnt(value: Any) -> float:
        architecture, objective = network(steps.SEX, value)
        optimizer = torch.optim.Adam(architecture.parameters(), 2e-3)
        images, side = folds(256, 0)
        few, targets = images[: 2 * LABELLED], {"sex": side[: 2 * LABELLED]}
        draws = torch.Generator().manual_seed(0)
        for number in range(STEPS):
            others = images[torch.randperm(len(images), generator=draws)[:48]]
            step = objective.observe(
                architecture.train(), few, targets, others, generator=draws, progress=number / STEPS
            )
            optimizer.zero_grad()
            objective(step)[0].backward()
            optimizer.step()
            objective.after_step(architecture)
        judged = objective.average() or architecture
        tested, true = folds(200, 1)
        with torch.no_grad():
            return auroc(judged.eval()(tested)["sex"][:, 0], true)

    assert learnt(value) > learnt({}) + 0.05
