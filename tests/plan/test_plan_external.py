# ruff: noqa: E501 - messages are in one line each
"""External test sets: who is in them, how they are prepared, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_plan_splits import parts, plan, rewrite, written
from test_plan_splits import told as told_in_full

from tlpy.plan.documents import inferred, plan_record, tasks_of
from tlpy.plan.overlap import overlaps

Relabel = Callable[[dict[str, str]], dict[str, str]]


@pytest.fixture
def outside(params: dict, make_table: Any) -> dict:
    """The two data sets and a third one of other people, which no stage uses."""
    path = make_table("far", people=20, first=500)
    params["datasets"]["far"] = {"reader": "table", "path": str(path)}
    params["external"] = ["far"]
    return params


def told(params: dict) -> list[str]:
    """The problems, files by their last name."""
    folder = f"{Path(params['datasets']['far']['path']).parent}/"
    return [text.replace(folder, "") for text in told_in_full(params)]


def relabel(params: dict, change: Relabel) -> None:
    rewrite(Path(params["datasets"]["far"]["path"]), change)


def test_all_its_images_are_tested_on_and_none_takes_part(outside: dict, tmp_path: Path) -> None:
    made = plan(outside)
    rows = written(made, tmp_path / "plan")
    assert set(parts(rows["far"]).values()) == {"external"}
    assert len(rows["far"]) == 20
    record = plan_record(made)
    (one,) = record.external
    assert (one.name, one.target, one.labels, one.differences) == ("far", "target", ("sex",), ())
    facts = record.datasets["far"]
    assert (facts.external, facts.n.test, facts.n.train, facts.heads[0].names) == (True, 20, 0, ("F", "M"))
    assert one.cache not in {cache for stage in record.stages.values() for cache in stage.caches}
    assert [task.id for task in tasks_of(made).external] == ["far"]
    assert not any("in no stage" in warning for warning in made.warnings)
    assert overlaps(tmp_path / "plan") == []


def test_nothing_that_is_trained_knows_of_it(outside: dict) -> None:
    with_it = plan(outside)
    del outside["external"], outside["datasets"]["far"]
    assert set(plan(outside).stages) == set(with_it.stages)


def test_it_is_prepared_as_its_target_where_it_does_not_say_otherwise(outside: dict) -> None:
    outside["datasets"]["target"]["preprocessing"] = {"normalise": "minmax", "size": [8, 8]}
    outside["datasets"]["far"]["preprocessing"] = {"size": [8, 8]}
    made = plan(outside)
    cache = made.caches[made.external[0].cache]
    assert cache.request["preprocessing"]["normalise"] == "minmax"
    noted = {note.what: (note.value, note.why) for note in inferred(made)}
    assert noted["datasets.far.preprocessing"] == ("normalise=minmax, size=[8, 8]", "as of 'target'")


def test_images_of_another_size_are_cropped_or_padded_to_the_targets(outside: dict, make_table: Any) -> None:
    outside["datasets"]["far"]["path"] = str(make_table("large", people=12, first=700, shape=(16, 9)))
    made = plan(outside)
    assert made.datasets["far"].size == (12, 10)
    noted = {note.what: note.value for note in inferred(made)}
    assert noted["datasets.far.preprocessing.size"] == "cropped or padded to 12×10"


def test_another_preprocessing_of_its_own_is_warned_of(outside: dict) -> None:
    outside["datasets"]["far"]["preprocessing"] = {"normalise": "minmax"}
    made = plan(outside)
    assert made.external[0].differences == ("preprocessing.normalise: expected zscore, found minmax",)
    assert (
        "external data set 'far' is prepared in another way than 'target', on whose images its networks were trained: preprocessing.normalise: expected zscore, found minmax"
        in made.warnings
    )


@pytest.mark.parametrize("size", [8, [8, 8]])
def test_another_size_of_its_own_is_refused(outside: dict, size: Any) -> None:
    outside["datasets"]["far"]["preprocessing"] = {"size": size}
    assert told(outside) == [
        "datasets.far.preprocessing: its images are 1×8×8 (channels × size), those of 'target' 1×12×10 (leave out what its own preprocessing says of size, spacing and slice)"
    ]


@pytest.mark.parametrize("of", ["source", "target"])
def test_people_of_the_run_are_left_out_with_a_warning(outside: dict, tmp_path: Path, of: str) -> None:
    first = {"source": 3, "target": 103}[of]
    numbers = iter(range(20))

    def change(row: dict[str, str]) -> dict[str, str]:
        number = next(numbers)
        return {**row, "subject": f"p{first + number:03d}"} if number < 4 else row

    relabel(outside, change)
    made = plan(outside)
    assert made.warnings[0] == (
        f"external data set 'far': 4 images of 20 left out, since people or equal images are in '{of}' too (if these are different people with equal ids, say `people: own` in one of the data sets)"
    )
    assert made.base_subjects["far"].counts["test"] == 16
    assert len(made.datasets["far"].left_out) == 4
    written(made, tmp_path / "plan")
    outside["datasets"]["far"]["people"] = "own"
    assert plan(outside).base_subjects["far"].counts["test"] == 20


def test_people_count_also_where_a_data_set_is_split_within_them(outside: dict) -> None:
    for name in ("target", "far"):
        runs = iter(range(100))
        rewrite(
            Path(outside["datasets"][name]["path"]),
            lambda row, runs=runs: {**row, "run": f"{row['subject']}-{next(runs) % 4}"},
        )
    outside["datasets"]["target"] |= {"group": "run", "within": "subject"}
    numbers = iter(range(20))
    relabel(outside, lambda row: {**row, "subject": "p100"} if next(numbers) < 2 else row)
    assert plan(outside).base_subjects["far"].counts["test"] == 18


def test_equal_images_under_other_ids_are_left_out(outside: dict) -> None:
    far, source = (Path(outside["datasets"][name]["path"]).parent for name in ("far", "source"))
    for number in range(5):
        (far / f"p50{number}.npy").write_bytes((source / f"p00{number}.npy").read_bytes())
    made = plan(outside)
    assert "5 images of 20 left out, since people or equal images are in 'source' too" in made.warnings[0]
    assert "people: own" not in made.warnings[0]
    assert made.datasets["far"].left_out[0].message == "p500: an equal image is in 'source'"


def test_a_set_of_nobody_else_is_refused(outside: dict) -> None:
    outside["datasets"]["far"]["path"] = outside["datasets"]["target"]["path"]
    assert told(outside) == [
        "external: all 40 images of 'far' are of people, or equal to images, of 'target' (if these are different people with equal ids, say `people: own` in one of the data sets)"
    ]


def test_the_written_tables_tell_of_people_that_the_planner_overlooked(outside: dict, tmp_path: Path) -> None:
    made = plan(outside)
    written(made, tmp_path / "plan")
    table = tmp_path / "plan" / "subjects" / f"{made.external[0].subjects}.tsv"
    table.write_text(table.read_text().replace("\tp500\tp500\t", "\tp101\tp101\t"))
    (problem, *_) = overlaps(tmp_path / "plan")
    assert "p101 is in external of far and" in problem.message


def test_a_name_that_a_stage_uses_and_one_that_is_none_are_told_at_once(outside: dict) -> None:
    outside["external"] = ["source", "fra"]
    assert told(outside) == [
        "external[0]: a stage uses 'source', so that it is no external test set (name data sets that no stage uses)",
        "external[1]: there is no data set 'fra' (did you mean 'far'?)",
    ]


def test_one_name_may_stand_alone(outside: dict) -> None:
    outside["external"] = "far"
    assert [one.name for one in plan(outside).external] == ["far"]


def test_a_search_over_it_is_refused(outside: dict) -> None:
    outside["search"] = {
        "space": {"datasets.far.preprocessing": [{"normalise": "minmax"}, {"normalise": "zscore"}]}
    }
    assert told(outside) == [
        "search.space.datasets.far.preprocessing: 'far' is external: nothing of it can be chosen by a search (what it does not say follows its target)"
    ]


def test_other_classes_are_named(outside: dict) -> None:
    relabel(outside, lambda row: {**row, "sex": {"M": "male", "F": "F"}[row["sex"]]})
    assert told(outside) == [
        "datasets.far.label: 'sex' holds 'male' (10, first people.csv:3), but its classes in 'target' are F, M (write classes in one way, or choose images by `filter`)"
    ]


def test_classes_go_by_name_in_the_targets_order(outside: dict) -> None:
    """One class alone, or none of the first, changes no number of an output."""
    relabel(outside, lambda row: {**row, "sex": "M"})
    made = plan(outside)
    assert made.datasets["far"].heads[0].names == ("F", "M")
    assert made.warnings[0] == (
        "external data set 'far' has no image of class 'F' of sex: what needs each class, as AUROC does, has no value there"
    )


def test_another_label_needs_the_targets_name(outside: dict) -> None:
    outside["datasets"]["far"]["label"] = "age"
    assert told(outside) == [
        "datasets.far.label: names age, but 'target' is judged by sex (if a column holds the same under another name: columns: {sex: that name})"
    ]
    relabel(outside, lambda row: {**row, "gender": row["sex"]})
    outside["datasets"]["far"] |= {"label": "sex", "columns": {"sex": "gender"}}
    assert plan(outside).external[0].labels == ("sex",)


def test_another_task_is_told(outside: dict) -> None:
    outside["datasets"]["far"]["task"] = "regression"
    assert told(outside) == [
        "datasets.far.task: is regression, but 'sex' of 'target' is binary (leave it out: it follows the target)"
    ]


def test_numbers_that_are_none_are_told(outside: dict) -> None:
    outside["datasets"]["target"]["label"] = "age"
    relabel(outside, lambda row: {**row, "age": "old" if row["subject"] == "p503" else row["age"]})
    assert told(outside) == [
        "people.csv:5: found 'old' under 'age', expected a number (correct it, or write n/a)"
    ]


def test_an_image_without_the_label_is_told_or_left_out(outside: dict) -> None:
    relabel(outside, lambda row: {**row, "sex": "" if row["subject"] == "p503" else row["sex"]})
    assert told(outside) == ["people.csv:5: p503 has no sex"]
    outside["on_bad_image"] = "skip"
    assert plan(outside).base_subjects["far"].counts["test"] == 19


def test_what_splits_it_has_no_effect_and_is_told_so(outside: dict) -> None:
    outside["datasets"]["far"]["split"] = {"val": 0, "test": 1}
    made = plan(outside)
    assert made.base_subjects["far"].counts == {"train": 0, "val": 0, "test": 20}
    assert [(one.what, one.why) for one in made.normalised] == [
        ("datasets.far.split", "external: all its images are tested on")
    ]


def test_with_several_targets_it_is_scored_for_all_that_it_fits(outside: dict, make_table: Any) -> None:
    outside["datasets"]["other"] = {
        "reader": "table",
        "path": str(make_table("other", first=300)),
        "label": "age",
    }
    outside["search"] = {"space": {"finetune.dataset": ["target", "other"]}}
    made = plan(outside)
    assert sorted((one.target, one.labels, one.name) for one in made.external) == [
        ("other", ("age",), "far"),
        ("target", ("sex",), "far"),
    ]
    assert made.base_subjects["far"].columns == ("sex", "age")
    outside["datasets"]["far"]["label"] = "age"
    made = plan(outside)
    assert [one.target for one in made.external] == ["other"]
    assert made.warnings[0] == (
        "external data set 'far' is not scored for 'target': names age, but 'target' is judged by sex"
    )


def test_versions_of_a_target_have_versions_of_it(outside: dict) -> None:
    space = {"datasets.target.preprocessing": [{"normalise": "minmax"}, {"normalise": "zscore"}]}
    outside["search"] = {"space": space}
    made = plan(outside)
    found = {
        (one.name, one.target): made.caches[one.cache].request["preprocessing"]["normalise"]
        for one in made.external
    }
    assert found == {("far", "target"): "minmax", ("far#2", "target"): "zscore"}
    ends = {stage.cache for stage in made.stages.values() if stage.role == "finetune"}
    assert {one.target_cache for one in made.external} == ends


def test_a_target_without_labels_has_nothing_to_score(outside: dict) -> None:
    outside["stages"] = [{"dataset": "target", "objective": "simclr", "augmentation": "image"}]
    assert told(outside)[0].startswith("external: no label of 'target' is learnt")


def test_its_files_are_looked_at_beside_those_of_others(outside: dict) -> None:
    far = Path(outside["datasets"]["far"]["path"]).parent
    (far / "p505.npy").write_bytes(b"no image")
    assert "p505.npy" in told(outside)[0]
    outside["on_bad_image"] = "skip"
    assert plan(outside).base_subjects["far"].counts["test"] == 19


def test_it_shares_prepared_images_with_a_target_on_the_same_path(params: dict) -> None:
    """One cohort of two sites: one is trained on, the other is external."""
    numbers = iter(range(100))
    rewrite(
        Path(params["datasets"]["target"]["path"]), lambda row: {**row, "site": "AB"[next(numbers) // 20]}
    )
    params["datasets"]["far"] = {**params["datasets"]["target"], "filter": {"site": "B"}}
    params["datasets"]["target"]["filter"] = {"site": "A"}
    params["external"] = ["far"]
    made = plan(params)
    assert made.datasets["far"].cache == made.datasets["target"].cache
    assert made.base_subjects["far"].counts["test"] == 20
    assert not any("left out" in warning for warning in made.warnings)


def test_several_labels_are_those_of_the_target_that_it_has(outside: dict) -> None:
    outside["datasets"]["target"]["label"] = ["sex", "age"]
    assert plan(outside).external[0].labels == ("sex", "age")
    outside["datasets"]["far"]["label"] = "sex"
    made = plan(outside)
    assert made.external[0].labels == ("sex",)
    assert made.base_subjects["far"].columns == ("sex",)


def test_columns_that_are_learnt_as_one_are_scored_as_one(outside: dict) -> None:
    for name in ("target", "far"):
        path = Path(outside["datasets"][name]["path"])
        rewrite(
            path, lambda row: {**row, "a": int(row["subject"][-1]) % 2, "b": int(row["subject"][-1]) % 3 // 2}
        )
    outside["datasets"]["target"] |= {"label": ["a", "b"], "task": "multilabel"}
    made = plan(outside)
    assert made.external[0].labels == ("a+b",)
    assert made.base_subjects["far"].columns == ("a", "b")
    relabel(outside, lambda row: {**row, "b": "2" if row["subject"] == "p504" else row["b"]})
    assert told(outside)[0].startswith("datasets.far.label: 'b' holds '2' (1, first people.csv:6)")


def test_one_persons_runs_are_no_split_within(outside: dict) -> None:
    runs = iter(range(100))
    relabel(outside, lambda row: {**row, "subject": "alone", "run": f"r{next(runs) % 5}"})
    outside["datasets"]["far"]["group"] = "run"
    facts = plan_record(plan(outside)).datasets["far"]
    assert (facts.within, facts.groups.test) == (False, 5)


def test_faults_of_it_are_told_beside_those_of_other_data_sets(outside: dict) -> None:
    far = Path(outside["datasets"]["far"]["path"]).parent
    (far / "p505.npy").write_bytes(b"no image")
    source = Path(outside["datasets"]["source"]["path"]).parent
    (source / "p003.npy").write_bytes(b"no image")
    text = "\n".join(told(outside))
    assert "p505.npy" in text
    assert "p003.npy" in text


def test_a_set_may_be_official_parts_of_its_own(outside: dict) -> None:
    relabel(outside, lambda row: {**row, "part": "train"})
    outside["datasets"]["far"] |= {"split": "part"}
    made = plan(outside)
    assert made.base_subjects["far"].counts["test"] == 20
    assert not plan_record(made).datasets["far"].official_split


def test_one_number_for_the_size_of_all_axes(outside: dict, make_table: Any) -> None:
    for name, first in (("target", 800), ("far", 900)):
        path = make_table(f"square-{name}", people=30, first=first, shape=(9, 9))
        outside["datasets"][name]["path"] = str(path)
    outside["datasets"]["far"]["preprocessing"] = {"size": 9}
    assert plan(outside).datasets["far"].size == (9, 9)
