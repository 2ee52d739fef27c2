"""FixMatch, mean teacher and the moving average."""

from __future__ import annotations

from math import exp
from typing import Any

import pytest
import steps
import torch

from tlpy.errors import InputError
from tlpy.objectives.checks import check_fit
from tlpy.objectives.complete import complete_objective
from tlpy.objectives.fixmatch import pseudo_label_loss
from tlpy.objectives.mean_teacher import ramp_up, shares
from tlpy.objectives.teacher import Teacher


def test_the_teacher_is_the_moving_average() -> None:
    architecture = steps.network(steps.SEX)
    teacher = Teacher(architecture)
    name, parameter = next(iter(architecture.named_parameters()))
    expected = parameter.detach().clone()
    for done in range(30):
        with torch.no_grad():
            parameter.add_(1)
        teacher.follow(architecture, 0.6)
        decay = min(0.6, (1 + done) / (10 + done))
        expected = decay * expected + (1 - decay) * parameter.detach()
    torch.testing.assert_close(dict(teacher.network.named_parameters())[name].detach(), expected)
    assert teacher.steps == 30
    assert not any(p.requires_grad for p in teacher.parameters())
    assert teacher(steps.images(), architecture)["sex"].grad_fn is None


def test_the_teacher_has_own_statistics_and_the_networks_modes() -> None:
    architecture = steps.network(steps.SEX).train()
    teacher = Teacher(architecture)
    architecture.encoder.layer1.eval()
    before = {name: value.clone() for name, value in architecture.named_buffers()}
    teacher(steps.images(seed=5) + 3, architecture)
    teacher.follow(architecture, 0.9)
    own = dict(teacher.network.named_buffers())
    for name, value in architecture.named_buffers():
        assert torch.equal(before[name], value), "asking the teacher leaves the network as it is"
        frozen = name.startswith("encoder.layer1")
        assert torch.equal(own[name], value) == frozen, name
    architecture.eval()
    said = teacher(steps.images(), architecture)["sex"]
    torch.testing.assert_close(said[:2], teacher(steps.images()[:2], architecture)["sex"])


def test_a_teacher_is_continued() -> None:
    architecture = steps.network(steps.SEX)
    teacher, other = Teacher(architecture), Teacher(architecture)
    teacher.follow(architecture, 0.9)
    other.load_state_dict(teacher.state_dict())
    assert other.steps == 1


def test_who_is_judged() -> None:
    """The teacher, where there is one that averages."""
    cases: dict[str, Any] = {
        "fixmatch": {"fixmatch": 1},
        "mean teacher": {"mean_teacher": 1},
        "the network itself": {"fixmatch": {"ema": 0}},
    }
    for case, value in cases.items():
        objective, _ = steps.started(value, steps.SEX)
        network = None if "itself" in case else objective.terms[1].teacher.network
        assert objective.average() is network


def test_two_averages_cannot_both_be_judged() -> None:
    def check(**terms: Any) -> None:
        check_fit(complete_objective(terms, steps.SEX, "objective"), "objective")

    with pytest.raises(InputError, match=r"fixmatch and mean_teacher each hold a moving average.*ema: 0"):
        check(fixmatch=1, mean_teacher=1)
    check(fixmatch={"ema": 0}, mean_teacher=1)


def test_labelled_images_do_not_change_what_fixmatch_asks() -> None:
    value = {"fixmatch": {"weak": None, "strong": None, "threshold": 0.0}}
    objective, architecture = steps.started(value, steps.SEX)
    architecture.eval()
    step = steps.observed(objective, architecture, steps.SEX)
    assert step.unlabelled is not None
    logits = architecture(step.unlabelled)["sex"]
    expected = pseudo_label_loss(logits, logits.detach(), 0.0, True)
    torch.testing.assert_close(objective(step)[1]["fixmatch"], expected.detach())


@pytest.mark.parametrize("binary", [True, False])
def test_only_sure_images_teach(binary: bool) -> None:
    if binary:
        said = torch.tensor([[4.0], [-4.0], [0.5]])
        two = torch.cat([torch.zeros(3, 1), said], 1)
    else:
        said = two = torch.tensor([[9.0, 0.0, 0.0], [0.0, 0.0, 9.0], [1.0, 0.5, 0.0]])
    logits = torch.randn(3, said.shape[1], requires_grad=True)
    found = pseudo_label_loss(logits, said, 0.95, binary)
    full = torch.cat([torch.zeros(3, 1), logits], 1) if binary else logits
    slow = sum(-full.log_softmax(1)[row, two[row].argmax()] for row in (0, 1)) / 3
    torch.testing.assert_close(found, slow)
    found.backward()
    assert logits.grad is not None
    assert not logits.grad[2].any()
    assert pseudo_label_loss(logits, said * 0, 0.95, binary) == 0


def test_the_ramp_of_the_mean_teacher() -> None:
    assert ramp_up(0.0, 0.4) == pytest.approx(exp(-5))
    assert ramp_up(0.2, 0.4) == pytest.approx(exp(-5 / 4))
    assert ramp_up(0.4, 0.4) == ramp_up(1.0, 0.4) == ramp_up(0.0, 0.0) == 1
    outputs = torch.randn(3, 3)
    torch.testing.assert_close(shares(outputs, "multiclass"), outputs.softmax(1))
    torch.testing.assert_close(shares(outputs[:, :1], "binary"), outputs[:, :1].sigmoid())
    torch.testing.assert_close(shares(outputs, "regression"), outputs)


def test_consistency_is_zero_where_teacher_and_network_agree() -> None:
    value = {"mean_teacher": {"augmentation": None}}
    objective, architecture = steps.started(value, steps.SEX)
    architecture.eval()
    assert objective(steps.observed(objective, architecture, steps.SEX))[1]["mean_teacher"] == 0
    with torch.no_grad():
        for parameter in architecture.heads.parameters():
            parameter.add_(1)
    step = steps.observed(objective, architecture, steps.SEX, progress=1.0)
    said = objective.terms[1].teacher(step.all_images, architecture)["sex"].sigmoid()
    expected = (architecture(step.all_images)["sex"].sigmoid() - said).square().mean()
    torch.testing.assert_close(objective(step)[1]["mean_teacher"], expected.detach())
