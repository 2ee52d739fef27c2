"""Each term against a slow reference, and what an objective keeps."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tlpy.errors import InputError
from tlpy.objectives.base import Objective, Step, Term
from tlpy.objectives.build import build_objective
from tlpy.objectives.complete import complete_objective
from tlpy.objectives.registry import TERMS, default_primary
from tlpy.records import Head

AGE = (Head("age", "regression"),)
SEX = (Head("sex", "binary", ("F", "M")),)
SITE = (Head("site", "multiclass", ("a", "b", "c")),)
NAN = float("nan")


def step(label: str, outputs: Tensor, targets: Tensor) -> Step:
    return Step(nn.Identity(), torch.zeros(len(targets), 1, 2, 2), {label: outputs}, {label: targets})


def value(objective: dict[str, Any], task: tuple[Head, ...], outputs: Tensor, targets: Tensor) -> Tensor:
    built = build_objective(complete_objective(objective, task, "objective"), task)
    built.start(nn.Identity(), set(), {task[0].label: targets})
    return built(step(task[0].label, outputs, targets))[0]


def huber(difference: float, delta: float) -> float:
    size = abs(difference)
    return size**2 / 2 if size <= delta else delta * (size - delta / 2)


@pytest.mark.parametrize(
    ("objective", "distance"),
    [
        ({"mse": 1}, lambda d: d * d),
        ({"mae": 1}, abs),
        ({"huber": {"delta": 0.5}}, lambda d: huber(d, 0.5)),
        ({"mse": 2}, lambda d: 2 * d * d),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_regression_is_the_mean_over_known_targets(objective: Any, distance: Any, dtype: torch.dtype) -> None:
    outputs = torch.tensor([[0.5], [2.0], [-1.0], [9.0]], dtype=dtype, requires_grad=True)
    targets = torch.tensor([0.0, -1.0, -1.5, NAN])
    found = value(objective, AGE, outputs, targets)
    assert found.item() == pytest.approx(sum(map(distance, [0.5, 3.0, 0.5])) / 3, rel=1e-6)
    found.backward()
    assert outputs.grad is not None
    assert outputs.grad.isfinite().all()
    assert outputs.grad[3] == 0


def test_two_classes_on_one_logit_are_two_classes_on_two() -> None:
    logits, targets = torch.randn(6, 1), torch.tensor([0.0, 1.0, 1.0, NAN, 0.0, 1.0])
    two = torch.cat([torch.zeros_like(logits), logits], 1)
    known = ~targets.isnan()
    for smoothing in (0.0, 0.2):
        reference = nn.functional.cross_entropy(two[known], targets[known].long(), label_smoothing=smoothing)
        found = value({"cross_entropy": {"label_smoothing": smoothing}}, SEX, logits, targets)
        torch.testing.assert_close(found, reference)


@pytest.mark.parametrize("missing", [-1, None])
def test_classes_are_torchs_cross_entropy_with_weights(missing: int | None) -> None:
    logits, targets = torch.randn(5, 3), torch.tensor([0, 2, 2, 1, 0])
    weights = {"a": 1, "b": 3, "c": 0.5}
    reference = nn.functional.cross_entropy(logits, targets, weight=torch.tensor([1.0, 3.0, 0.5]))
    if missing is not None:
        logits, targets = (
            torch.cat([logits, torch.randn(1, 3)]),
            torch.cat([targets, torch.tensor([missing])]),
        )
    found = value({"cross_entropy": {"class_weights": weights}}, SITE, logits, targets)
    torch.testing.assert_close(found, reference)


def test_balanced_weights_are_counted_on_the_training_part() -> None:
    built = build_objective(
        complete_objective({"cross_entropy": {"class_weights": "balanced"}}, SITE, "o"), SITE
    )
    one = step("site", torch.randn(4, 3), torch.tensor([0, 0, 1, 0]))
    with pytest.raises(ValueError, match="was not started with the targets"):
        built(one)
    built.start(nn.Identity(), set(), {"site": torch.tensor([0, 0, 0, 1, -1])})
    reference = nn.functional.cross_entropy(
        one.outputs["site"], one.targets["site"], weight=torch.tensor([4 / 9, 4 / 3, 1.0])
    )
    torch.testing.assert_close(built(one)[0], reference)
    two = build_objective(complete_objective({"cross_entropy": {"class_weights": "balanced"}}, SEX, "o"), SEX)
    two.start(nn.Identity(), set(), {"sex": torch.tensor([0.0, 0.0, 0.0, 1.0, NAN])})
    logits, targets = torch.randn(3, 1), torch.tensor([0.0, 1.0, 0.0])
    losses = nn.functional.binary_cross_entropy_with_logits(logits[:, 0], targets, reduction="none")
    share = torch.tensor([2 / 3, 2.0, 2 / 3])
    torch.testing.assert_close(two(step("sex", logits, targets))[0], (losses * share).sum() / share.sum())


@pytest.mark.parametrize("task", [AGE, SEX, SITE])
def test_a_batch_without_any_target_gives_zero_and_a_gradient_of_zero(task: tuple[Head, ...]) -> None:
    outputs = torch.randn(2, 3 if task is SITE else 1, requires_grad=True)
    targets = torch.tensor([-1, -1]) if task is SITE else torch.tensor([NAN, NAN])
    found = value({}, task, outputs, targets)
    found.backward()
    assert found == 0
    assert outputs.grad is not None
    assert not outputs.grad.any()


def test_shares_sum_to_the_total_and_the_primary_comes_first() -> None:
    objective = complete_objective({"elastic_penalty": 0.1, "mae": 0.5, "mse": 2}, AGE, "objective")
    assert list(objective) == ["mae", "mse", "elastic_penalty"]
    built = build_objective(objective, AGE)
    built.start(nn.Identity(), set())
    total, shares = built(step("age", torch.tensor([[1.0], [3.0]]), torch.zeros(2)))
    assert built.primary == "mae"
    assert {name: share.item() for name, share in shares.items()} == {
        "mae": 1.0,
        "mse": 10.0,
        "elastic_penalty": 0.0,
    }
    assert total.item() == 11.0


def test_several_labels_count_alike() -> None:
    built = build_objective({"mse": {}}, AGE)
    outputs = {"age": torch.zeros(4, 1), "weight": torch.zeros(4, 1)}
    targets = {"age": torch.tensor([1.0, NAN, NAN, NAN]), "weight": torch.full((4,), 3.0)}
    assert built(Step(nn.Identity(), torch.zeros(4, 1, 2), outputs, targets))[0].item() == 5.0


class Vector(Term):
    """An own term that forgets to take the mean."""

    def forward(self, step: Step) -> Tensor:
        return step.images.flatten(1).mean(1)


class Brightness(Term):
    """An own term."""

    def forward(self, step: Step) -> Tensor:
        return step.images.mean()


def test_own_terms_by_class_path() -> None:
    path = f"{__name__}.Brightness"
    objective = complete_objective({path: {"weight": 2.0}}, AGE, "objective")
    assert list(objective) == ["mse", path]
    total, shares = build_objective(objective, AGE)(
        Step(nn.Identity(), torch.ones(2, 1, 2), {"age": torch.zeros(2, 1)}, {"age": torch.zeros(2)})
    )
    assert shares[path].item() == total.item() == 2.0
    assert build_objective(objective, AGE).state_dict() == {}


@pytest.mark.parametrize(
    ("objective", "text"),
    [
        ({f"{__name__}.Missing": {}}, r"Missing is nothing that its source shows to be a class"),
        ({f"{__name__}.Brightness": {"gain": 1}}, "unexpected keyword argument 'gain'"),
        ({"torch.nn.MSELoss": {}}, "is not a subclass of tlpy.objectives.base.Term"),
        (
            {"builtins.dict": {}},
            "is of Python's standard library, and is no subclass of",
        ),
    ],
)
def test_what_is_wrong_with_an_own_term(objective: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        build_objective(objective, AGE)
    with pytest.raises(ValueError, match="expected one number per step, found"):
        Objective({"own": Vector(AGE)})(step("age", torch.zeros(2, 1), torch.zeros(2)))


def test_settings_without_effect_are_normalised_away() -> None:
    plain = complete_objective(None, AGE, "objective")
    assert plain == {"mse": {"weight": 1.0}}
    for same in (
        {},
        "mse",
        {"mse": 1},
        {"mse": True},
        {"mse": {}},
        {"elastic_penalty": 0},
        {"mae": 0},
        {"huber": None},
    ):
        assert complete_objective(same, AGE, "objective") == plain
    assert complete_objective({"elastic_penalty": {"alpha": 0, "beta": 0}}, AGE, "objective") == plain
    assert complete_objective({"elastic_penalty": 0.01}, AGE, "objective", started=False) == plain
    number = complete_objective({"elastic_penalty": 0.01}, AGE, "objective")
    assert number == complete_objective({"elastic_penalty": True}, AGE, "objective")
    assert number["elastic_penalty"] == {"alpha": 0.01, "beta": 0.01}


@pytest.mark.parametrize(
    ("objective", "task", "where", "text"),
    [
        (
            {"mse": 1},
            SEX,
            "objective.mse",
            "mse is for regression, the task is binary (use cross_entropy or focal)",
        ),
        (
            {"elastic": 1},
            AGE,
            "objective.elastic",
            "unknown objective 'elastic' (did you mean 'elastic_penalty'?)",
        ),
        ({"elastic_penalty": -1}, AGE, "objective.elastic_penalty.alpha", "a number of at least 0, found -1"),
        ({"huber": {"delta": 0}}, AGE, "objective.huber.delta", "a number above 0, found 0"),
        ({"mse": "much"}, AGE, "objective.mse", "expected a number or arguments, found 'much'"),
        (
            {"cross_entropy": {"class_weights": {"F": 1}}},
            SEX,
            "objective.cross_entropy.class_weights",
            "the classes are F, M",
        ),
        (
            {"cross_entropy": {"class_weights": {"F": 1, "M": 0}}},
            SEX,
            "objective.cross_entropy.class_weights.M",
            "above 0",
        ),
        ([1], AGE, "objective", "expected a term or a map of terms"),
    ],
)
def test_bad_input_names_the_param(objective: Any, task: tuple[Head, ...], where: str, text: str) -> None:
    with pytest.raises(InputError) as caught:
        complete_objective(objective, task, "objective")
    assert caught.value.problems[0].where == where
    assert text in str(caught.value)


@pytest.mark.parametrize("name", TERMS.names())
def test_every_registered_term_is_built_with_its_defaults(name: str) -> None:
    term = TERMS.declaration(name)
    assert term.summary
    task = SITE if "multiclass" in term.facts.tasks else AGE
    assert isinstance(TERMS.make(TERMS.complete(name, "objective"), heads=task), Term)
    assert all(default_primary(task_type) in TERMS for task_type in ("regression", "binary", "multiclass"))
