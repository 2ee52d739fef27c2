"""Several heads: missing labels, weights, uncertainty."""

from __future__ import annotations

from math import exp
from typing import Any

import pytest
import steps
import torch
from torch import nn

from tlpy.errors import InputError
from tlpy.objectives.base import Step
from tlpy.objectives.build import build_objective
from tlpy.objectives.complete import complete_objective

HEADS = (*steps.AGE, *steps.SEX, *steps.SITE)


def step(**missing: bool) -> Step:
    generator = torch.Generator().manual_seed(0)
    outputs = {
        label: torch.randn(4, n, generator=generator).requires_grad_()
        for label, n in (("age", 1), ("sex", 1), ("site", 3))
    }
    targets = {
        "age": torch.randn(4, generator=generator),
        "sex": torch.tensor([0.0, 1.0, 1.0, 0.0]),
        "site": torch.tensor([0, 1, 2, 1]),
    }
    for label in missing:
        targets[label] = torch.full((4,), -1) if label == "site" else torch.full((4,), steps.NAN)
    return Step(nn.Identity(), torch.zeros(4, 1, 2), outputs, targets)


def built(value: Any) -> Any:
    return build_objective(complete_objective(value, HEADS, "objective"), HEADS)


def losses(one: Step) -> dict[str, torch.Tensor]:
    out, true = one.outputs, one.targets
    return {
        "age": nn.functional.mse_loss(out["age"][:, 0], true["age"]),
        "sex": nn.functional.binary_cross_entropy_with_logits(out["sex"][:, 0], true["sex"]),
        "site": nn.functional.cross_entropy(out["site"], true["site"]),
    }


def test_several_labels_are_summed_by_default() -> None:
    one = step()
    torch.testing.assert_close(built(None)(one)[0], torch.stack(list(losses(one).values())).sum())
    weighted = built({"multitask": {"weights": {"sex": 0.5, "site": 0}}})(one)[0]
    torch.testing.assert_close(weighted, losses(one)["age"] + 0.5 * losses(one)["sex"])


def test_terms_learn_the_heads_they_fit() -> None:
    one, known = step(), losses(step())
    total, shares = built({"mse": 2, "cross_entropy": 1})(one)
    torch.testing.assert_close(shares["mse"], 2 * known["age"].detach())
    torch.testing.assert_close(shares["cross_entropy"], (known["sex"] + known["site"]).detach() / 2)
    total.backward()


def test_a_head_without_labels_changes_nothing_and_does_not_move() -> None:
    for value in (None, {"multitask": {"weights": "uncertainty"}}):
        objective, one = built(value), step(sex=True, site=True)
        total, _ = objective(one)
        alone = losses(step())["age"]
        torch.testing.assert_close(total, alone if value is None else alone / 2)
        total.backward()
        assert one.outputs["age"].grad.any()
        for label in ("sex", "site"):
            assert not one.outputs[label].grad.any()
        if value:
            (s,) = [p for group in objective.groups() for _, p in group.parameters]
            assert (s.grad != 0).tolist() == [True, False, False]


def test_uncertainty_weights_are_kendalls() -> None:
    objective, one = built({"multitask": {"weights": "uncertainty"}}), step()
    (group,) = objective.groups()
    assert group.name == "objective.undecayed"
    assert group.options == {"weight_decay": 0.0}
    s = group.parameters[0][1]
    with torch.no_grad():
        s.copy_(torch.tensor([0.3, -1.0, 9.0]))
    known = {label: value.item() for label, value in losses(one).items()}
    expected = exp(-0.3) * known["age"] / 2 + 0.3 + exp(1) * known["sex"] - 1 + exp(-5) * known["site"] + 5
    total = objective(one)[0]
    assert total.item() == pytest.approx(expected, rel=1e-5)
    total.backward()
    assert s.grad[2] > 0, "beyond its limit it comes back"


def test_uncertainty_finds_the_noisier_head() -> None:
    torch.manual_seed(0)
    objective = built({"multitask": {"weights": "uncertainty"}})
    optimizer = torch.optim.Adam(objective.parameters(), 0.1)
    one = step()
    for _ in range(200):
        optimizer.zero_grad()
        objective(one)[0].backward()
        optimizer.step()
    s = objective.terms[0].log_variance
    known = losses(one)
    reference = torch.stack([known["age"] / 2, known["sex"], known["site"]]).log().detach()
    torch.testing.assert_close(s.detach(), reference, atol=1e-2, rtol=0)


def test_what_is_wrong_with_weights_and_terms() -> None:
    with pytest.raises(InputError, match=r"multitask.weights.sec: is no label of this stage \(labels: age,"):
        built({"multitask": {"weights": {"sec": 1}}})
    with pytest.raises(InputError, match="expected `uncertainty` or numbers by label, found 'equal'"):
        built({"multitask": {"weights": "equal"}})
    with pytest.raises(InputError, match=r"terms.age.focal: focal is for binary"):
        built({"multitask": {"terms": {"age": "focal"}}})
    with pytest.raises(InputError, match=r"no term learns sex \(binary\) \(add cross_entropy, or use"):
        built({"mse": 1})
    with pytest.raises(InputError, match="mse beside multitask"):
        built({"mse": 1, "multitask": 1})
