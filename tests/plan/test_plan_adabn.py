"""`adabn`: a search can tell it from the terms, and it is taken out, with a reason, where it does nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tlpy.params.schema import Schema
from tlpy.plan.documents import inferred, plan_record
from tlpy.plan.planner import Planned, Planner
from tlpy.report.cited import citations


def plan(params: dict[str, Any]) -> Planned:
    return Planner(params, Schema.read(), {}).plan()


@pytest.fixture
def adapting(params: dict[str, Any], make_table: Any) -> dict[str, Any]:
    """A pretraining, and a fine-tuning with images of another data set beside it."""
    scans = {"reader": "table", "path": str(make_table("scans", first=200))}
    params["datasets"]["scans"] = scans
    params["stages"][1]["unlabelled"] = "scans"
    return params


def test_a_search_tells_it_from_the_term(adapting: dict[str, Any]) -> None:
    adapting["search"] = {"space": {"finetune.adabn": [False, True], "finetune.objective.coral": [0, 100]}}
    made = plan(adapting)
    last = [stage for stage in made.stages.values() if stage.parent]
    found = {(stage.training.adabn, "coral" in stage.objective) for stage in last}
    assert found == {(False, False), (False, True), (True, False), (True, True)}
    assert made.normalised == []
    values = {item.value for item in inferred(made) if item.what == "stage finetune"}
    assert any("the statistics alone of training images of scans" in value for value in values)
    assert any("Revisiting batch normalization" in text for text in citations(plan_record(made)))


def test_it_is_off_by_default_and_needs_nothing(adapting: dict[str, Any]) -> None:
    assert not any(stage.training.adabn for stage in plan(adapting).stages.values())
    before = plan(adapting).stages.keys()
    adapting["adabn"] = False
    assert plan(adapting).stages.keys() == before


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "no data set takes part by its images alone (`unlabelled`)"),
        (
            {"unlabelled": "scans", "transfer": "head"},
            "transfer head keeps the encoder as it is, its statistics too",
        ),
        ({"objective": "simclr"}, "no label is learnt, so that there is no labelled domain"),
    ],
)
def test_without_effect_it_is_taken_out(
    adapting: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    del adapting["stages"][1]["unlabelled"]
    adapting["stages"][1] |= changes
    before = plan(adapting).stages.keys()
    adapting["stages"][1]["adabn"] = True
    made = plan(adapting)
    assert [(item.what, item.why) for item in made.normalised] == [("finetune.adabn", reason)]
    # From scratch nothing is kept as it is: there it acts.
    expected = {stage.id for stage in made.stages.values() if not stage.training.adabn}
    assert expected <= before


def test_a_network_without_batch_normalisation_has_no_statistics(adapting: dict[str, Any]) -> None:
    adapting["architecture"] = "vit"
    adapting["adabn"] = True
    made = plan(adapting)
    said = {item.what: item.why for item in made.normalised}
    assert said["finetune.adabn"] == "vit has no batch normalisation"
    assert said["pretrain.adabn"].startswith("no data set takes part by its images alone")
