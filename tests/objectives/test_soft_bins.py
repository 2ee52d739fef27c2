"""Soft bins against a slow reference, and the focal loss."""

from __future__ import annotations

from itertools import pairwise
from math import erf, exp, log, sqrt

import numpy as np
import pytest
import steps
import torch

from tlpy.errors import InputError
from tlpy.objectives.base import Step
from tlpy.objectives.bins import centres, decode
from tlpy.objectives.build import build_objective
from tlpy.objectives.complete import complete_objective
from tlpy.objectives.soft_bins import soft_labels
from tlpy.records import Head


def normal(x: float) -> float:
    return (1 + erf(x / sqrt(2))) / 2


def slow_soft_label(age: float, low: float, high: float, bins: int, sigma: float) -> list[float]:
    width = (high - low) / bins
    edges = [low + width * place for place in range(bins + 1)]
    shares = [normal((b - age) / sigma) - normal((a - age) / sigma) for a, b in pairwise(edges)]
    return [share / sum(shares) for share in shares]


@pytest.mark.parametrize("age", [41.0, 42.0, 55.3, 81.9, 84.0])
@pytest.mark.parametrize(("bins", "sigma"), [(40, 1.0), (10, 2.5)])
def test_soft_labels_are_shares_of_a_normal_distribution(age: float, bins: int, sigma: float) -> None:
    edges = torch.linspace(42, 82, bins + 1, dtype=torch.float64)
    found = soft_labels(torch.tensor([age], dtype=torch.float64), edges, sigma)[0]
    np.testing.assert_allclose(found.numpy(), slow_soft_label(age, 42, 82, bins, sigma), atol=1e-9)


@pytest.mark.parametrize("age", [-200.0, 18.0, 30.0, 95.0, 1000.0])
def test_ages_far_outside_lie_in_the_outermost_bin(age: float) -> None:
    edges = torch.linspace(42, 82, 41, dtype=torch.float64)
    found = soft_labels(torch.tensor([age], dtype=torch.float64), edges, 1.0)[0]
    assert found.isfinite().all()
    assert found.sum() == pytest.approx(1)
    assert found[0 if age < 42 else -1] > 0.9


def test_loss_is_kl_in_label_units_and_targets_stay_as_they_are() -> None:
    objective = build_objective(complete_objective("soft_bins", steps.AGE, "o"), steps.AGE)
    mean, sd = 60.0, 8.0
    ages = [50.0, 71.5, 60.0]
    targets = torch.tensor([(age - mean) / sd for age in ages] + [steps.NAN])
    kept = targets.clone()
    objective.start(torch.nn.Identity(), set(), {"age": targets}, scales={"age": (mean, sd)})
    logits = torch.randn(4, 40, requires_grad=True)
    step = Step(torch.nn.Identity(), torch.zeros(4, 1, 2), {"age": logits}, {"age": targets})
    total, _ = objective(step)
    slow = []
    for row, age in enumerate(ages):
        values = logits[row].tolist()
        norm = log(sum(exp(v) for v in values))
        soft = slow_soft_label(age, 42, 82, 40, 1.0)
        slow.append(sum(q * (log(q) - v + norm) for q, v in zip(soft, values, strict=True) if q > 0))
    assert total.item() == pytest.approx(sum(slow) / 3, rel=1e-4)
    total.backward()
    assert logits.grad is not None
    assert not logits.grad[3].any()
    torch.testing.assert_close(targets, kept, equal_nan=True)


def test_prediction_is_the_expectation() -> None:
    edges = torch.linspace(42, 82, 41, dtype=torch.float64)
    soft = soft_labels(torch.tensor([50.0, 66.2], dtype=torch.float64), edges, 1.0)
    logits = (soft + 1e-30).log().numpy() + 5  # a constant changes nothing
    np.testing.assert_allclose(decode(logits, 42, 82, 40, sigma=1.0), [50.0, 66.2], atol=1e-6)
    assert centres(42, 82, 40)[[0, -1]].tolist() == [42.5, 81.5]
    with pytest.raises(ValueError, match=r"\(n, 40\), found \(2, 3\)"):
        decode(np.zeros((2, 3)), 42, 82, 40)


def test_bins_beside_the_labels_are_refused() -> None:
    objective = build_objective(complete_objective("soft_bins", steps.AGE, "o"), steps.AGE)
    with pytest.raises(InputError, match=r"outside of the bins from 42 to 82: age goes from 10 to 14"):
        objective.start(
            torch.nn.Identity(), set(), {"age": torch.tensor([-1.0, 1.0])}, scales={"age": (12.0, 2.0)}
        )
    with pytest.raises(InputError, match=r"soft_bins: low \(90\) must be below high \(82\)"):
        complete_objective({"soft_bins": {"low": 90}}, steps.AGE, "o")


@pytest.mark.parametrize("task", [steps.SEX, steps.SITE, steps.FOUND])
def test_focal_is_cross_entropy_times_what_is_not_known_yet(task: tuple[Head, ...]) -> None:
    label = task[0].label
    k = {"binary": 1, "multiclass": 3, "multilabel": 3}[task[0].type]
    logits = torch.randn(4, k, dtype=torch.float64) * 3
    step = Step(torch.nn.Identity(), torch.zeros(4, 1, 2), {label: logits}, steps.targets(task))

    def value(objective: object) -> float:
        return build_objective(complete_objective(objective, task, "o"), task)(step)[0].item()

    assert value({"focal": {"gamma": 0}}) == pytest.approx(value("cross_entropy"))
    slow = []
    for row, true in enumerate(step.targets[label]):
        if k == 1:
            pairs = [(1 / (1 + exp(-logits[row, 0].item())), true.item())]
        elif task[0].type == "multilabel":
            pairs = [(1 / (1 + exp(-v)), t) for v, t in zip(logits[row].tolist(), true.tolist(), strict=True)]
        else:
            p = logits[row].softmax(0)[int(true)].item()
            pairs = [(p, 1)]
        for p, t in pairs:
            p = p if t else 1 - p
            slow.append(-((1 - p) ** 2) * log(p))
    assert value("focal") == pytest.approx(sum(slow) / len(slow), rel=1e-6)


def test_focal_has_a_gradient_where_all_is_right() -> None:
    logits = torch.tensor([[80.0], [-80.0]], requires_grad=True)
    objective = build_objective(complete_objective({"focal": {"gamma": 0.5}}, steps.SEX, "o"), steps.SEX)
    step = Step(torch.nn.Identity(), torch.zeros(2, 1, 2), {"sex": logits}, {"sex": torch.tensor([1.0, 0.0])})
    objective(step)[0].backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_missing_columns_of_several_labels_are_masked() -> None:
    logits = torch.randn(3, 3, requires_grad=True)
    targets = torch.tensor([[1.0, steps.NAN, 0.0], [0.0, steps.NAN, 1.0], [steps.NAN, steps.NAN, 1.0]])
    objective = build_objective(complete_objective(None, steps.FOUND, "o"), steps.FOUND)
    step = Step(torch.nn.Identity(), torch.zeros(3, 1, 2), {"found": logits}, {"found": targets})
    total, _ = objective(step)
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    columns = [bce(logits[:2, 0], targets[:2, 0]), torch.tensor(0.0), bce(logits[:, 2], targets[:, 2])]
    torch.testing.assert_close(total, torch.stack(columns).mean())
    total.backward()
    assert logits.grad is not None
    assert not logits.grad[:, 1].any()
