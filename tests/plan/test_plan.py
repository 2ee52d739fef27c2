"""The plan trains each distinct piece of work once, and its ids follow what determines a result."""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plan.documents import plan_record, sharing, summary, tasks_of, write_plan
from tlpy.plan.planner import Planned, Planner
from tlpy.records import Stage
from tlpy.store import Store

TLIMB_SPACE = {
    "architecture": ["resnet18", "vit"],
    "lr": [0.0001, 0.001, 0.01],
    "finetune.objective.elastic_penalty": [0, 0.01],
}


def _plan(params: dict, **where: object) -> Planned:
    return Planner(params, Schema.read(), {}, **where).plan()  # type: ignore[arg-type]


def _subjects(stage: Stage) -> str:
    (source,) = stage.sources
    return source.subjects


def _searched(plan: Planned) -> list:
    return [variant for variant in plan.variants if not variant.baseline]


def test_tlimbs_search_has_12_variants_and_6_distinct_pretrainings(params: dict) -> None:
    plan = _plan({**params, "search": {"space": TLIMB_SPACE}})
    assert len(_searched(plan)) == 12
    assert sum(record.role == "pretrain" for record in plan.stages.values()) == 6
    # Each twin once with the last stage's epoch, once with the three of the whole chain.
    assert len(plan.stages) == 6 + 12 + 2 * 6
    saved = sharing(plan)
    assert (saved.stage_runs, saved.distinct, saved.to_train) == (36, 30, 30)
    assert (saved.epochs_unshared, saved.epochs_distinct) == (12 * 3 + 6 * 4, 6 * 2 + 12 + 6 * 4)


def test_every_variant_names_its_from_scratch_twin(params: dict) -> None:
    plan = _plan({**params, "search": {"space": TLIMB_SPACE}})
    by_id = {variant.id: variant for variant in plan.variants}
    for variant in _searched(plan):
        twin = by_id[variant.scratch]
        assert twin.baseline
        for key in ("architecture", "lr"):
            assert twin.settings[key] == variant.settings[key]
        # One twin serves both values of the penalty, which has no effect without a start.
        assert twin.settings["finetune.objective.elastic_penalty"] is None
        stages = [plan.stages[replicate.stages[0]] for replicate in twin.replicates]
        assert all(stage.parent is None and stage.transfer is None for stage in stages)
        assert all(list(stage.objective) == ["cross_entropy"] for stage in stages)


def test_baselines_can_be_switched_off(params: dict) -> None:
    plan = _plan({**params, "baseline": False})
    assert [variant.baseline for variant in plan.variants] == [False]
    assert len(plan.stages) == 2


def test_a_variant_that_is_from_scratch_is_the_baseline(params: dict) -> None:
    plan = _plan({**params, "search": {"space": {"pretrain": ["none", {"dataset": "source"}]}}})
    assert [variant.baseline for variant in plan.variants] == [True, False, True]
    assert plan.variants[1].scratch == plan.variants[0].id


def test_a_baseline_trains_as_long_as_the_whole_chain(params: dict) -> None:
    """Else what transfer gains may be a gain of training longer."""
    space = {"epochs": [1, 4], "finetune.epochs": [2]}
    plan = _plan({**params, "search": {"space": space}})
    whole = {
        plan.stages[variant.replicates[0].stages[0]].training.epochs: variant
        for variant in plan.variants
        if variant.baseline
    }
    assert sorted(whole) == [2, 1 + 2, 4 + 2]
    assert whole[6].settings == {"epochs": None, "finetune.epochs": 6}
    assert whole[6].label == "from scratch: finetune epochs 6"
    assert all(variant.scratch == whole[2].id for variant in _searched(plan))
    alone = dict(params, stages=params["stages"][1:])
    assert len(_plan(alone).variants) == 1


def test_variants_that_differ_in_nothing_that_acts_collapse(params: dict) -> None:
    params["stages"] = [params["stages"][1]]
    plan = _plan({**params, "search": {"space": {"finetune.transfer": ["full", "head"], "lr": [0.1, 0.2]}}})
    assert [variant.settings for variant in plan.variants] == [
        {"finetune.transfer": None, "lr": 0.1},
        {"finetune.transfer": None, "lr": 0.2},
    ]


def test_what_was_normalised_away_is_told(params: dict) -> None:
    params["stages"][0]["objective"] = {"elastic_penalty": 0.1}
    plan = _plan(params)
    assert [item.what for item in plan.normalised] == ["pretrain.objective.elastic_penalty"]
    params["stages"][0]["objective"] = {"elastic_penalty": 0}
    params["stages"][1]["objective"] = {"elastic_penalty": 0.1}
    assert _plan(params).normalised == []


