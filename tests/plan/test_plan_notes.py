# ruff: noqa: E501 - messages are in one line each
"""What a plan says of itself: warnings, what was inferred, what had no effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from layouts import simulate_layout

from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plan.documents import inferred, summary
from tlpy.plan.plan_records import Dropped
from tlpy.plan.planner import Planned, Planner

# A network that leaves more than a voxel of images this small.
SHALLOW = {"name": "sfcn", "filters": [4, 8]}


def plan(params: dict[str, Any]) -> Planned:
    return Planner(params, Schema.read(), {}).plan()


def told(params: dict[str, Any]) -> list[str]:
    with pytest.raises(InputError) as caught:
        plan(params)
    return [str(problem) for problem in caught.value.problems]


def split_of(made: Planned, name: str) -> str:
    return next(item.why for item in inferred(made) if item.what == f"datasets.{name} split")


def test_weights_that_were_trained_on_other_crops_or_scales_are_a_warning(params: dict) -> None:
    params["architecture"] = SHALLOW
    assert plan(params).warnings == []
    params["stages"][1]["datamodule"] = {"name": "crop_center", "size": 8}
    params["datasets"]["target"]["preprocessing"] = {"normalise": "minmax"}
    start = "stage 'finetune' takes over weights from 'pretrain', trained on images prepared in another way"
    assert plan(params).warnings == [
        f"{start}: preprocessing.normalise: expected zscore, found minmax; datamodule: expected base, found "
        "crop_center(size=[8, 8]); say the same preprocessing in both where it can be"
    ]
    params["stages"][0]["datamodule"] = {"name": "crop_center", "size": [8, 8]}
    params["datasets"]["source"]["preprocessing"] = {"normalise": "minmax"}
    assert plan(params).warnings == []


def test_a_warning_is_said_once_for_all_variants(params: dict) -> None:
    params["architecture"] = SHALLOW
    params["stages"][1]["datamodule"] = "bio_image"
    params["search"] = {"space": {"lr": [0.1, 0.01, 0.001]}}
    assert len(plan(params).warnings) == 1


def test_rotations_cannot_be_learnt_from_what_the_data_module_turns(params: dict) -> None:
    params["stages"] = [{"dataset": "source", "objective": "rotation", "datamodule": "bio_image"}]
    assert told(params) == [
        "stages[0].objective.rotation: rotation can't learn what the data module bio_image changes (flip, rot90) "
        "(give it `turns: false`, or take one out)"
    ]
    params["stages"][0]["datamodule"] = {"name": "bio_image", "turns": False}
    assert len(plan(params).stages) == 1


def test_a_transfer_where_nothing_came_before_is_said(params: dict) -> None:
    params["stages"][0]["transfer"] = "head"
    params["stages"][1]["transfer"] = "head"
    made = plan(params)
    assert made.normalised == [Dropped("pretrain.transfer", "nothing came before that could be taken over")]
    assert "pretrain.transfer has no effect: nothing came before that could be taken over" in summary(made)
    params["stages"][0]["transfer"] = "full"  # what it is anyway
    assert plan(params).normalised == []


def test_the_plan_says_what_a_split_keeps_together(params: dict, tmp_path: Path) -> None:
    assert split_of(plan(params), "source") == "by subject, stratified by age, seed 0"
    params["datasets"]["source"]["columns"] = {"subject": "image"}
    params["datasets"]["target"]["group"] = "age"
    made = plan(params)
    assert split_of(made, "source") == "by subject (image), stratified by age, seed 0"
    assert split_of(made, "target") == "by age, stratified by sex, seed 0"
    people = Path(params["datasets"]["target"]["path"])
    lines = people.read_text().splitlines()
    parts = ["fold", *("train" if n % 4 else ("val", "test")[n % 8 == 0] for n in range(len(lines) - 1))]
    people.write_text("\n".join(f"{line},{part}" for line, part in zip(lines, parts, strict=True)) + "\n")
    params["datasets"]["target"] |= {"split": "fold", "group": "subject"}
    assert split_of(plan(params), "target") == "official parts (fold)"
    folder = simulate_layout("hcp", tmp_path / "hcp", subjects=24, dirt=False)
    families = {"reader": "hcp", "path": str(folder), "label": "sex"}
    made = plan({"outdir": "r", "datasets": {"hcp": families}, "stages": [{"dataset": "hcp"}]})
    assert split_of(made, "hcp") == "by family (Family_ID), stratified by sex, seed 0"


@pytest.fixture
def decathlon(tmp_path: Path) -> dict[str, Any]:
    folder = simulate_layout("decathlon", tmp_path / "decathlon", subjects=20, dirt=False)
    spec = {"reader": "decathlon", "path": str(folder)}
    return {"outdir": "results", "datasets": {"scans": spec}, "stages": [{"dataset": "scans"}]}


@pytest.mark.parametrize("label", [{}, {"label": "mask"}, {"label": "mask", "task": "multiclass"}])
def test_segmentations_are_no_label_yet(decathlon: dict[str, Any], label: dict[str, str]) -> None:
    decathlon["datasets"]["scans"] |= label
    assert told(decathlon) == [
        "datasets.scans.label: 'mask' holds segmentations, and learning these is not built in yet (name a "
        "`label` column of numbers or classes, or use the images alone: in a stage with an objective such as "
        "simclr, or as `unlabelled`)"
    ]


def test_what_that_message_proposes_works(decathlon: dict[str, Any]) -> None:
    decathlon["stages"] = [{"dataset": "scans", "objective": "simclr"}]
    made = plan(decathlon)
    found = {item.what: item.value for item in inferred(made)}
    assert found["datasets.scans.task"] == "none"
    assert "datasets.scans" not in found
    assert "datasets.scans.label" not in found
    labelled = {**decathlon["datasets"]["scans"], "label": "age"}
    decathlon["datasets"]["aged"] = labelled
    decathlon["stages"] = [{"dataset": "aged", "unlabelled": "scans", "objective": {"reconstruction": 1}}]
    assert plan(decathlon).datasets["aged"].task.type == "regression"


@pytest.mark.parametrize(
    ("architecture", "helps"),
    [
        ("resnet18", "kernel: 3, stride: 1, max_pool: false"),
        ("densenet121", "kernel: 3, stride: 1, max_pool: false"),
        ("sfcn", "fewer `filters`, of which each but the last halves the image"),
        ({"name": "vit", "patch": 12}, "a smaller `patch`"),
        ({"name": "resnet18", "kernel": 3, "stride": 1, "max_pool": False}, ""),
        (SHALLOW, ""),
    ],
)
def test_a_last_map_of_one_voxel_is_told_with_what_helps(params: dict, architecture: Any, helps: str) -> None:
    params["architecture"] = architecture
    found = [text for text in plan(params).warnings if "single voxel" in text]
    name = architecture if isinstance(architecture, str) else architecture["name"]
    expected = [
        f"stage '{stage}': the last map of {name} is a single voxel of images of 12×10; it leaves more with {helps}"
        for stage in ("finetune", "pretrain")
    ]
    assert sorted(found) == (expected if helps else [])
