"""DANN, CORAL and MMD against slow references, and what they must not change with."""

from __future__ import annotations

from math import exp

import pytest
import steps
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from tlpy.architectures.statistics import measure_anew
from tlpy.objectives.base import Step
from tlpy.objectives.coral import CORAL, coral
from tlpy.objectives.dann import DANN, reversal, reverse
from tlpy.objectives.mmd import MMD, mmd


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_coral_is_the_distance_of_covariances(dtype: torch.dtype) -> None:
    source, target = torch.randn(6, 3, dtype=dtype), torch.randn(9, 3, dtype=dtype) * 2
    slow = sum(
        (torch.cov(source.T)[i, j] - torch.cov(target.T)[i, j]) ** 2 for i in range(3) for j in range(3)
    )
    assert coral(source, target).item() == pytest.approx(float(slow) / (4 * 9), rel=1e-4)
    assert coral(source, source[[3, 1, 0, 2, 5, 4]] + 7).item() == pytest.approx(0, abs=1e-6)


def test_mmd_is_the_mean_over_pairs() -> None:
    source, target = torch.randn(4, 3).double(), torch.randn(5, 3).double() + 1
    rows = torch.cat([source, target])
    pairs = [(i, j) for i in range(9) for j in range(9) if i != j]
    width = sum(float((rows[i] - rows[j]).square().sum()) for i, j in pairs) / len(pairs)

    def kernel(a: torch.Tensor, b: torch.Tensor) -> float:
        distance = float((a - b).square().sum())
        return sum(exp(-distance / (width * 2.0**p)) for p in (-2, -1, 0, 1, 2)) / 5

    within = sum(kernel(a, b) for a in source for b in source if a is not b)
    slow = 0.0
    for rows_of in (source, target):
        n = len(rows_of)
        slow += sum(kernel(rows_of[i], rows_of[j]) for i in range(n) for j in range(n) if i != j) / (
            n * (n - 1)
        )
    slow -= 2 * sum(kernel(a, b) for a in source for b in target) / 20
    assert within > 0
    assert mmd(source, target).item() == pytest.approx(slow, rel=1e-6)
    assert mmd(source + 3, target + 3).item() == pytest.approx(slow, rel=1e-6)
    assert mmd(source * 5, target * 5).item() == pytest.approx(slow, rel=1e-6)
    assert mmd(target, source).item() == pytest.approx(slow, rel=1e-6)


def test_mmd_is_about_zero_for_equal_and_large_for_other_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(3, 200, 4, generator=generator)
    assert abs(mmd(draws[0], draws[1]).item()) < 0.01
    assert mmd(draws[0], draws[2] + 1).item() > 0.1


def with_features(source: torch.Tensor, target: torch.Tensor, training: bool = True) -> Step:
    nothing = torch.zeros(len(source), 1, 2)
    return Step(
        torch.nn.Identity(), nothing, {}, {}, features=source, unlabelled_features=target, training=training
    )


def test_the_queue_makes_a_large_batch_of_small_ones() -> None:
    generator = torch.Generator().manual_seed(0)
    source, target = torch.randn(2, 12, 8, generator=generator)
    term = MMD(steps.SEX, queue=9)
    term.start(steps.network(steps.SEX), frozenset())
    term.queued = torch.zeros(2, 9, 8)
    for start in (0, 3, 6):
        new = source[start : start + 3].clone().requires_grad_()
        found = term(with_features(new, target[start : start + 3]))
    order = [6, 7, 8, 3, 4, 5, 0, 1, 2]
    torch.testing.assert_close(found, mmd(source[order], target[order]))
    found.backward()
    assert new.grad is not None
    kept = term.queued.clone()
    term(with_features(source[9:], target[9:], training=False))
    torch.testing.assert_close(term.queued, kept)
    assert term.filled.tolist() == [9, 9]


def test_the_gradient_is_turned_round() -> None:
    values = torch.randn(3, requires_grad=True)
    reverse(values, 0.25).square().sum().backward()
    torch.testing.assert_close(values.grad, -0.5 * values.detach())
    assert reversal(0.0) == 0
    assert reversal(0.3) == pytest.approx(2 / (1 + exp(-3)) - 1)
    assert reversal(1.0) == pytest.approx(1, abs=1e-3)


