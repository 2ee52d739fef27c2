"""Optimizers and schedules: names, arguments, and the rates they really give."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from tlpy.errors import InputError
from tlpy.optimizers.build import build_optimizer, build_schedule
from tlpy.optimizers.registry import OPTIMIZERS, SCHEDULES, complete_optimizer, complete_schedule
from tlpy.transfer.groups import ParameterGroup, ParameterGroups
from tlpy.transfer.running import rate_of


def groups(network: nn.Module) -> ParameterGroups:
    named = tuple(network.named_parameters())
    return ParameterGroups((ParameterGroup("encoder", named[:1], 0.1), ParameterGroup("heads", named[1:])))


def rates(
    component: Any, epochs: int, steps: int, lr: float = 1.0, losses: list[float] | None = None
) -> list[float]:
    """The heads' rate at every step, driven as Lightning drives it."""
    optimizer = build_optimizer({"name": "sgd"}, groups(nn.Linear(2, 1)), lr)
    made = build_schedule(component, optimizer, epochs, steps)
    found = []
    for epoch in range(epochs):
        for _ in range(steps):
            found.append(rate_of(optimizer.param_groups[1]))
            assert rate_of(optimizer.param_groups[0]) == pytest.approx(found[-1] / 10)
            optimizer.step()
            if made and made["interval"] == "step":
                made["scheduler"].step()
        if made and made["interval"] == "epoch":
            made["scheduler"].step(*([losses[epoch]] if losses else []))
    return found


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_every_optimizer_fits_a_line(name: str) -> None:
    torch.manual_seed(0)
    network, images = nn.Linear(2, 1), torch.randn(16, 2)
    targets = images @ torch.tensor([[1.0], [-2.0]])
    lr = {"adadelta": 20.0, "adagrad": 0.5, "sgd": 0.02, "radam": 0.2}.get(name, 0.05)
    named = ParameterGroups((ParameterGroup("all", tuple(network.named_parameters())),))
    optimizer = build_optimizer({"name": name, "weight_decay": 0}, named, lr)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = (network(images) - targets).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 4


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "adagrad"])
def test_fused_where_torch_has_it_and_equal_to_the_plain_one(name: str) -> None:
    results = []
    for fused in (True, False):
        torch.manual_seed(0)
        network = nn.Linear(3, 2)
        optimizer = build_optimizer({"name": name}, groups(network), 0.1)
        assert all(group["fused"] for group in optimizer.param_groups)
        if not fused:
            arguments = {k: v for k, v in complete_optimizer(name, "optimizer").items() if k != "name"}
            optimizer = OPTIMIZERS.load(name)(groups(network).for_optimizer(0.1), lr=0.1, **arguments)
        for _ in range(3):
            optimizer.zero_grad()
            network(torch.ones(1, 3)).square().sum().backward()
            optimizer.step()
        results.append(network.weight.detach().clone())
    torch.testing.assert_close(*results)


def test_groups_keep_their_names_rates_and_options() -> None:
    network = nn.Linear(2, 1)
    pair = groups(network).groups
    named = ParameterGroups(
        (pair[0], ParameterGroup("heads", pair[1].parameters, 2.0, {"weight_decay": 0.0}))
    )
    optimizer = build_optimizer({"name": "adamw"}, named, 0.1)
    found = [(g["name"], rate_of(g), g["weight_decay"]) for g in optimizer.param_groups]
    assert found == [("encoder", pytest.approx(0.01), 0.01), ("heads", 0.2, 0.0)]


def test_class_paths() -> None:
    component = {"name": "torch.optim.ASGD", "lambd": 0.1}
    # torch's own defaults, as for the names: writing one out changes nothing.
    complete = {**component, "alpha": 0.75, "t0": 1e6, "weight_decay": 0.0}
    assert complete_optimizer(component, "optimizer") == complete
    with pytest.raises(InputError, match=r"takes no 'lambda' \(did you mean 'lambd'"):
        complete_optimizer({"name": "torch.optim.ASGD", "lambda": 0.1}, "optimizer")
    optimizer = build_optimizer(component, groups(nn.Linear(2, 1)), 0.1)
    assert (type(optimizer), optimizer.param_groups[0]["lambd"]) == (torch.optim.ASGD, 0.1)
    made = build_schedule({"name": "torch.optim.lr_scheduler.StepLR", "step_size": 2}, optimizer, 4, 5)
    assert made is not None
    assert isinstance(made["scheduler"], torch.optim.lr_scheduler.StepLR)
    assert made["interval"] == "epoch"


def test_constant_needs_no_scheduler() -> None:
    optimizer = build_optimizer({"name": "sgd"}, groups(nn.Linear(2, 1)), 0.1)
    assert build_schedule(None, optimizer, 3, 2) is None
    assert build_schedule({"name": "constant"}, optimizer, 3, 2) is None