def _ids(plan: Planned) -> list[list[str]]:
    return [replicate.stages for variant in _searched(plan) for replicate in variant.replicates]


@pytest.mark.parametrize(
    "change",
    [
        {"lr": 0.001, "batch_size": 16, "architecture": {"name": "resnet18"}},
        {"pack_minutes": 1, "accelerator": "cpu", "outdir": "elsewhere"},
    ],
    ids=["defaults written out", "how it is run"],
)
def test_what_does_not_change_a_result_does_not_change_its_id(params: dict, change: dict) -> None:
    assert _ids(_plan({**params, **change})) == _ids(_plan(params))


def test_ids_do_not_know_where_the_data_lie(params: dict, tmp_path: Path) -> None:
    before = _ids(_plan(params))
    for name in ("source", "target"):
        shutil.copytree(tmp_path / name, tmp_path / "moved" / name)
        params["datasets"][name]["path"] = str(tmp_path / "moved" / name / "people.csv")
    assert _ids(_plan(params)) == before


@pytest.mark.parametrize("change", [{"lr": 0.002}, {"seed": 1}, {"keep": "last"}, {"optimizer": "sgd"}])
def test_what_changes_a_result_changes_its_id(params: dict, change: dict) -> None:
    before, after = _ids(_plan(params))[0], _ids(_plan({**params, **change}))[0]
    assert not set(before) & set(after)


@pytest.mark.parametrize(
    ("change", "same"),
    [({}, False), ({"keep": "last"}, True), ({"keep": "last", "early_stopping": {"patience": 2}}, False)],
    ids=["the best epoch is kept", "the last epoch is kept", "it stops early"],
)
def test_a_metric_counts_where_epochs_are_chosen_by_it(params: dict, change: dict, same: bool) -> None:
    """The pretraining is a regression, which accuracy is not defined for."""
    params |= change
    before, plan = _plan(params), _plan({**params, "metric": "accuracy"})
    assert _ids(before)[0][0] == _ids(plan)[0][0]
    assert (_ids(before) == _ids(plan)) is same
    assert {variant.metric for variant in before.variants} == {"auroc"}
    assert {variant.metric for variant in plan.variants} == {"accuracy"}, "ranked by it in any case"


def test_a_change_in_the_last_stage_keeps_the_first(params: dict) -> None:
    before = _ids(_plan(params))[0]
    params["stages"][1]["lr"] = 0.5
    after = _ids(_plan(params))[0]
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_an_edited_image_changes_the_ids(params: dict, tmp_path: Path) -> None:
    before = _ids(_plan(params))[0]
    image = tmp_path / "target" / "p100.npy"
    content = bytearray(image.read_bytes())
    content[-1] ^= 1
    image.write_bytes(bytes(content))
    after = _ids(_plan(params))[0]
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)


def test_data_sets_that_share_images_share_one_cache(params: dict) -> None:
    params["datasets"]["target"]["path"] = params["datasets"]["source"]["path"]
    plan = _plan(params)
    assert len(plan.caches) == 1
    assert len(tasks_of(plan).prepare) == 1


def test_who_occurs_in_several_data_sets_falls_into_the_same_part(params: dict) -> None:
    params["datasets"]["target"]["path"] = params["datasets"]["source"]["path"]
    plan = _plan(params)
    parts = [{row[1]: row[4] for row in table.rows} for table in plan.subjects.values()]
    assert len(parts) == 2
    assert parts[0] == parts[1]


def test_seeds_repeat_the_chain_and_share_the_split(params: dict) -> None:
    plan = _plan({**params, "replicates": {"seeds": 3}})
    (variant,) = _searched(plan)
    assert [replicate.seed for replicate in variant.replicates] == [0, 1, 2]
    assert len(set(variant.stages)) == 6
    assert len(plan.subjects) == 2


def test_folds_of_the_target_share_the_pretraining(params: dict) -> None:
    plan = _plan({**params, "replicates": {"folds": 4}})
    (variant,) = _searched(plan)
    assert len({replicate.stages[0] for replicate in variant.replicates}) == 1
    assert len({replicate.stages[1] for replicate in variant.replicates}) == 4
    tested = [
        row[0]
        for key in {_subjects(plan.stages[replicate.stages[1]]) for replicate in variant.replicates}
        for row in plan.subjects[key].rows
        if row[4] == "test"
    ]
    assert len(tested) == len(set(tested)) == 40


