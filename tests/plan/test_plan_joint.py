"""Stages with several data sets, several labels, and images without labels, as the plan sees them."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

import pytest

from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plan.documents import plan_record, summary, tasks_of, write_plan
from tlpy.plan.planner import Planned, Planner
from tlpy.records import Head, Stage


def _plan(params: dict) -> Planned:
    return Planner(params, Schema.read(), {}).plan()


def _problems(params: dict) -> str:
    with pytest.raises(InputError) as error:
        _plan(params)
    return "\n".join(str(problem) for problem in error.value.problems)


def _last(plan: Planned) -> Stage:
    (variant,) = [v for v in plan.variants if v.scratch or len(plan.variants) == 1]
    return plan.stages[variant.replicates[0].stages[-1]]


def _edit(file: str, change: Any) -> None:
    """Rewrite a table with `change` applied to each row."""
    with Path(file).open(newline="") as stream:
        rows = [{**row, **change(number, row)} for number, row in enumerate(csv.DictReader(stream))]
    with Path(file).open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def one(params: dict) -> dict:
    """One stage on the target's data set."""
    return {**params, "stages": [{"dataset": "target"}]}


def test_several_labels_are_several_heads(one: dict) -> None:
    one["datasets"]["target"]["label"] = ["age", "sex"]
    record = _last(_plan(one))
    assert record.scenario["name"] == "joint"
    assert record.heads == (Head("age", "regression"), Head("sex", "binary", ("F", "M")))
    assert record.metric == "mae"
    assert list(record.objective) == ["multitask"]
    (source,) = record.sources
    assert (source.dataset, source.labels, source.labelled) == ("target", ("age", "sex"), True)


def test_missing_labels_are_left_empty_and_who_has_none_is_told(one: dict, tmp_path: Path) -> None:
    data = one["datasets"]["target"]
    data["label"] = ["age", "sex"]
    _edit(data["path"], lambda number, row: {"age": "" if number % 3 else row["age"]})
    plan = _plan(one)
    write_plan(plan, tmp_path / "out")
    (table,) = plan.subjects.values()
    rows = (tmp_path / f"out/subjects/{table.id}.tsv").read_text().splitlines()
    assert rows[0].split("\t")[-2:] == ["label:age", "label:sex"]
    assert sum(row.split("\t")[-2] == "" for row in rows) == 26
    assert all(row.split("\t")[-1] for row in rows)
    _edit(data["path"], lambda number, _: {"age": "", "sex": ""} if number == 4 else {})
    assert "p104 has no age and no sex" in _problems(one)
    assert len(next(iter(_plan({**one, "on_bad_image": "skip"}).subjects.values())).rows) == 39


def test_data_sets_are_trained_jointly(one: dict) -> None:
    one["stages"] = [{"dataset": ["target", "source"]}]
    plan = _plan(one)
    record = _last(plan)
    assert [head.label for head in record.heads] == ["sex", "age"]
    assert [source.dataset for source in record.sources] == ["target", "source"]
    (pack,) = tasks_of(plan).packs
    assert len(pack.caches) == len(pack.subjects) == len(pack.prepared) == 2
    assert len(plan_record(plan).caches) == 2
    # What a stage is called and where its data lie is no part of its id; the order of data sets is.
    one["stages"] = [{"dataset": ["source", "target"]}]
    assert _last(_plan(one)).id != record.id


def test_sizes_must_agree_and_a_common_one_is_proposed(one: dict, make_table: Any) -> None:
    one["datasets"]["wide"] = {
        "reader": "table",
        "path": str(make_table("wide", shape=(12, 14))),
        "label": "age",
    }
    one["stages"] = [{"dataset": ["target", "wide"]}]
    told = _problems(one)
    assert "stages[0].dataset: data sets that are trained jointly differ in size" in told
    assert "'target' 12×10, 'wide' 12×14" in told
    assert "preprocessing.size: [12, 14]" in told


def test_a_label_that_means_two_things_is_told(one: dict) -> None:
    source = one["datasets"]["source"]
    source["label"] = "sex"
    _edit(source["path"], lambda _, row: {"sex": {"F": "female", "M": "male"}[row["sex"]]})
    one["stages"] = [{"dataset": ["target", "source"]}]
    assert "the classes of 'sex' are F and M in 'target' but female and male in 'source'" in _problems(one)
    source["task"] = "multiclass"
    assert "'sex' is binary in 'target' but multiclass in 'source'" in _problems(one)


def adapted(params: dict, **changes: Any) -> dict:
    params["datasets"]["source"]["label"] = "sex"
    stage = {"dataset": "source", "unlabelled": "target", "objective": {"dann": 0.1}, **changes}
    return {**params, "stages": [stage]}


def test_the_target_of_an_adaptation_shows_its_labels_in_its_test_part_alone(params: dict) -> None:
    plan = _plan(adapted(params))
    record = _last(plan)
    source, target = record.sources
    assert (source.labelled, target.labelled) == (True, False)
    assert target.labels == ("sex",)
    table = plan.subjects[target.subjects]
    assert {row[4] for row in table.rows if row[5]} == {"test"}
    assert all(row[5] for row in table.rows if row[4] == "test")
    assert record.scenario["unlabelled_ratio"] == 1.0
    assert any("training images of target (scored by sex)" in line for line in summary(plan))


