"""Class weights and label smoothing together: torch's own cross entropy, and nothing but it."""

from __future__ import annotations

from typing import Any

import pytest
import steps
import torch
from torch import Tensor
from torch.nn import functional

from tlpy.objectives.base import Step
from tlpy.objectives.build import make_term
from tlpy.records import Head

WEIGHTS = {"a": 0.5, "b": 1.0, "c": 3.0}


def loss(head: Head, logits: Tensor, classes: Tensor, **arguments: Any) -> Tensor:
    """What the term says of outputs (n, k)."""
    term = make_term("cross_entropy", arguments, [head])
    label = head.label
    step = Step(steps.network([head]), steps.images(len(logits)), {label: logits}, {label: classes})
    return term(step)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_of_several_classes_it_is_torchs(smoothing: float) -> None:
    torch.manual_seed(3)
    logits, classes = torch.randn(7, 3, requires_grad=True), torch.tensor([0, 1, 2, 2, 1, 0, 0])
    mine = loss(steps.SITE[0], logits, classes, label_smoothing=smoothing, class_weights=WEIGHTS)
    weight = torch.tensor([WEIGHTS[name] for name in "abc"])
    theirs = functional.cross_entropy(logits, classes, weight=weight, label_smoothing=smoothing)
    torch.testing.assert_close(mine, theirs)
    (gradient,) = torch.autograd.grad(mine, logits)
    (expected,) = torch.autograd.grad(theirs, logits)
    torch.testing.assert_close(gradient, expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_of_two_classes_on_one_logit_it_is_torchs_on_two(smoothing: float) -> None:
    torch.manual_seed(4)
    logits, classes = torch.randn(6, 1), torch.tensor([0.0, 1, 1, 0, 1, 0])
    weights = {"F": 0.4, "M": 2.5}
    mine = loss(steps.SEX[0], logits, classes, label_smoothing=smoothing, class_weights=weights)
    both = torch.cat([torch.zeros_like(logits), logits], 1)
    theirs = functional.cross_entropy(
        both, classes.long(), weight=torch.tensor([0.4, 2.5]), label_smoothing=smoothing
    )
    torch.testing.assert_close(mine, theirs)


def test_an_unknown_class_counts_for_nothing() -> None:
    torch.manual_seed(5)
    logits, classes = torch.randn(4, 3), torch.tensor([0, -1, 2, 1])
    mine = loss(steps.SITE[0], logits, classes, label_smoothing=0.2, class_weights=WEIGHTS)
    weight = torch.tensor([WEIGHTS[name] for name in "abc"])
    theirs = functional.cross_entropy(logits, classes, weight=weight, label_smoothing=0.2, ignore_index=-1)
    torch.testing.assert_close(mine, theirs)
