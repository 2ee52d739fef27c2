"""MetaLR's and AutoLR's arithmetic, against definitions written down anew."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from tlpy.architectures.base import Architecture
from tlpy.architectures.build import build
from tlpy.optimizers.build import build_optimizer
from tlpy.transfer.apply import apply, make_transfer
from tlpy.transfer.autolr import AutoLR, evenly, in_order, order_score
from tlpy.transfer.metalr import MetaLR
from tlpy.transfer.running import Running, rate_of

LR = 0.01


def network() -> Architecture:
    torch.manual_seed(0)
    built = build({"name": "resnet10", "filters": 4, "kernel": 3}, 1, (16, 16), {"sex": 1})
    return built.double()


def batch(seed: int, count: int = 8) -> Any:
    draw = torch.Generator().manual_seed(seed)
    images = torch.randn(count, 1, 16, 16, generator=draw, dtype=torch.float64)
    targets = {"sex": torch.randint(0, 2, (count,), generator=draw).double()}
    return SimpleNamespace(images=images, targets=targets, source=None)


def loss_of(outputs: dict[str, Tensor], given: Any) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(outputs["sex"].squeeze(1), given.targets["sex"])


def running(architecture: Architecture, way: Any, optimizer: Any = None, **more: Any) -> Running:
    groups = apply(way, architecture)
    made = build_optimizer(optimizer or {"name": "sgd", "momentum": 0.0}, groups, LR)
    return Running(
        architecture=architecture,
        objective=nn.Module(),
        optimizer=made,
        count=len(groups.groups),
        lr=LR,
        epoch=1,
        epochs=10,
        loss=lambda given: loss_of(architecture(given.images), given),
        **more,
    )


def by_double_backward(
    architecture: Architecture, rates: dict[str, float], train: Any, val: Any, sign: float
) -> dict[str, float]:
    """∂L_val(θ + sign·α∘g)/∂α by automatic differentiation through the step itself, g with its own graph."""
    parameters = {n: p for n, p in architecture.named_parameters() if p.requires_grad}
    buffers = {name: buffer.clone() for name, buffer in architecture.named_buffers()}
    found = loss_of(functional_call(architecture, buffers, (train.images,)), train)
    gradients = dict(
        zip(parameters, torch.autograd.grad(found, parameters.values(), create_graph=True), strict=True)
    )
    alphas = {
        name: torch.tensor(rate, dtype=torch.float64, requires_grad=True) for name, rate in rates.items()
    }
    of = {name: block.name for block in architecture.blocks() for name in block.parameters}
    moved = {n: p + sign * alphas[of[n]] * gradients[n] for n, p in parameters.items()}
    buffers = {name: buffer.clone() for name, buffer in architecture.named_buffers()}
    outer = loss_of(functional_call(architecture, {**moved, **buffers}, (val.images,)), val)
    return dict(
        zip(alphas, (float(g) for g in torch.autograd.grad(outer, list(alphas.values()))), strict=True)
    )


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_the_hypergradient_is_that_of_double_backward(variant: str) -> None:
    architecture = network()
    train, val = batch(1), batch(2)
    way = MetaLR(variant=variant, eta=0.5, most=1e9)  # type: ignore[arg-type]
    # The released code looks at the first training batch, whatever is held back.
    now = running(architecture, way, batches=[train], held_back=[val])
    before = {name: value.clone() for name, value in architecture.state_dict().items()}
    rates = {group["name"]: rate_of(group) for group in now.groups}
    assert rates == {name: LR if name != "heads" else 10 * LR for name in rates}
    sign, looked_at = (1.0, train) if variant == "released" else (-1.0, val)
    true = by_double_backward(architecture, rates, train, looked_at, sign)
    now.epoch = 6  # the heads' rate moves, too
    loss_of(architecture(train.images), train).backward()
    after_training_pass = {name: value.clone() for name, value in architecture.state_dict().items()}
    gradients = [p.grad.clone() for p in architecture.parameters() if p.grad is not None]
    way.before_step(now)
    for group in now.groups:
        name = group["name"]
        step = (
            rates[name] * (1 - 0.5 * true[name]) if variant == "released" else rates[name] - 0.5 * true[name]
        )
        found = (rate_of(group) - rates[name]) / 0.5
        assert found == pytest.approx((max(step, 1e-6) - rates[name]) / 0.5, abs=1e-6, rel=1e-6)
    assert max(map(abs, true.values())) > 1e-3, "a test of nothing"
    # The look-ahead is gone, bit for bit, and its pass left no trace in gradients or buffers.
    state = architecture.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in after_training_pass.items())
    assert any(not torch.equal(before[name], state[name]) for name in before if "running_mean" in name)
    kept = [p.grad for p in architecture.parameters() if p.grad is not None]
    assert all(torch.equal(one, other) for one, other in zip(gradients, kept, strict=True))


def test_several_batches_are_one() -> None:
    """Without batch statistics, a batch in parts of any size has the gradient of the whole."""
    architecture = network().eval()
    now = running(architecture, {"name": "full"})
    whole = batch(3, 8)
    parts = [
        SimpleNamespace(images=whole.images[at], targets={"sex": whole.targets["sex"][at]}, source=None)
        for at in (slice(0, 5), slice(5, 8))
    ]
    parameters = [p for group in now.groups for p in group["params"]]
    for one, other in zip(now.gradient(parameters, [whole]), now.gradient(parameters, parts), strict=True):
        torch.testing.assert_close(one, other)


def test_rates_stay_within_their_bounds_and_the_schedule_is_no_part_of_them() -> None:
    architecture = network()
    way = MetaLR(eta=1e6, least=1e-4, most=0.5)
    now = running(architecture, way, batches=[batch(1)], held_back=[batch(2)])
    loss_of(architecture(batch(1).images), batch(1)).backward()
    for group in now.groups:
        group["lr"] = 0.1 * LR  # what a schedule has made of it
    way.before_step(now)
    learnt = [LR * group["lr_scale"] for group in now.groups]
    assert all(rate in (pytest.approx(1e-4), pytest.approx(0.5)) for rate in learnt)
    assert [rate_of(group) for group in now.groups] == [pytest.approx(0.1 * rate) for rate in learnt]


def test_the_released_code_pins_the_heads_for_five_epochs_and_keeps_its_first_batch() -> None:
    architecture = network()
    way = MetaLR(variant="released")
    assert way.held_back == 0
    first = batch(1)
    for epoch, moves in ((1, False), (5, False), (6, True)):
        now = running(architecture, way, batches=[first if epoch == 1 else batch(epoch)])
        now.epoch = epoch
        architecture.zero_grad()
        loss_of(architecture(first.images), first).backward()
        heads = now.groups[-1]
        before = heads["lr_scale"]
        way.before_step(now)
        assert (heads["lr_scale"] != before) == moves
    assert torch.equal(way.state()["first"]["images"], first.images)
    again = MetaLR(variant="released")
    again.resume(way.state())
    assert again.state() == way.state()


@pytest.mark.parametrize(
    ("changes", "score"),
    [([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], 0.0), ([1, 3, 2, 4], 1 - 2 * 2 / 16), ([5], 1.0)],
)
def test_how_well_the_order_is_kept(changes: list[float], score: float) -> None:
    assert order_score(changes) == score


def test_what_autolr_wants() -> None:
    # From twice the smallest to 0.4 times the largest, evenly.
    assert evenly([4.0, 1.0, 3.0, 20.0]) == pytest.approx([2, 4, 6, 8])
    assert evenly([4.0, 4.0]) == pytest.approx([1.6, 8.0]), "ascending, whatever the changes are"
    # From the middle (3) outwards: 5 before it becomes 3 less a step of 8/4, and 2 after it 3 and a step.
    assert in_order([1.0, 5.0, 3.0, 2.0, 9.0]) == pytest.approx([1.0, 1.0, 3.0, 5.0, 9.0])


def test_autolr_takes_an_epoch_back_and_tries_it_at_other_rates() -> None:
    architecture = network()
    way = AutoLR(score=1.0, retries=2)
    now = running(architecture, way, {"name": "sgd"})
    names = [group["name"] for group in now.groups]
    assert names == ["stem", "layer1.0", "layer2.0", "layer3.0", "layer4.0", "heads"]

    def epoch() -> bool:
        way.start_epoch(now)
        for group, size in zip(now.groups, (1, 4, 3, 2, 1, 1), strict=True):
            for parameter in group["params"]:
                with torch.no_grad():
                    parameter.add_(size * group["lr_scale"])
        architecture.encoder.bn1.running_mean.add_(1)  # type: ignore[union-attr, operator]
        stands = way.end_epoch(now)
        now.epoch += 1
        return stands

    before = {name: value.clone() for name, value in architecture.state_dict().items()}
    assert not epoch()
    state = architecture.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in before.items())
    scales = {group["name"]: group["lr_scale"] for group in now.groups}
    assert scales["heads"] == 10
    assert scales["stem"] == pytest.approx(0.5 * scales["layer1.0"])
    # v = size·√n/n for n numbers; the wanted ones rise evenly from 2 min to 0.4 max of these.
    counts = [sum(p.numel() for p in group["params"]) for group in now.groups[1:-1]]
    changes = [size / n**0.5 for size, n in zip((4, 3, 2, 1), counts, strict=True)]
    wanted = evenly(changes)
    for name, one, other in zip(names[1:-1], wanted, changes, strict=True):
        assert scales[name] == pytest.approx(max(one / other, 0.05))
    # The next trial does what is wanted, and stands.
    assert epoch()
    assert not torch.equal(before["encoder.conv1.weight"], architecture.state_dict()["encoder.conv1.weight"])
    assert way.state() == {"wanted": [], "tries": 0, "stood": 1}


def test_after_its_retries_and_at_the_end_an_epoch_stands() -> None:
    architecture = network()
    way = AutoLR(score=1.0, retries=1)
    now = running(architecture, way)

    def stands(epoch: int) -> bool:
        way.start_epoch(now)
        now.epoch = epoch
        with torch.no_grad():
            for number, group in enumerate(now.groups):
                for parameter in group["params"]:
                    parameter.add_(1.0 / (1 + number) ** 3)
        return way.end_epoch(now)

    assert [stands(epoch) for epoch in (1, 2, 3, 10)] == [False, True, False, True]
    now.epoch = 10
    assert stands(10)


@pytest.mark.parametrize("name", ["metalr", "autolr"])
def test_planning_makes_them_without_torch(name: str) -> None:
    import subprocess
    import sys

    code = f"""
import sys
from tlpy.transfer.registry import TRANSFERS
TRANSFERS.make(TRANSFERS.complete({name!r}, "transfer"))
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert make_transfer({"name": name})