def test_courses() -> None:
    assert rates({"name": "step", "every": 2, "gamma": 0.5}, 5, 1) == [1, 1, 0.5, 0.5, 0.25]
    assert rates({"name": "multistep", "milestones": [3, 1], "gamma": 0.1}, 4, 1) == pytest.approx(
        [1, 0.1, 0.1, 0.01]
    )
    assert rates({"name": "exponential", "gamma": 0.5}, 3, 2) == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert rates({"name": "linear", "final": 0.2}, 2, 2) == pytest.approx([1, 0.8, 0.6, 0.4])
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(
        torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0), 6, 0.1
    )
    expected = []
    for _ in range(6):
        expected.append(reference.get_last_lr()[0])
        reference.optimizer.step()
        reference.step()
    assert rates({"name": "cosine", "final": 0.1}, 3, 2) == pytest.approx(expected)


def test_onecycle_is_torchs() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    reference = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        1.0,
        total_steps=20,
        pct_start=0.3,
        div_factor=25,
        final_div_factor=1e4 / 25,
        cycle_momentum=False,
    )
    expected = []
    for _ in range(20):
        expected.append(reference.get_last_lr()[0])
        optimizer.step()
        if len(expected) < 20:
            reference.step()
    found = rates({"name": "onecycle"}, 4, 5)
    # torch puts the peak one step earlier; the ends and the height are the same.
    assert found[0] == pytest.approx(expected[0])
    assert found[-1] == pytest.approx(expected[-1])
    assert max(found) == pytest.approx(1.0, abs=0.02)
    assert found.index(max(found)) in (5, 6)


def test_plateau_watches_the_validation_loss() -> None:
    losses = [1.0, 0.5, 0.5, 0.5, 0.4, 0.4]
    assert rates({"name": "plateau", "patience": 1, "factor": 0.1}, 6, 1, losses=losses) == pytest.approx(
        [1, 1, 1, 1, 0.1, 0.1]
    )
    made = build_schedule(
        {"name": "plateau"}, build_optimizer({"name": "sgd"}, groups(nn.Linear(2, 1)), 0.1), 3, 2
    )
    assert made is not None
    assert made["monitor"] == "val_loss"


@pytest.mark.parametrize("name", [n for n in SCHEDULES.names() if "warmup" in complete_schedule(n, "s")])
def test_a_warm_up_rises_evenly_and_then_the_course_begins(name: str) -> None:
    found = rates({"name": name, "warmup": 2}, 6, 2)
    assert found[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    stretched = name in ("cosine", "linear", "dann")
    course = rates({"name": name}, 4, 2) if stretched else rates({"name": name}, 6, 2)[:8]
    assert found[4:] == pytest.approx(course)
    half = rates({"name": name, "warmup": 0.5}, 2, 4)
    assert half[:2] == pytest.approx([0.5, 1.0])


@pytest.mark.parametrize("name", SCHEDULES.names())
def test_rates_stay_between_zero_and_the_stages_own(name: str) -> None:
    for epochs, steps in [(1, 1), (1, 7), (5, 1), (4, 3)]:
        found = rates(
            {"name": name}, epochs, steps, lr=0.3, losses=[1.0] * epochs if name == "plateau" else None
        )
        assert all(0 <= rate <= 0.3 + 1e-12 for rate in found)
        assert max(found) > 0


@pytest.mark.parametrize(
    ("complete", "value", "where", "text"),
    [
        (complete_optimizer, "adm", "training.x", "did you mean 'adam'?"),
        (
            complete_optimizer,
            {"name": "adam", "weight_dcay": 1},
            "training.x.weight_dcay",
            "did you mean 'weight_decay'?",
        ),
        (complete_optimizer, {"name": "adam", "betas": [0.9]}, "training.x.betas", "two numbers"),
        (
            complete_optimizer,
            {"name": "sgd", "momentum": 0, "nesterov": True},
            "training.x.nesterov",
            "a momentum above 0",
        ),
        (
            complete_optimizer,
            {"name": "sgd", "weight_decay": "1e-4"},
            "training.x.weight_decay",
            "found '1e-4'",
        ),
        (complete_schedule, "cosin", "training.x", "did you mean 'cosine'?"),
        (complete_schedule, {"name": "cosine", "warmup": -1}, "training.x.warmup", "at least 0"),
        (
            complete_schedule,
            {"name": "multistep", "milestones": []},
            "training.x.milestones",
            "a list of epochs",
        ),
    ],
)
def test_bad_input_names_the_param(complete: Any, value: Any, where: str, text: str) -> None:
    with pytest.raises(InputError) as caught:
        complete(value, "training.x")
    assert caught.value.problems[0].where == where
    assert text in str(caught.value)


def test_equal_settings_look_equal_and_defaults_are_not_shared() -> None:
    plain, written = (
        complete_optimizer("adam", "o"),
        complete_optimizer({"name": "adam", "weight_decay": 0}, "o"),
    )
    assert repr(plain) == repr(written)
    plain["betas"].append(1)
    assert complete_optimizer("adam", "o")["betas"] == [0.9, 0.999]
    assert complete_schedule(None, "s") == complete_schedule({"name": "constant", "warmup": 0}, "s")
