"""What components are called in the methods text, and what is cited for them, follows from what they say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sample_records
from fake_run import FakeRun

from tlpy.architectures.registry import ARCHITECTURES
from tlpy.components.sources import sources
from tlpy.data.augmentation.registry import AUGMENTATIONS
from tlpy.evaluation.results import Run
from tlpy.objectives.registry import TERMS
from tlpy.plan.plan_records import Plan
from tlpy.plan.warnings import plan_warnings
from tlpy.records import Stage
from tlpy.report.cited import CITED, called, citations
from tlpy.report.methods import methods

OWN = """
from tlpy.data.augmentation.base import Transform
from tlpy.objectives.base import Term

class Pull(Term):
    noun = "a pull to the start"
    cites = ("Us A. Pulls. 2026.",)
    needs_start = True
    decays = True
    def forward(self, step): ...

class Down(Term):
    decays = True
    def forward(self, step): ...
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan.from_json(json.loads((FakeRun(tmp_path).write() / "plan.json").read_text()))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[None]:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "pulls.py").write_text(OWN)
    sources.use(folder, "own")
    yield
    sources.use(None)


def with_stages(plan: Plan, *stages: Stage) -> Plan:
    return replace(plan, stages={f"s{number}": stage for number, stage in enumerate(stages)}, datasets={})


def cited(plan: Plan, **stage: Any) -> list[str]:
    """The first authors, beside those that are cited always, and He, who made the network."""
    texts = citations(with_stages(plan, sample_records.stage(**stage)))
    assert texts[: len(CITED)] == list(CITED)
    authors = [text.split()[0] for text in texts[len(CITED) :]]
    assert authors.pop() == "He"
    return authors


def test_a_whole_run_cites_its_penalty_network_and_layout(plan: Plan) -> None:
    rest = citations(plan)[len(CITED) :]
    assert [text.split()[0] for text in rest] == ["Li", "He", "Dosovitskiy", "Gorgolewski"]


def test_terms_are_cited_by_name_each_reference_once(plan: Plan) -> None:
    objective = {"mse": {"weight": 1.0}, "mmd": {}, "coral": {}, "elastic_penalty": {}}
    assert cited(plan, objective=objective) == ["Sun", "Li", "Long"]
    assert cited(plan) == []


def test_a_reference_may_hang_on_an_argument(plan: Plan) -> None:
    terms = {"age": {"mse": {}}, "sex": {"focal": {}}}
    fixed, learnt = ({"multitask": {"weights": weights, "terms": terms}} for weights in ({}, "uncertainty"))
    assert cited(plan, objective=fixed) == ["Lin"]
    assert cited(plan, objective=learnt) == ["Lin", "Kendall"]


@pytest.mark.usefixtures("own")
def test_names_in_words() -> None:
    assert called(TERMS, "mse") == "mean squared error"
    assert called(TERMS, "pulls.Pull") == "a pull to the start"
    assert called(ARCHITECTURES, "resnet18") == "resnet18"
    assert called(AUGMENTATIONS, "bias_field") == "bias field"
    assert called(AUGMENTATIONS, "no_such_file.My_Steps") == "no_such_file.My_Steps"
    assert all(TERMS.facts(name).noun for name in TERMS.names())


@pytest.mark.usefixtures("own")
def test_an_own_term_that_pulls_back_is_told_as_ours_is(plan: Plan) -> None:
    objective: dict[str, Any] = {"mse": {"weight": 1.0}, "pulls.Pull": {}, "mmd": {}}
    assert cited(plan, objective=objective) == ["Long", "Us"]
    stage = sample_records.stage(objective=objective)
    text = methods(Run(with_stages(plan, stage), {}), []).data
    assert "minimising mean squared error, beside it maximum mean discrepancy." in text
    assert "Where a pull to the start was used, weights were drawn to their pretrained values." in text


def test_an_own_component_that_is_gone_goes_by_its_name(plan: Plan) -> None:
    stage = sample_records.stage(objective={"gone.Loss": {}}, architecture={"name": "gone.Net"})
    found = with_stages(plan, stage)
    assert citations(found) == list(CITED)
    assert "Fine-tuning of gone.Net on brains" in methods(Run(found, {}), []).data
    assert "minimising gone.Loss." in methods(Run(found, {}), []).data


@pytest.mark.usefixtures("own")
def test_every_term_that_decays_is_warned_of_beside_weight_decay() -> None:
    decaying = sample_records.training(optimizer={"name": "adam", "weight_decay": 0.1})
    objective: dict[str, Any] = {"mse": {}, "elastic_penalty": {}, "pulls.Down": {}}
    stage = sample_records.stage(objective=objective, training=decaying)
    both = "and the optimizer's weight_decay both pull at the weights; set weight_decay: 0 to"
    found = [text for text in plan_warnings([], {}, [stage], "auto") if "weight_decay" in text]
    assert found == [
        f"stage 'finetune': elastic_penalty {both} keep them near their start only",
        f"stage 'finetune': pulls.Down {both} leave it to pulls.Down",
    ]