def test_training_sizes_are_nested_and_leave_validation_and_test_alone(params: dict) -> None:
    plan = _plan({**params, "baseline": False, "search": {"space": {"finetune.train_size": [6, 12, 0.9]}}})
    tables = [
        plan.subjects[_subjects(plan.stages[stages[1]])]
        for stages in (variant.replicates[0].stages for variant in plan.variants)
    ]
    train = [{row[0] for row in table.rows if row[4] == "train"} for table in tables]
    assert [len(images) for images in train] == [6, 12, round(0.9 * 28)]
    assert train[0] < train[1] < train[2]
    assert len({tuple(row for row in table.rows if row[4] != "train") for table in tables}) == 1


def test_what_the_store_holds_is_not_trained_again(params: dict, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    first = _plan({**params, "search": {"space": {"lr": [0.1]}}}, store=store.root)
    (tmp_path / "done").mkdir()
    for stage in first.stages:
        store.keep("stages", stage, tmp_path / "done")
    grown = _plan({**params, "search": {"space": {"lr": [0.1, 0.2]}}}, store=store.root)
    tasks = tasks_of(grown)
    assert list(tasks.stored_stages) == sorted(first.stages)
    trained = {stage.id for pack in tasks.packs for stage in pack.pack.stages}
    assert trained == set(grown.stages) - set(first.stages)
    assert {grown.stages[stage].training.lr for stage in trained} == {0.2}


def test_tasks_name_what_each_pack_needs(params: dict) -> None:
    plan = _plan({**params, "search": {"space": TLIMB_SPACE}}, slots=2)
    tasks = tasks_of(plan)
    made = {shard.id for shard in tasks.prepare}
    trained: set[str] = set()
    for pack in tasks.packs:
        assert set(pack.prepared) <= made
        assert set(pack.parents) <= trained
        trained |= {stage.id for stage in pack.pack.stages}
        assert {_subjects(stage) for stage in pack.pack.stages} == set(pack.subjects)
    assert trained == set(plan.stages)


def test_all_problems_of_all_data_sets_are_told_at_once(params: dict, make_table) -> None:  # type: ignore[no-untyped-def]
    broken = make_table("broken")
    broken.write_text(broken.read_text().replace(",22.5,", ",old,").replace(",23.5,", ",n/a,"))
    params["datasets"]["source"]["path"] = str(broken)
    params["datasets"]["target"]["label"] = "sez"
    with pytest.raises(InputError) as error:
        _plan(params)
    told = str(error.value)
    assert "found 'old' under 'age', expected a number" in told or "people.csv:5" in told
    assert "did you mean 'sex'?" in told


def test_faults_of_the_images_do_not_hide_those_of_the_labels(params: dict, tmp_path: Path) -> None:
    (tmp_path / "source" / "p001.npy").write_bytes(b"no array")
    table = tmp_path / "source" / "people.csv"
    table.write_text(table.read_text().replace(",22.5,", ",old,") + "p000.npy,p000,20.5,F\n")
    with pytest.raises(InputError) as error:
        _plan(params)
    told = str(error.value)
    for part in ("p001.npy", "people.csv:4: found 'old'", "people.csv:42"):
        assert part in told


def test_faults_of_the_file_do_not_hide_those_of_the_data(params: dict) -> None:
    params["datasets"]["target"]["label"] = "sez"
    params["stages"][0]["optimizer"] = "adamm"
    with pytest.raises(InputError) as error:
        _plan({**params, "search": {"space": {"finetune.transferr": ["head"]}}})
    told = str(error.value)
    for part in ("unknown key (transferr = head)", "unknown optimizer 'adamm'", "no column 'sez'"):
        assert part in told


def test_an_unknown_component_does_not_hide_the_data(params: dict) -> None:
    params["datasets"]["target"]["label"] = "sez"
    with pytest.raises(InputError, match=r"(?s)unknown architecture 'resnet81'.*no column 'sez'"):
        _plan({**params, "architecture": "resnet81"})


def test_a_column_name_that_is_not_ours_is_told(params: dict) -> None:
    params["datasets"]["source"]["columns"] = {"subjet": "eid"}
    with pytest.raises(InputError, match=r"source\.columns\.subjet: .*did you mean 'subject'"):
        _plan(params)


def test_a_missing_label_is_an_error_unless_it_may_be_skipped(params: dict, make_table) -> None:  # type: ignore[no-untyped-def]
    holes = make_table("holes")
    holes.write_text(holes.read_text().replace(",22.5,", ",n/a,"))
    params["datasets"]["source"]["path"] = str(holes)
    with pytest.raises(InputError, match=r"people\.csv:4: p002 has no age"):
        _plan(params)
    plan = _plan({**params, "on_bad_image": "skip"})
    assert [problem.where for problem in plan.datasets["source"].left_out] == [f"{holes}:4"]
    assert plan_record(plan).datasets["source"].n.all == 39


def test_the_log_names_a_few_of_many_that_are_left_out(params: dict, make_table) -> None:  # type: ignore[no-untyped-def]
    holes = make_table("holes")
    rows = holes.read_text().splitlines()
    rows[1:12] = [re.sub(r",[\d.]+,", ",n/a,", row, count=1) for row in rows[1:12]]
    holes.write_text("\n".join(rows) + "\n")
    params["datasets"]["source"]["path"] = str(holes)
    told = [line for line in summary(_plan({**params, "on_bad_image": "skip"})) if "left out" in line]
    assert len(told) == 6
    assert told[-1] == "warning: left out: and 6 more of source; plan.json and the report list them"


def test_different_shapes_without_a_common_grid_are_told(params: dict, make_table) -> None:  # type: ignore[no-untyped-def]
    import numpy as np

    mixed = make_table("mixed")
    np.save(mixed.parent / "p003.npy", np.ones((14, 10), np.float32))
    params["datasets"]["source"]["path"] = str(mixed)
    with pytest.raises(InputError, match=r"different shapes: 12×10 \(39\), 14×10 \(1\) .*size: \[14, 10\]"):
        _plan(params)
    params["datasets"]["source"]["preprocessing"] = {"size": [12, 12]}
    assert _plan(params).datasets["source"].size == (12, 12)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"metric": "mae"}, "metric: mae is not defined for binary"),
        ({"replicates": {"folds": 30}}, "folds"),
        ({"stages": [{"dataset": "sourec"}, {"dataset": "target"}]}, "there is no data set 'sourec'"),
        ({"search": {"space": {"lrs": [1]}}}, "search.space.lrs: hits nothing"),
        (
            {"stages": [{"dataset": "source", "objective": {"cross_entropy": 1}}]},
            "cross_entropy is for binary",
        ),
    ],
)
def test_what_a_schema_cannot_say_is_told(params: dict, change: dict, told: str) -> None:
    with pytest.raises(InputError) as error:
        _plan({**params, **change})
    assert told in str(error.value)