def test_the_target_may_have_no_label_or_lack_some(params: dict) -> None:
    params = adapted(params)
    _edit(params["datasets"]["target"]["path"], lambda number, _: {"sex": ""} if number % 3 else {})
    assert _last(_plan(params)).sources[1].labels == ("sex",)
    _edit(params["datasets"]["target"]["path"], lambda *_: {"sex": "F"})
    plan = _plan(params)
    assert _last(plan).sources[1].labels == ()
    assert any("not scored" in line and "one class only" in line for line in summary(plan))
    del params["datasets"]["target"]["label"]
    assert _last(_plan(params)).sources[1].labels == ()


def test_people_of_the_target_are_split_with_the_source(params: dict) -> None:
    params = adapted(params)
    params["datasets"]["target"]["path"] = params["datasets"]["source"]["path"]
    plan = _plan(params)
    parts = [{row[1]: row[4] for row in plan.subjects[s.subjects].rows} for s in _last(plan).sources]
    assert parts[0] == parts[1]


def test_few_labels_and_the_rest_without(one: dict) -> None:
    one["stages"] = [
        {"dataset": "target", "train_size": 6, "unlabelled": "target", "objective": {"mean_teacher": 1}}
    ]
    plan = _plan(one)
    labelled, unlabelled = (plan.subjects[s.subjects] for s in _last(plan).sources)
    assert (labelled.counts["train"], unlabelled.counts["train"]) == (6, 28)
    assert unlabelled.columns == ()


def test_without_a_term_that_looks_at_them_images_are_scored_only(params: dict) -> None:
    params = adapted(params)
    plan = _plan({**params, "search": {"space": {"finetune.objective.dann": [0, 0.1]}}})
    ratios = {tuple(record.objective): record.scenario["unlabelled_ratio"] for record in plan.stages.values()}
    assert ratios == {("cross_entropy",): 0.0, ("cross_entropy", "dann"): 1.0}


def test_a_training_without_labels_is_judged_by_its_loss(params: dict) -> None:
    params["stages"][0]["objective"] = {"simclr": 1}
    plan = _plan(params)
    (record,) = [record for record in plan.stages.values() if record.role == "pretrain"]
    assert (record.task_type, record.heads, record.metric) == ("none", (), "loss")
    assert [source.labels for source in record.sources] == [()]
    assert list(record.objective) == ["simclr"]
    del params["datasets"]["source"]["label"]
    assert plan_record(_plan(params)).datasets["source"].heads == ()


def test_columns_of_0_and_1_are_one_multilabel_head(one: dict) -> None:
    data = one["datasets"]["target"]
    _edit(data["path"], lambda number, _: {"age": int(number % 3 == 0), "sex": number % 2})
    data |= {"label": ["age", "sex"], "task": "multilabel"}
    record = _last(_plan(one))
    assert record.heads == (Head("age+sex", "multilabel", ("age", "sex")),)
    assert (record.scenario, record.metric) == ({"name": "sequential"}, "auroc")
    _edit(data["path"], lambda number, _: {"age": number % 4})
    assert "'age'" in _problems(one)


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        ({"objective": {"dann": 1}}, "stages[0].objective.dann: dann needs images without labels"),
        ({"unlabelled": "nobody"}, "stages[0].unlabelled: there is no data set 'nobody'"),
        ({"dataset": ["target", "target"]}, "stages[0].dataset: 'target' is named twice"),
        ({"objective": {"rotation": 1}, "augmentation": "flip"}, "stages[0].objective.rotation"),
        (
            {"dataset": "source", "unlabelled": "target", "objective": {"fixmatch": 1}},
            "stages[0].objective.fixmatch: fixmatch is for binary or multiclass, the task is regression",
        ),
        (
            {"unlabelled": "source", "scenario": "sequential"},
            "stages[0].scenario: sequential is for one data set",
        ),
        (
            {"scenario": {"name": "joint", "mixing": "shaken"}},
            "stages[0].scenario.mixing: expected concatenate or",
        ),
        ({"dataset": "source", "sampling": "oversample"}, "stages[0].sampling: there are no classes"),
        (
            {"unlabelled": "source", "objective": {"simclr": 1}},
            "stages[0].unlabelled: no label of this stage is learnt anyway",
        ),
    ],
)
def test_what_can_not_be_trained_is_told_by_its_path(one: dict, stage: dict, told: str) -> None:
    one["stages"] = [{"dataset": "target", **stage}]
    assert told in _problems(one)


def test_a_data_set_without_a_label_is_told(one: dict) -> None:
    del one["datasets"]["target"]["label"]
    assert "datasets.target.label: is missing, but stage 'finetune' learns it" in _problems(one)
    one["stages"] = [{"dataset": ["source", "target"]}]
    assert "list the data set under stages[0].unlabelled" in _problems(one)


def test_a_joint_scenario_on_one_label_is_the_sequential_one(one: dict) -> None:
    before = _last(_plan(one)).id
    one["stages"][0] |= {"dataset": ["target"], "scenario": {"name": "joint", "mixing": "balanced"}}
    assert _last(_plan(one)).id == before


def test_a_thousand_joint_variants_are_planned_in_seconds(params: dict) -> None:
    space = {"lr": [i / 1000 for i in range(1, 251)], "finetune.objective.dann": [0, 0.1, 0.2, 0.3]}
    start = time.process_time()
    plan = _plan({**adapted(params), "search": {"space": space}})
    assert len(plan.variants) == 1000
    assert time.process_time() - start < 10


def test_faults_elsewhere_do_not_make_missing_labels_of_a_target_one(params: dict) -> None:
    params = adapted(params)
    _edit(params["datasets"]["target"]["path"], lambda number, _: {"sex": ""} if number % 3 else {})
    told = _problems({**params, "metric": "mae"})
    assert "has no sex" not in told
    told = _problems({**params, "lr": -1})
    assert "has no sex" not in told
