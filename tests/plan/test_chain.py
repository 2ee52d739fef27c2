"""A chain is completed with defaults, and every fault in it is named by its path."""

from __future__ import annotations

import pytest

from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plan.stages.chain import ChainResolver, from_scratch, role_of

RESOLVER = ChainResolver(Schema.read())


def _params(*stages: dict, **changes: object) -> dict:
    return {"datasets": {"a": {}, "b": {}}, "stages": list(stages), **changes}


def test_roles_follow_the_place_in_the_chain() -> None:
    assert [role_of(place, 4) for place in range(4)] == ["pretrain", "adapt", "adapt", "finetune"]
    assert role_of(0, 1) == "finetune"


def test_a_stage_overrides_the_top_level_and_that_the_schema() -> None:
    chain = RESOLVER.resolve(_params({"dataset": "a", "epochs": 3}, {"dataset": "b"}, epochs=7))
    assert [stage.training.epochs for stage in chain] == [3, 7]
    assert [stage.training.batch_size for stage in chain] == [16, 16]


def test_writing_a_default_out_changes_nothing() -> None:
    short = RESOLVER.resolve(_params({"dataset": "a"}))
    written_out = RESOLVER.resolve(
        _params(
            {
                "name": "finetune",
                "dataset": "a",
                "transfer": "full",
                "optimizer": {"name": "adam"},
                "lr": 0.001,
            },
            architecture={"name": "resnet18"},
            epochs=10,
        )
    )
    assert short == written_out


def test_transfer_has_no_effect_where_nothing_came_before() -> None:
    chain = RESOLVER.resolve(
        _params({"dataset": "a", "transfer": "head"}, {"dataset": "b", "transfer": "head"})
    )
    assert [stage.transfer and stage.transfer["name"] for stage in chain] == [None, "head"]
    assert from_scratch(chain[1]).transfer is None


def test_a_stage_with_weights_and_no_data_hands_them_on() -> None:
    chain = RESOLVER.resolve(_params({"weights": "w.safetensors"}, {"dataset": "b", "transfer": "head"}))
    assert [(stage.name, stage.role, stage.weights) for stage in chain] == [
        ("finetune", "finetune", "w.safetensors")
    ]
    assert chain[0].transfer == {"name": "head"}


def test_all_faults_of_a_chain_are_told() -> None:
    with pytest.raises(InputError) as error:
        RESOLVER.resolve(
            _params(
                {"dataset": "a", "transfer": "heads"},
                {"optimizer": {"name": "adam", "momentun": 1}},
                architecture="resnet81",
                schedule="cosin",
            )
        )
    told = str(error.value)
    assert "architecture: unknown architecture 'resnet81' (did you mean" in told
    assert "stages[0].transfer: unknown transfer 'heads' (did you mean 'head'?)" in told
    assert "stages[1].dataset: stage 'finetune' has no data set (name one of: a, b)" in told
    assert "schedule: unknown schedule 'cosin' (did you mean 'cosine'?)" in told


def test_two_stages_of_one_name_are_told() -> None:
    with pytest.raises(InputError, match="two stages are called 'x'"):
        RESOLVER.resolve(_params({"name": "x", "dataset": "a"}, {"name": "x", "dataset": "b"}))