def test_a_plan_is_written_and_is_the_same_each_time(params: dict, tmp_path: Path) -> None:
    params["search"] = {"space": TLIMB_SPACE}
    write_plan(_plan(copy.deepcopy(params)), tmp_path / "one")
    write_plan(_plan(copy.deepcopy(params)), tmp_path / "two")
    files = sorted(
        file.relative_to(tmp_path / "one") for file in (tmp_path / "one").rglob("*") if file.is_file()
    )
    assert len(files) == 10
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    document = json.loads((tmp_path / "one" / "plan.json").read_text())
    assert document["datasets"]["target"]["heads"] == [
        {"label": "sex", "type": "binary", "classes": ["F", "M"]}
    ]
    assert document["datasets"]["source"]["n"] == {"all": 40, "train": 28, "val": 6, "test": 6}


def test_planning_needs_no_torch(params: dict, tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(json.dumps(params))
    script = (
        "import sys\nfrom click.testing import CliRunner\nfrom tlpy.cli import main\n"
        f"result = CliRunner().invoke(main, ['plan', {str(file)!r}])\n"
        "assert result.exit_code == 0, result.output\n"
        "heavy = {'torch', 'monai', 'lightning', 'pandas', 'nibabel'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_layer_that_is_not_there_is_told_before_anything_trains(params: dict) -> None:
    space = {"finetune.transfer": [{"name": "freeze", "up_to": "layer9.1.conv1"}, "head"]}
    with pytest.raises(InputError, match=r"transfer\.up_to: resnet\w+ has no layer 'layer9\.1\.conv1'"):
        _plan({**params, "search": {"space": space}})


def test_bins_that_no_label_falls_into_are_told_before_anything_trains(params: dict) -> None:
    pretrain = {**params["stages"][0], "objective": {"soft_bins": {"low": 200, "high": 300}}}
    stages = [pretrain, *params["stages"][1:]]
    with pytest.raises(InputError, match=r"stages\[0\].objective.soft_bins: most of the training part.*age"):
        _plan({**params, "stages": stages})
