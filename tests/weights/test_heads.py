"""Heads are compared by what they say: what they predict stays, or they start anew and it is said why."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from test_load import make

from tlpy.architectures.base import Architecture
from tlpy.records import Head
from tlpy.weights.heads import Meaning, TakeOver, compare, meanings_in
from tlpy.weights.load import load_weights
from tlpy.weights.report import LoadReport

IMAGES = torch.randn(5, 1, 16, 12, generator=torch.Generator().manual_seed(1))


def binary(*classes: str) -> Meaning:
    return Meaning(Head("dx", "binary", classes))


def multiclass(*classes: str) -> Meaning:
    return Meaning(Head("site", "multiclass", classes))


def multilabel(*columns: str) -> Meaning:
    return Meaning(Head("+".join(columns), "multilabel", columns))


def age(mean: float = 50.0, sd: float = 10.0, bins: tuple[float, float, int] | None = None) -> Meaning:
    return Meaning(Head("age", "regression"), (mean, sd), bins)


def network(meaning: Meaning, seed: int) -> Architecture:
    outputs = meaning.bins[2] if meaning.bins else max(1, len(meaning.head.names))
    return make(seed=seed, heads={meaning.head.label: 1 if meaning.head.type == "binary" else outputs})


def taken(before: Meaning, after: Meaning) -> tuple[torch.Tensor, torch.Tensor, LoadReport]:
    """The outputs of a network and of one that starts from it, and the report."""
    source, target = network(before, 0), network(after, 1)
    chosen = {after.head.label: compare(after, {before.head.label: before})}
    report = load_weights(target, source.state_dict(), chosen)
    return source(IMAGES)[before.head.label], target(IMAGES)[after.head.label], report


def test_two_classes_the_other_way_round_turn_the_logit() -> None:
    old, new, report = taken(binary("AD", "HC"), binary("HC", "AD"))
    torch.testing.assert_close(new, -old)
    assert report.heads == {"dx": "turned round: AD, HC to HC, AD"}
    assert {"heads.dx.weight", "heads.dx.bias"} <= report.loaded


def test_classes_in_another_order_are_put_into_theirs() -> None:
    old, new, report = taken(multiclass("a", "b", "c"), multiclass("c", "a", "b"))
    torch.testing.assert_close(new, old[:, [2, 0, 1]])
    assert report.heads == {"site": "reordered: a, b, c to c, a, b"}


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (
            binary("control", "patient"),
            binary("HC", "AD"),
            "the classes were control, patient, and are HC, AD",
        ),
        (multiclass("a", "b", "c"), multiclass("a", "b", "d"), "the classes were a, b, c"),
        (
            age(bins=(42, 82, 40)),
            age(bins=(5, 45, 40)),
            "the outputs were 40 bins from 42 to 82, and are 40 bins",
        ),
        (age(bins=(42, 82, 40)), age(), "the outputs were 40 bins from 42 to 82, and are a number here"),
        (Meaning(Head("age", "regression")), age(), "does not say what its targets were standardised with"),
        (multilabel("x", "y"), multilabel("x", "z"), "the columns were x, y, and are x, z here"),
        (Meaning(Head("age", "binary", ("old", "young"))), age(), "'age' was binary, and is regression here"),
        (binary("HC", "AD"), age(), "does not have"),
    ],
)
def test_another_meaning_is_a_new_head(before: Meaning, after: Meaning, reason: str) -> None:
    fresh = network(after, 1).heads.state_dict()
    target = network(after, 1)
    state = network(before, 0).state_dict()
    label = after.head.label
    report = load_weights(target, state, {label: compare(after, {before.head.label: before})})
    assert reason in report.heads[label]
    assert report.heads[label].startswith("new: ")
    assert set(report.new) == {f"heads.{label}.weight", f"heads.{label}.bias"}
    assert not any(name.startswith("heads.") for name in report.loaded)
    assert all(torch.equal(value, fresh[name]) for name, value in target.heads.state_dict().items())


def test_a_regression_predicts_the_same_in_the_labels_units() -> None:
    before, after = age(62.5, 11.0), age(24.0, 3.5)
    old, new, report = taken(before, after)
    torch.testing.assert_close(new * 3.5 + 24.0, old * 11.0 + 62.5)
    assert report.heads == {"age": "rescaled: targets had mean 62.5 and sd 11, here 24 and 3.5"}


@pytest.mark.parametrize("same", [age(), age(bins=(42.0, 82.0, 40)), binary("F", "M"), multilabel("x", "y")])
def test_the_same_meaning_is_taken_as_it_is(same: Meaning) -> None:
    old, new, report = taken(same, same)
    assert torch.equal(old, new)
    assert report.heads == {same.head.label: "taken over"}
    assert not report.adapted


def test_bins_that_stay_are_taken_whatever_targets_are_standardised_with() -> None:
    old, new, report = taken(age(60, 10, (42, 82, 40)), age(50, 5, (42, 82, 40)))
    assert torch.equal(old, new)
    assert report.heads == {"age": "taken over"}


@pytest.mark.parametrize("columns", [("z", "x"), ("x",), ("z", "y", "x")])
def test_columns_go_by_name(columns: Sequence[str]) -> None:
    old, new, report = taken(multilabel("x", "y", "z"), multilabel(*columns))
    torch.testing.assert_close(new, old[:, ["xyz".index(name) for name in columns]])
    label = "+".join(columns)
    assert report.heads == {label: f"outputs by name: {', '.join(columns)}"}


def test_weights_that_are_not_what_their_contract_says_are_a_new_head() -> None:
    target, source = network(multiclass("c", "b", "a"), 1), make(heads={"site": 2})
    chosen = compare(multiclass("c", "b", "a"), {"site": multiclass("a", "b", "c")})
    report = load_weights(target, source.state_dict(), {"site": chosen})
    assert report.heads == {"site": "new: a head of another size in the file"}


def test_a_contract_says_what_heads_stand_for() -> None:
    contract = {
        "tasks": [
            {"label": "age", "type": "regression", "classes": None},
            {"label": "dx", "type": "binary", "classes": ["HC", "AD"]},
        ],
        "targets": {"age": {"mean": 50.0, "sd": 10.0}},
        "bins": {"age": {"low": 42.0, "high": 82.0, "bins": 40}},
    }
    assert meanings_in(contract) == {"age": age(bins=(42.0, 82.0, 40)), "dx": binary("HC", "AD")}
    assert isinstance(compare(age(), meanings_in({**contract, "bins": {}})), TakeOver)
