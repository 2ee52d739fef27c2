"""L2-SP against the formula written out, its gradient, its place in a checkpoint, and what it is for."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tlpy.architectures.base import Architecture
from tlpy.architectures.build import build
from tlpy.objectives.base import Step
from tlpy.objectives.elastic_penalty import ElasticPenalty, penalised
from tlpy.records import Head
from tlpy.transfer.apply import apply

HEADS = (Head("age", "regression"),)
NORM = ("bn1", "bn2", "downsample.1", "norm")


def make(name: str = "resnet18") -> tuple[Architecture, frozenset[str]]:
    small = {"resnet18": {"filters": 2}, "vit": {"width": 4, "heads": 2, "depth": 1, "patch": 4}}[name]
    torch.manual_seed(0)
    architecture = build({"name": name, **small}, 1, (8, 8), {"age": 1})
    return architecture, frozenset(n for n, _ in architecture.named_parameters() if n.startswith("encoder."))


def at(architecture: nn.Module) -> Step:
    return Step(architecture, torch.zeros(1, 1, 8, 8), {}, {})


def move(architecture: nn.Module, by: float = 0.1) -> None:
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in architecture.parameters():
            parameter += by * torch.randn(parameter.shape, generator=generator)


@pytest.mark.parametrize("name", ["resnet18", "vit"])
@pytest.mark.parametrize(("alpha", "beta"), [(0.01, 0.01), (3.0, 0.0), (0.0, 2.0)])
def test_it_is_the_formula_and_so_is_its_gradient(name: str, alpha: float, beta: float) -> None:
    architecture, loaded = make(name)
    term = ElasticPenalty(HEADS, alpha, beta)
    term.start(architecture, loaded)
    start = {n: p.detach().clone() for n, p in architecture.named_parameters()}
    move(architecture)
    expected, gradients = 0.0, {}
    for key, parameter in architecture.named_parameters():
        if any(part in key for part in NORM):
            gradients[key] = None
            continue
        pull, zero = (alpha, start[key]) if key in loaded else (beta, torch.zeros(()))
        for now, then in zip(parameter.detach().flatten(), zero.expand_as(parameter).flatten(), strict=True):
            expected += pull / 2 * float(now - then) ** 2
        gradients[key] = pull * (parameter.detach() - zero)
    found = term(at(architecture))
    assert found.item() == pytest.approx(expected, rel=1e-4)
    found.backward()
    for key, parameter in architecture.named_parameters():
        if gradients[key] is None:
            assert parameter.grad is None
        else:
            torch.testing.assert_close(parameter.grad, gradients[key], rtol=1e-5, atol=1e-7)


def test_at_the_start_only_the_new_head_is_pulled() -> None:
    architecture, loaded = make()
    term = ElasticPenalty(HEADS, alpha=5.0, beta=2.0)
    term.start(architecture, loaded)
    head = sum(p.square().sum() for n, p in architecture.named_parameters() if n.startswith("heads."))
    torch.testing.assert_close(term(at(architecture)), head)


def test_what_is_frozen_is_left_out() -> None:
    architecture, _ = make()
    apply({"name": "head"}, architecture)
    term = ElasticPenalty(HEADS, beta=2.0)
    term.start(architecture, frozenset())
    head = sum(p.square().sum() for n, p in architecture.named_parameters() if n.startswith("heads."))
    torch.testing.assert_close(term(at(architecture)), head)


def test_normalisation_is_left_out_by_kind_not_by_name() -> None:
    network = nn.Sequential(
        nn.Conv1d(1, 2, 3),
        nn.BatchNorm1d(2),
        nn.GroupNorm(1, 2),
        nn.LayerNorm(4),
        nn.InstanceNorm1d(2, affine=True),
    )
    assert [name for name, _ in penalised(network)] == ["0.weight", "0.bias"]


def test_the_start_is_in_the_checkpoint_and_follows_the_device() -> None:
    architecture, loaded = make()
    term = ElasticPenalty(HEADS)
    term.start(architecture, loaded)
    move(architecture)
    before = term(at(architecture))
    resumed = ElasticPenalty(HEADS)
    resumed.load_state_dict(term.state_dict())
    assert torch.equal(resumed(at(architecture)), before), "without start"
    resumed = ElasticPenalty(HEADS)
    resumed.start(architecture, loaded)  # from the moved weights: the checkpoint has the true ones
    resumed.load_state_dict(term.state_dict())
    assert torch.equal(resumed(at(architecture)), before), "after start"
    assert all(buffer.device.type == "meta" for buffer in term.to("meta").buffers())


def test_starting_again_forgets_the_first_start() -> None:
    architecture, loaded = make()
    term = ElasticPenalty(HEADS, beta=0.0)
    term.start(architecture, loaded)
    move(architecture)
    term.start(architecture, loaded)
    assert term(at(architecture)) == 0


def test_a_larger_factor_keeps_weights_nearer_to_their_start() -> None:
    distances = []
    for alpha in (0.0, 0.1, 1.0, 10.0):
        architecture, loaded = make()
        start = {n: p.detach().clone() for n, p in architecture.named_parameters() if n in loaded}
        term = ElasticPenalty(HEADS, alpha=alpha, beta=0.0)
        term.start(architecture, loaded)
        optimizer = torch.optim.SGD(architecture.parameters(), lr=0.05)
        images, ages = (
            torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(5)),
            torch.linspace(-1, 1, 8),
        )
        for _ in range(30):
            optimizer.zero_grad()
            loss = (architecture(images)["age"][:, 0] - ages).square().mean()
            (loss + term(Step(architecture, images, {}, {}))).backward()
            optimizer.step()
        free = [name for name, _ in penalised(architecture) if name in loaded]
        now = dict(architecture.named_parameters())
        distances.append(sum((now[n] - start[n]).square().sum().item() for n in free))
    assert distances == sorted(distances, reverse=True)
    assert distances[3] < distances[0] / 10


@pytest.mark.parametrize(("alpha", "beta"), [(-1.0, 0.0), (0.0, -1.0)])
def test_a_negative_pull_is_refused(alpha: float, beta: float) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        ElasticPenalty(HEADS, alpha, beta)
