"""Augmentation and data modules as the plan sees them."""

from __future__ import annotations

import copy

import pytest

from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plan.planner import Planned, Planner


def _plan(params: dict) -> Planned:
    return Planner(params, Schema.read(), {}).plan()


def test_presets_are_expanded_in_the_stage_record(params: dict) -> None:
    by_role = {record.role: record for record in _plan({**params, "augmentation": "brain"}).stages.values()}
    names = [step["name"] for step in by_role["pretrain"].training.augmentation]
    assert names[:3] == ["flip", "affine", "elastic"]
    assert by_role["pretrain"].training.datamodule == {"name": "base"}


def test_ids_follow_what_is_done_to_images_not_how_it_is_written(params: dict) -> None:
    def ids(value: object) -> list[str]:
        return sorted(_plan({**params, "augmentation": value}).stages)

    assert (
        ids(["flip"])
        == ids({"name": "flip", "p": 0.5, "axes": [0]})
        == ids(["flip", {"name": "noise", "p": 0}])
    )
    assert ids([]) == sorted(_plan(params).stages)
    assert ids("image") != ids("brain")


def test_augmentation_can_be_searched(params: dict) -> None:
    space = {"finetune.augmentation": [None, "image", ["flip", {"name": "noise", "sd": 0.2}]]}
    plan = _plan({**params, "search": {"space": space}})
    assert sum(not variant.baseline for variant in plan.variants) == 3
    assert sum(record.role == "pretrain" for record in plan.stages.values()) == 1


def test_a_crop_gives_the_networks_input_and_shares_the_cache(params: dict) -> None:
    params["datamodule"] = "crop_center"
    plan = _plan({**params, "datamodule": {"name": "crop_center", "size": 8}, "architecture": "vit"})
    assert {tuple(record.input.size) for record in plan.stages.values()} == {(8, 8)}
    written_out = {**params, "datamodule": {"name": "crop_center", "size": [8, 8]}, "architecture": "vit"}
    assert sorted(_plan(written_out).stages) == sorted(plan.stages)
    searched = _plan({**params, "search": {"space": {"datamodule.size": [6, [8, 10]]}}})
    assert {tuple(record.input.size) for record in searched.stages.values()} == {(6, 6), (8, 10)}
    assert len(searched.caches) == 2


def test_faults_are_told_with_the_stage(params: dict) -> None:
    wrong = copy.deepcopy(params)
    wrong["stages"][0]["augmentation"] = ["flip", "nois"]
    wrong["datamodule"] = "bio_images"
    with pytest.raises(InputError) as error:
        _plan(wrong)
    told = str(error.value)
    assert "stages[0].augmentation[1]: unknown augmentation 'nois' (did you mean 'noise'?)" in told
    assert "datamodule: unknown data module 'bio_images' (did you mean 'bio_image'?)" in told
    wrong = copy.deepcopy(params)
    wrong["stages"][1]["augmentation"] = [{"name": "flip", "axes": [2]}]
    with pytest.raises(InputError, match=r"stages\[1\].augmentation\[0\].axes: the images have 2 axes"):
        _plan(wrong)
    with pytest.raises(InputError, match=r"size: 11 does not fit into the images' 12×10"):
        _plan({**params, "datamodule": {"name": "crop_center", "size": 11}})
