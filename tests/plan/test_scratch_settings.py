"""What is trained from scratch is not called by settings that have no effect on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tlpy.params.schema import Schema
from tlpy.plan.planner import Planned, Planner

OWN = """
from tlpy.objectives.base import Term
from tlpy.objectives.elastic_penalty import ElasticPenalty

class Softer(ElasticPenalty):
    pass

class Smooth(Term):
    def forward(self, step): ...
"""


def planned(params: dict[str, Any], space: dict[str, Any], components: Path | None = None) -> Planned:
    given = {**params, "search": {"space": space}}
    return Planner(given, Schema.read(), {}, components=components).plan()


def scratch(plan: Planned) -> list[tuple[str, dict[str, Any]]]:
    """Those but the longer trainings from scratch, which say their epochs beside the same settings."""
    found = [v for v in plan.variants if v.baseline and "finetune.epochs" not in v.settings]
    return [(variant.label, variant.settings) for variant in found]


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("finetune.transfer", [{"name": "freeze", "up_to": "layer3"}]),
        ("finetune.transfer.up_to", ["layer3"]),
        ("finetune.objective.elastic_penalty", [0.1]),
        ("finetune.objective.elastic_penalty.alpha", [0.1]),
        ("pretrain.lr", [0.1]),
    ],
)
def test_what_needs_a_start_is_not_said(params: dict, path: str, values: list[Any]) -> None:
    params["stages"][1]["transfer"] = {"name": "freeze", "up_to": "layer2"}
    plan = planned(params, {path: values, "lr": [0.001]})
    assert scratch(plan) == [("from scratch: lr 0.001", {path: None, "lr": 0.001})]


def test_what_acts_is_said(params: dict) -> None:
    space = {"finetune.objective.cross_entropy.label_smoothing": [0.1], "finetune.lr": [0.01]}
    label = "from scratch: finetune cross entropy label smoothing 0.1, finetune lr 0.01"
    (found,) = scratch(planned(params, space))
    assert found == (label, {path: values[0] for path, values in space.items()})


def test_an_objective_as_a_whole_keeps_the_terms_that_act(params: dict) -> None:
    focal = {"focal": {"gamma": 1.5}, "elastic_penalty": 0.1}
    plan = planned(params, {"finetune.objective": [focal, {"focal": {"gamma": 1.5}}]})
    kept = {"finetune.objective": {"focal": {"gamma": 1.5}}}
    assert scratch(plan) == [("from scratch: finetune objective focal(gamma=1.5)", kept)]
    plan = planned(params, {"finetune.objective": [{"elastic_penalty": 0.1}]})
    assert scratch(plan) == [("from scratch: finetune", {"finetune.objective": None})]


def test_a_stage_as_a_whole_keeps_what_acts(params: dict) -> None:
    stage = {"dataset": "target", "epochs": 3, "transfer": "head", "objective": {"elastic_penalty": 0.1}}
    plan = planned(params, {"finetune": [stage]})
    kept = {"finetune": {"dataset": "target", "epochs": 3}}
    assert scratch(plan) == [("from scratch: finetune dataset=target, epochs=3", kept)]


def test_own_terms_say_whether_they_need_a_start(params: dict, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "pulls.py").write_text(OWN)
    objective = {"pulls.Smooth": 0.5, "pulls.Softer": 0.1}
    plan = planned({**params, "components": str(folder)}, {"finetune.objective": [objective]}, folder)
    kept = {"finetune.objective": {"pulls.Smooth": 0.5}}
    assert scratch(plan) == [("from scratch: finetune objective pulls.Smooth=0.5", kept)]


def test_a_searched_variant_from_scratch_is_no_other(params: dict) -> None:
    space = {"pretrain": ["none"], "finetune.transfer.up_to": ["layer3"]}
    params["stages"][1]["transfer"] = {"name": "freeze", "up_to": "layer2"}
    settings = {"pretrain": "none", "finetune.transfer.up_to": None}
    assert scratch(planned(params, space)) == [("from scratch: pretrain none", settings)]