def test_dann_weighs_domains_alike_and_pushes_features_together() -> None:
    torch.manual_seed(0)
    architecture = steps.network(steps.SEX)
    term = DANN(steps.SEX, hidden=16)
    term.start(architecture, frozenset())
    width = architecture.features
    source, target = torch.randn(6, width), torch.randn(2, width) + 1
    logits = [term.classifier(source), term.classifier(target)]
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    slow = (bce(logits[0], torch.zeros(6, 1)) + bce(logits[1], torch.ones(2, 1))) / 2
    torch.testing.assert_close(term(with_features(source, target)), slow)
    optimizer = torch.optim.Adam(term.parameters(), 0.01)
    moved = torch.nn.Parameter(torch.zeros(width))
    for _ in range(50):
        optimizer.zero_grad()
        term(with_features(source, target)).backward()
        optimizer.step()
    step = with_features(source + moved, target)
    step.progress = 1.0
    term(step).backward()
    # Against the gradient, the source moves towards the target.
    assert moved.grad is not None
    assert (-moved.grad).sum() > 0


def test_two_images_are_the_least_for_a_covariance() -> None:
    step = with_features(torch.randn(1, 3), torch.randn(4, 3))
    assert CORAL(steps.SEX)(step) == 0


def test_both_domains_go_through_the_network_in_one_batch() -> None:
    objective, architecture = steps.started({"coral": 1}, steps.SEX)
    _, twin = steps.started(None, steps.SEX)
    step = steps.observed(objective, architecture.train(), steps.SEX)
    both = twin.train().encoder(torch.cat([steps.images(4), steps.images(3, seed=2)]))
    torch.testing.assert_close(step.features, both[:4])
    torch.testing.assert_close(step.unlabelled_features, both[4:])
    for mine, theirs in zip(architecture.buffers(), twin.buffers(), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_with_statistics_of_its_own_each_domain_goes_through_it_by_itself() -> None:
    objective, architecture = steps.started({"coral": 1}, steps.SEX)
    alone, twin = steps.started(None, steps.SEX)
    step = steps.observed(objective, architecture.train(), steps.SEX, apart=True)
    torch.testing.assert_close(step.features, twin.train().encoder(steps.images(4)))
    # Statistics that are kept are those of images with labels, as of a network that saw no others.
    for mine, theirs in zip(architecture.buffers(), twin.buffers(), strict=True):
        torch.testing.assert_close(mine, theirs)
    torch.testing.assert_close(step.unlabelled_features, twin.encoder(steps.images(3, seed=2)))
    assert not alone.aligns


@pytest.mark.parametrize("apart", [False, True])
def test_a_decoder_beside_an_alignment_sees_both_domains(apart: bool) -> None:
    objective, architecture = steps.started({"coral": 1, "reconstruction": 1}, steps.SEX)
    step = steps.observed(objective, architecture.train(), steps.SEX, apart=apart)
    assert step.maps is not None
    assert len(step.maps) == 7
    torch.testing.assert_close(step.maps[:4].flatten(2).mean(2), step.features)
    torch.testing.assert_close(step.maps[4:].flatten(2).mean(2), step.unlabelled_features)
    objective(step)[0].backward()


def test_statistics_are_measured_anew_on_what_is_shown() -> None:
    architecture = steps.network(steps.SEX).train()
    frozen, first = [module for module in architecture.modules() if isinstance(module, _BatchNorm)][-1:-3:-1]
    frozen.eval()
    before = frozen.running_var.clone()
    layers = measure_anew(architecture)
    assert layers == sum(module.training for module in architecture.modules())
    shown = [3 * steps.images(4) + 1, 3 * steps.images(4, seed=2) + 1]
    seen: list[torch.Tensor] = []
    first.register_forward_hook(lambda _, given, __: seen.append(given[0].mean((0, 2, 3))))
    for images in shown:
        architecture.encoder(images)
    torch.testing.assert_close(first.running_mean, torch.stack(seen).mean(0))
    torch.testing.assert_close(frozen.running_var, before)
