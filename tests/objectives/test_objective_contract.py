"""Every registered term keeps the same promises, in each dimension and task it claims."""

from __future__ import annotations

from typing import Any

import pytest
import steps
import torch

from tlpy.errors import InputError
from tlpy.objectives.checks import check_fit
from tlpy.objectives.complete import complete_objective
from tlpy.objectives.heads import bins_of, outputs_of
from tlpy.objectives.registry import TERMS
from tlpy.records import task_type

TASKS = {task_type(task): task for task in (steps.AGE, steps.SEX, steps.SITE, steps.FOUND, steps.NONE)}
CASES = [
    (name, kind, dims)
    for name in TERMS.names()
    for entry in [TERMS.facts(name)]
    for kind in TASKS
    if (kind in entry.tasks if entry.tasks else True) and (kind != "none" or entry.selfsupervised)
    for dims in entry.dims
    # One task is enough for what does not look at outputs.
    if entry.tasks or kind in ("none", "binary") or dims == 2
]


def arguments(name: str) -> dict[str, Any]:
    return {"low": -3, "high": 3, "bins": 6} if name == "soft_bins" else {}


@pytest.mark.parametrize(("name", "kind", "dims"), CASES)
def test_one_finite_number_that_moves_what_it_should(name: str, kind: str, dims: int) -> None:
    task = TASKS[kind]
    value = {name: arguments(name) or True}
    objective, architecture = steps.started(value, task, dims)
    architecture.train()
    before = [parameter.clone() for parameter in architecture.parameters()]
    step = steps.observed(objective, architecture, task, dims)
    total, shares = objective(step)
    assert total.ndim == 0
    assert total.isfinite()
    torch.testing.assert_close(torch.stack(list(shares.values())).sum(), total.detach())
    total.backward()
    owned = [parameter for group in objective.groups() for _, parameter in group.parameters]
    moved = [*architecture.encoder.parameters(), *owned]
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in moved)
    objective.after_step(architecture)
    assert all(torch.equal(a, b) for a, b in zip(before, architecture.parameters(), strict=True))


@pytest.mark.parametrize("name", TERMS.names())
def test_random_numbers_come_from_the_generator_alone(name: str) -> None:
    entry = TERMS.facts(name)
    task = steps.NONE if entry.selfsupervised else TASKS[entry.tasks[0] if entry.tasks else "binary"]
    objective, architecture = steps.started({name: arguments(name) or True}, task)
    architecture.eval()
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        step = steps.observed(objective, architecture, task)
        found.append(objective(step)[0].item())
        if name == "mmd":
            break
    assert len(set(found)) == 1


@pytest.mark.parametrize("name", TERMS.names())
def test_what_a_term_owns_goes_through_a_checkpoint_and_not_into_the_network(name: str) -> None:
    entry = TERMS.facts(name)
    task = steps.NONE if entry.selfsupervised else TASKS[entry.tasks[0] if entry.tasks else "binary"]
    first, architecture = steps.started({name: arguments(name) or True}, task)
    names = set(architecture.state_dict())
    objective, _ = steps.started({name: arguments(name) or True}, task)
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(1)
    objective.load_state_dict(first.state_dict())
    step = steps.observed(first, architecture, task)
    again = steps.observed(objective, architecture, task)
    architecture.eval()
    torch.testing.assert_close(first(step)[0], objective(again)[0])
    assert set(architecture.state_dict()) == names


@pytest.mark.parametrize("encoder", ["vit", "sfcn", "densenet", "swin"])
@pytest.mark.parametrize("name", [n for n in TERMS.names() if TERMS.facts(n).selfsupervised])
def test_self_supervision_trains_any_encoder(name: str, encoder: str) -> None:
    objective, architecture = steps.started({name: True}, steps.NONE, 2, encoder, channels=2)
    total, _ = objective(steps.observed(objective, architecture, steps.NONE, unlabelled=False))
    total.backward()
    assert total.isfinite()
    assert all(p.grad is not None for p in architecture.parameters() if p.requires_grad)


@pytest.mark.parametrize("name", [n for n in TERMS.names() if TERMS.facts(n).needs_unlabelled])
def test_nothing_comes_from_a_validation_without_other_images(name: str) -> None:
    task = steps.SEX
    objective, architecture = steps.started({name: True}, task)
    _, shares = objective(steps.observed(objective, architecture, task, unlabelled=False, training=False))
    assert shares[name] == 0


def test_what_a_stage_must_have() -> None:
    dann = complete_objective({"dann": 1}, steps.SEX, "objective")
    assert list(dann) == ["cross_entropy", "dann"]
    with pytest.raises(InputError, match=r"objective.dann: dann needs images without labels \(name their"):
        check_fit(dann, "objective", (8, 8), unlabelled=False)
    check_fit(dann, "objective", (8, 8), unlabelled=True)
    rotation = complete_objective("rotation", steps.NONE, "objective")
    with pytest.raises(InputError, match="2 or 3 axes, these have 1"):
        check_fit(rotation, "objective", (8,))
    with pytest.raises(InputError, match="can't learn what the augmentation flip changes"):
        check_fit(rotation, "objective", (8, 8), augmentation=[{"name": "flip"}])
    with pytest.raises(InputError, match=r"no label to learn .*masked_autoencoder, simclr, rotation"):
        complete_objective(None, steps.NONE, "objective")
    with pytest.raises(InputError, match="mse needs labels, and the images have none"):
        complete_objective("mse", steps.NONE, "objective")
    with pytest.raises(InputError, match="fixmatch is for binary or multiclass, the task is regression"):
        complete_objective("fixmatch", steps.AGE, "objective")
    with pytest.raises(InputError, match="unknown augmentation 'wek'"):
        complete_objective({"simclr": {"augmentation": "wek"}}, steps.NONE, "objective")


def test_outputs_of_heads() -> None:
    bins = complete_objective({"soft_bins": {"bins": 12}}, steps.AGE, "objective")
    assert outputs_of(steps.AGE[0], bins) == 12
    assert outputs_of(steps.AGE[0], {}) == outputs_of(steps.SEX[0], {}) == 1
    assert outputs_of(steps.SITE[0], {}) == outputs_of(steps.FOUND[0], {}) == 3
    several = (*steps.AGE, *steps.SEX)
    value = {"multitask": {"terms": {"age": "soft_bins"}}}
    completed = complete_objective(value, several, "objective")
    assert [outputs_of(head, completed) for head in several] == [40, 1]
    assert bins_of(completed, "sex") is None
