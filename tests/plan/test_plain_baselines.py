"""Which plain baselines are planned beside a ranking, on which splits, and what is refused."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlpy import digests
from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plan.documents import plan_record, tasks_of
from tlpy.plan.plan_records import Plan, Tasks
from tlpy.plan.planner import Planned, Planner

Params = dict[str, Any]


def planned(params: Params, components: Path | None = None, **more: Any) -> Planned:
    return Planner({**params, **more}, Schema.read(), {}, components=components).plan()


def labels(plan: Planned) -> list[str]:
    return [variant.label for variant in plan.plain.variants]


def test_those_that_fit_the_data_stand_beside_each_target_unless_switched_off(params: Params) -> None:
    plan = planned(params)
    assert labels(plan) == [
        "plain: majority class",
        "plain: logistic regression on down-sampled images",
        "plain: logistic regression on foreground volume",
        "plain: logistic regression on the confounds alone",
    ]
    assert {variant.target for variant in plan.plain.variants} == {"target"}
    assert planned(params, plain=False).plain.variants == planned(params, plain=[]).plain.variants == []
    assert labels(planned(params, plain="mean")) == ["plain: majority class"]


def test_a_number_is_predicted_by_ridge(params: Params) -> None:
    params["datasets"]["target"]["label"] = "age"
    assert labels(planned(params)) == [
        "plain: mean of the training labels",
        "plain: ridge regression on down-sampled images",
        "plain: ridge regression on foreground volume",
        "plain: ridge regression on the confounds alone",
    ]


def test_a_time_series_has_its_own(make_series: Path) -> None:
    data = {"reader": "timeseries", "path": str(make_series), "label": "sex", "preprocessing": {"window": 8}}
    data |= {"group": "run", "within": "subject"}
    plan = planned({"outdir": "results", "datasets": {"runs": data}, "stages": [{"dataset": "runs"}]})
    assert labels(plan) == ["plain: majority class", "plain: logistic regression on window means"]


@pytest.fixture
def make_series(tmp_path: Path) -> Path:
    folder = tmp_path / "series"
    folder.mkdir()
    np.save(folder / "timeseries.npy", np.random.default_rng(0).normal(size=(240, 5)).astype(np.float32))
    rows = [f"{volume // 20}\t{'FM'[volume // 20 % 2]}" for volume in range(240)]
    (folder / "events.tsv").write_text("\n".join(["run\tsex", *rows]) + "\n")
    return folder


def test_what_is_fitted_is_what_the_last_stage_learns_on_the_same_table(params: Params) -> None:
    plan = planned(params)
    last = plan.stages[plan.variants[0].replicates[0].stages[-1]]
    for fit in plan.plain.fits.values():
        assert (fit.sources, fit.heads, fit.metric) == (last.sources, last.heads, last.metric)
    (task,) = tasks_of(plan).plain
    assert task.id == "target"
    assert task.subjects == (last.sources[0].subjects,)
    assert task.prepared == tuple(plan.caches[last.cache].shard_ids())
    assert {fit.id for fit in task.pack.fits} == set(plan.plain.fits)
    for record, kind in ((plan_record(plan), Plan), (tasks_of(plan), Tasks)):
        assert kind.from_json(record.to_json()) == record


def test_each_training_size_has_its_own_and_says_so(params: Params) -> None:
    params["search"] = {"space": {"finetune.train_size": [8, 16], "lr": [0.1, 0.01]}}
    plan = planned(params, plain="linear_images")
    noun = "plain: logistic regression on down-sampled images"
    assert labels(plan) == [f"{noun}, finetune train size {size}" for size in (8, 16)]
    assert [variant.settings for variant in plan.plain.variants] == [
        {"finetune.train_size": 8},
        {"finetune.train_size": 16},
    ]


def test_seeds_share_a_fit_and_folds_do_not(params: Params) -> None:
    (seeds,) = planned(params, plain="mean", replicates={"seeds": 3}).plain.variants
    assert [replicate.seed for replicate in seeds.replicates] == [0, 1, 2]
    assert len({replicate.stages for replicate in seeds.replicates}) == 1
    (folds,) = planned(params, plain="mean", replicates={"folds": 4}).plain.variants
    assert [replicate.fold for replicate in folds.replicates] == [0, 1, 2, 3]
    assert len({replicate.stages for replicate in folds.replicates}) == 4


def test_an_id_follows_from_settings_and_code(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    def ids(**more: Any) -> set[str]:
        return set(planned(params, **more).plain.fits)

    said = ids(plain=["linear_volume"])
    assert ids(plain=[{"name": "linear_volume", "balanced": False}]) == said
    assert ids(plain=[{"name": "linear_volume", "balanced": True}]) != said
    assert ids(plain=["linear_volume"], metric="accuracy") != said
    monkeypatch.setattr("tlpy.plan.plain.plain_digest", lambda: "another")
    assert ids(plain=["linear_volume"]) != said


def test_its_code_is_no_part_of_a_stages_id() -> None:
    assert "plain" in digests.NOT_TRAINING
    assert digests.plain_digest() != digests.training_digest()


def test_two_of_one_name_are_told_apart_by_their_arguments(params: Params) -> None:
    both = ["linear_images", {"name": "linear_images", "most": 64}]
    noun = "plain: logistic regression on down-sampled images"
    assert labels(planned(params, plain=both)) == [f"{noun} (most=1024)", f"{noun} (most=64)"]


@pytest.mark.parametrize(
    ("value", "problems"),
    [
        ("ridge", ["plain: unknown plain baseline 'ridge'"]),
        (["mean", "mean"], ["plain[1]: mean is named twice"]),
        (
            [{"name": "linear_images", "most": 0}, {"name": "linear_volume", "strengths": []}],
            [
                "plain[0].most: expected a whole number of at least 1, found 0",
                "plain[1].strengths: expected a list, each a number above 0, found []",
            ],
        ),
        ("linear_windows", ["plain: linear_windows is for series, but what is ranked are images"]),
        (3, ["plain: expected true or false or a list or text or a map, got 3"]),
    ],
)
def test_what_cannot_be_is_refused(params: Params, value: Any, problems: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        planned(params, plain=value)
    told = [f"{problem.where}: {problem.message}" for problem in caught.value.problems]
    assert told == problems


def test_faults_of_plain_are_told_with_the_others(params: Params) -> None:
    faulty = copy.deepcopy(params)
    faulty["stages"][0]["dataset"] = "nowhere"
    with pytest.raises(InputError) as caught:
        planned(faulty, plain="meen")
    assert {problem.where for problem in caught.value.problems} == {"plain", "stages[0].dataset"}


def test_a_stage_without_labels_has_none(params: Params) -> None:
    params["stages"] = [{"dataset": "target", "objective": "simclr"}]
    assert planned(params).plain.variants == []


def test_images_that_only_score_are_scored_by_them_too(params: Params) -> None:
    objective = {"cross_entropy": 1, "dann": 1}
    params["stages"] = [{"dataset": "target", "unlabelled": "source", "objective": objective}]
    params["datasets"]["source"]["label"] = "sex"
    plan = planned(params, plain="mean")
    (fit,) = plan.plain.fits.values()
    assert [(source.dataset, source.labelled) for source in fit.sources] == [
        ("target", True),
        ("source", False),
    ]
