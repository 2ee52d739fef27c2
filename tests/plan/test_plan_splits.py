# ruff: noqa: E501 - messages are in one line each
"""Who is in which part: equal images, people in several data sets, splits published and given back."""

from __future__ import annotations

import csv
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layouts import simulate_layout

from tlpy.data.subjects import read_subjects
from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plan.documents import inferred, plan_record, summary, write_plan
from tlpy.plan.overlap import overlaps
from tlpy.plan.planner import Planned, Planner

Row = dict[str, str]

# A network that leaves more than a voxel of images this small.
SHALLOW = {"name": "sfcn", "filters": [4, 8]}


def plan(params: dict[str, Any]) -> Planned:
    return Planner(params, Schema.read(), {}).plan()


def told(params: dict[str, Any]) -> list[str]:
    with pytest.raises(InputError) as caught:
        plan(params)
    return [str(problem) for problem in caught.value.problems]


def written(made: Planned, folder: Path) -> dict[str, list[Row]]:
    """The rows of each published split."""
    write_plan(made, folder)
    found = {}
    for file in sorted((folder / "splits").glob("*.tsv")):
        with file.open(newline="") as stream:
            found[file.stem] = list(csv.DictReader(stream, delimiter="\t"))
    return found


def parts(rows: list[Row], fold: str = "") -> dict[str, str]:
    return {row["image"]: row["part"] for row in rows if row["fold"] == fold}


def rewrite(file: Path, change: Any) -> None:
    """Give a table's rows through a function of the row's cells by column."""
    with file.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    changed = [change(row) for row in rows]
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(changed[0]))
        writer.writeheader()
        writer.writerows(changed)


@pytest.fixture
def copied(params: dict, make_table: Any) -> dict:
    """A target that holds the images of the source under other ids."""
    same = make_table("same")
    people = Path(same)
    for image in people.parent.glob("p*.npy"):
        image.rename(image.with_name(image.name.replace("p0", "")))
    rewrite(
        people,
        lambda row: {
            **row,
            "image": row["image"].replace("p0", ""),
            "subject": str(int(row["subject"].removeprefix("p"))),
        },
    )
    params["datasets"]["target"]["path"] = str(people)
    return params


def test_equal_images_under_other_ids_fall_into_one_part_and_are_told(copied: dict, tmp_path: Path) -> None:
    made = plan(copied | {"architecture": SHALLOW})
    assert made.warnings == [
        "40 images of data set 'target' are equal to one of 'source' under another id (00 = p000, "
        "01 = p001, 02 = p002 and 37 more): equal images fall into one part"
    ]
    found = written(made, tmp_path)
    assert {f"p0{image}": part for image, part in parts(found["target"]).items()} == parts(found["source"])
    assert {facts.equal for facts in plan_record(made).datasets.values()} == {40}


def test_equal_images_within_a_data_set_are_told_too(params: dict, tmp_path: Path) -> None:
    people = Path(params["datasets"]["target"]["path"])
    lines = people.read_text().splitlines()
    for number in (100, 101):
        shutil.copy(people.parent / f"p{number}.npy", people.parent / f"again{number}.npy")
        lines.append(f"again{number}.npy,{number},{number},F")
    people.write_text("\n".join(lines) + "\n")
    made = plan(params | {"architecture": SHALLOW})
    assert made.warnings == [
        "4 images of data set 'target' are equal but under several ids (again100 = p100, "
        "again101 = p101): equal images fall into one part"
    ]
    rows = {row["image"]: row for row in written(made, tmp_path)["target"]}
    assert rows["again100"]["part"] == rows["p100"]["part"]
    assert rows["again100"]["unit"] == rows["p100"]["unit"] == "subject 100"
    assert rows["again100"]["content"] == rows["p100"]["content"]


def test_equal_images_in_official_parts_are_a_warning(tmp_path: Path) -> None:
    file = simulate_layout("medmnist", tmp_path / "mnist", subjects=40) / "simmnist.npz"
    params = {
        "outdir": "r",
        "datasets": {"mnist": {"reader": "medmnist", "path": str(file)}},
        "stages": [{"dataset": "mnist"}],
    }
    made = plan(params)
    (warning,) = [text for text in made.warnings if "official" in text]
    assert warning.startswith("1 image is in several official parts of data set 'mnist' (train/")
    assert " = test/" in warning
    found = written(made, tmp_path / "out")
    assert all(row["part"] == row["image"].partition("/")[0] for row in found["mnist"])
    # Given back they are the same parts, and the same warning.
    params["datasets"]["mnist"]["split"] = str(tmp_path / "out/splits/mnist.tsv")
    again = plan(params)
    assert warning in again.warnings
    assert again.subjects == made.subjects


def test_fractions_beside_official_parts_are_told_to_have_no_effect(params: dict, tmp_path: Path) -> None:
    file = simulate_layout("medmnist", tmp_path / "mnist", subjects=16) / "simmnist.npz"
    spec = {"reader": "medmnist", "path": str(file)}
    stages = [{"dataset": "mnist", "epochs": 1}]
    plain = plan({"outdir": "r", "datasets": {"mnist": spec}, "stages": stages})
    said = {**spec, "split": {"val": 0.4, "test": 0.3}}
    made = plan({"outdir": "r", "datasets": {"mnist": said}, "stages": stages})
    assert made.base_subjects["mnist"].id == plain.base_subjects["mnist"].id
    assert not plain.normalised
    assert [dropped.what for dropped in made.normalised] == [
        "datasets.mnist.split.val",
        "datasets.mnist.split.test",
    ]
    assert "datasets.mnist.split.test has no effect: the data set's own test part is kept" in "\n".join(
        summary(made)
    )
    params["datasets"]["target"]["split"] = {"val": 0.2, "test": 0.2}
    assert not plan(params).normalised


def test_one_odd_row_of_families_leaks_nothing(params: dict, make_table: Any, tmp_path: Path) -> None:
    people = Path(make_table("families", people=60))
    rewrite(people, lambda row: {**row, "family": f"f{int(row['subject'].removeprefix('p')) // 2}"})
    np.save(people.parent / "again.npy", np.zeros((12, 10), np.float32))
    people.write_text(people.read_text() + "again.npy,p000,20.5,F,f20\n")
    source = {"reader": "table", "path": str(people), "label": "age", "group": "family"}
    target = {"reader": "table", "path": str(make_table("others", people=60)), "label": "sex"}
    params["datasets"] = {"source": source, "target": target}
    found = written(plan(params), tmp_path / "out")
    trained = {row["subject"] for row in found["source"] if row["part"] == "train"}
    tested = {row["subject"] for row in found["target"] if row["part"] == "test"}
    assert len(tested) >= 8
    assert not trained & tested  # it was 6 of 9
    units = {row["image"]: row["unit"] for row in found["source"]}
    assert len({units[name] for name in ("p000", "p001", "p040", "p041", "again")}) == 1


def test_runs_of_people_need_a_word(params: dict, tmp_path: Path) -> None:
    people = Path(params["datasets"]["target"]["path"])
    rewrite(
        people,
        lambda row: {
            **row,
            "run": f"run {int(row['image'][2:4]) // 4}",
            "subject": f"s{int(row['image'][2:4]) % 2}",
            "sex": "FM"[int(row["image"][2:4]) % 3 > 0],
        },
    )
    params["datasets"]["target"] |= {"group": "run"}
    refused = told(params)
    assert len(refused) == 1
    assert "1 group to draw from, expected one for each of" in refused[0]
    assert (
        "if groups divide subjects, as runs do, and parts may share people, say `within: subject`"
        in refused[0]
    )
    params["datasets"]["target"] |= {"within": "subject"}
    made = plan(params)
    why = next(item.why for item in inferred(made) if item.what == "datasets.target split")
    assert why == "by run, stratified by sex, seed 0, within subjects: its parts share people"
    assert any("its parts share people" in line for line in summary(made))
    rows = written(made, tmp_path)["target"]
    in_parts = {(row["subject"], row["part"]) for row in rows}
    assert len(in_parts) == 6
    assert len({(row["group"], row["part"]) for row in rows}) == 10
    assert plan_record(made).datasets["target"].within
    params["datasets"]["source"] |= {"within": "subject"}
    assert told(params) == [
        "datasets.source.within: has no effect, since the data set has no groups (name the column that divides a "
        "subject: `group: run`)"
    ]


def test_people_of_a_data_set_split_within_them_are_told_elsewhere(params: dict) -> None:
    for spec in params["datasets"].values():
        rewrite(Path(spec["path"]), lambda row: {**row, "run": f"{row['image'][:4]}{row['subject']}"})
    target = params["datasets"]["target"]
    rewrite(Path(target["path"]), lambda row: {**row, "subject": f"p0{int(row['image'][2:4]) // 2:02d}"})
    target |= {"group": "run", "within": "subject"}
    made = plan(params | {"architecture": SHALLOW})
    assert made.warnings == [
        "data set 'target' is split within subjects, and 20 of them are in 'source' too: what is tested on in "
        "one may be of people trained on in the other"
    ]


def test_people_numbered_alike_can_be_said_to_be_others(
    params: dict, make_table: Any, tmp_path: Path
) -> None:
    others = Path(make_table("others", first=300))
    rewrite(others, lambda row: {**row, "subject": f"p0{row['image'][2:4]}"})
    params["datasets"]["target"] |= {"path": str(others), "split": {"val": 0.3, "test": 0.3}}
    made = plan(params)
    (note,) = [item for item in inferred(made) if item.what == "datasets source and target"]
    assert note.value == "40 subjects are in both"
    assert "`people: own`" in note.why
    assert made.base_subjects["target"].counts == made.base_subjects["source"].counts
    params["datasets"]["target"]["people"] = "own"
    made = plan(params)
    assert made.base_subjects["target"].counts == {"train": 16, "val": 12, "test": 12}
    assert not [item for item in inferred(made) if item.what == "datasets source and target"]
    units = {row["unit"] for row in written(made, tmp_path)["target"]}
    assert "subject p000 of target" in units


def test_every_replicate_is_published(params: dict, tmp_path: Path) -> None:
    params["replicates"] = {"folds": 3}
    made = plan(params)
    found = written(made, tmp_path)
    assert list(found["target"][0]) == [
        "dataset", "version", "seed", "target", "fold", "image", "subject", "group", "unit", "part", "content",
    ]  # fmt: skip
    assert {row["fold"] for row in found["target"]} == {"0", "1", "2"}
    assert {(row["fold"], row["target"]) for row in found["source"]} == {("", "")}
    assert len(found["source"]) == 40
    tested = [
        image for fold in "012" for image, part in parts(found["target"], fold).items() if part == "test"
    ]
    assert len(tested) == len(set(tested)) == 40
    tables = {stage.sources[0].subjects for stage in made.stages.values()}
    for key in tables:
        of_stage = {row[0]: row[4] for row in made.subjects[key].rows}
        name = next(s.sources[0].dataset for s in made.stages.values() if s.sources[0].subjects == key)
        assert any(of_stage == parts(found[name], fold) for fold in ("", "0", "1", "2"))


@pytest.mark.parametrize("folds", [None, 3])
def test_published_splits_can_be_given_back(params: dict, tmp_path: Path, folds: int | None) -> None:
    params |= {"replicates": {"folds": folds}} if folds else {}
    made = plan(params)
    written(made, tmp_path / "one")
    given = {**params, "seed": 7}
    for name, spec in params["datasets"].items():
        given["datasets"][name] = {**spec, "split": str(tmp_path / f"one/splits/{name}.tsv")}
    again = plan(given)
    assert again.subjects == made.subjects
    assert next(item.why for item in inferred(again) if item.what == "datasets.target split") == (
        f"as given ({tmp_path}/one/splits/target.tsv)"
    )
    assert plan_record(again).datasets["target"].split_given == f"{tmp_path}/one/splits/target.tsv"
    columns = ("image", "part", "fold", "unit")
    published = [written(one, tmp_path / str(n)) for n, one in enumerate((made, again))]
    before, after = ([[row[c] for c in columns] for row in one["target"]] for one in published)
    assert before == after
    if folds:
        given["replicates"] = {"folds": 5}
        (problem, *_) = told(given)
        assert problem == (
            f"datasets.target.split: {tmp_path}/one/splits/target.tsv has 3 folds, but the run has 5 "
            "(say `replicates: {folds: 3}`)"
        )


def test_ids_that_are_formulas_are_text_in_tables_and_come_back(params: dict, tmp_path: Path) -> None:
    people = Path(params["datasets"]["target"]["path"])
    (people.parent / "p100.npy").rename(people.parent / "=p100.npy")
    formula = "=cmd|' /C calc'!A0"

    def change(row: Row) -> Row:
        odd = row["image"] == "p100.npy"
        return {**row, "image": "=p100.npy", "subject": formula} if odd else row

    rewrite(people, change)
    made = plan(params)
    rows = written(made, tmp_path / "one")["target"]
    assert {row["subject"] for row in rows if "p100" in row["image"]} == {f"'{formula}"}
    assert not [cell for row in rows for cell in row.values() if cell.startswith("=")]
    for key, table in made.subjects.items():
        found = read_subjects(tmp_path / f"one/subjects/{key}.tsv", table.columns)
        assert [(row.image, row.subject) for row in found] == [row[:2] for row in table.rows]
    given = {**params, "seed": 7}
    for name, spec in params["datasets"].items():
        given["datasets"][name] = {**spec, "split": str(tmp_path / f"one/splits/{name}.tsv")}
    assert plan(given).subjects == made.subjects


def test_what_is_wrong_with_a_given_split_is_told(params: dict, tmp_path: Path) -> None:
    written(plan(params), tmp_path / "out")
    table = tmp_path / "out/splits/target.tsv"
    rows = table.read_text().splitlines()

    def changed(*lines: str) -> str:
        file = tmp_path / "changed.tsv"
        file.write_text("\n".join(lines) + "\n")
        params["datasets"]["target"]["split"] = str(file)
        return str(file)

    file = changed(rows[0], *(row.replace("p100", "who") for row in rows[1:]))
    assert told(params) == [
        f"{file}: 1 image is not in the data set 'target': who (take their rows out)",
        f"{file}: 1 image of the data set 'target' has no part: p100 (every image needs one)",
    ]
    changed(rows[0], *rows[1:], rows[1].replace("\ttrain\t", "\ttest\t").replace("\tval\t", "\ttest\t"))
    assert "p100 is in" in told(params)[0]
    changed(*rows[:2], rows[2].replace("\ttrain", "\ttraject").replace("\ttest", "\ttraject"), *rows[3:])
    assert "part 'traject', expected train, val or test" in told(params)[0]
    file = changed(*(row.replace("target\t", "other\t") if n % 2 else row for n, row in enumerate(rows)))
    assert len(told(params)) == 1
    changed("picture\tsplit", "a\tb")
    assert [text.partition(": ")[2].partition(" (")[0] for text in told(params)] == [
        "no column 'image'",
        "no column 'part'",
    ]
    params["datasets"]["target"]["split"] = "absent.tsv"
    assert told(params) == ["datasets.target.split: absent.tsv does not exist"]


def test_a_given_split_that_tears_a_person_apart_is_refused(params: dict, tmp_path: Path) -> None:
    people = Path(params["datasets"]["target"]["path"])
    rewrite(people, lambda row: {**row, "run": row["subject"], "subject": f"s{int(row['image'][2:4]) // 4}"})
    table = tmp_path / "parts.csv"
    lines = [f"p{n},{('train', 'train', 'val', 'test')[n % 4]}" for n in range(100, 140)]
    table.write_text("\n".join(["image,part", *lines]) + "\n")
    params["datasets"]["target"]["split"] = str(table)
    refused = told(params)
    assert len(refused) == 10
    assert "the given split of target has s0 in train (" in refused[0]
    params["datasets"]["target"] |= {"group": "run", "within": "subject"}
    assert plan(params).base_subjects["target"].counts == {"train": 20, "val": 10, "test": 10}


def test_the_check_reads_what_was_written(params: dict, tmp_path: Path) -> None:
    params["datasets"]["target"]["path"] = params["datasets"]["source"]["path"]
    write_plan(plan(params), tmp_path)
    assert overlaps(tmp_path) == []
    (changed,) = (file for file in (tmp_path / "subjects").iterdir() if "sex" in file.read_text()[:80])
    text = changed.read_text()
    tested = next(line for line in text.splitlines() if "\ttest\t" in line)
    changed.write_text(text.replace(tested, tested.replace("\ttest\t", "\ttrain\t")))
    subject = tested.split("\t")[1]
    assert [str(problem) for problem in overlaps(tmp_path)] == [
        f"splits: equal images are {subject} in test of source and {subject} in train of target, "
        "expected one part everywhere",
        f"splits: {subject} is in test of source and train of target, expected one part everywhere",
    ]


def test_many_images_are_split_and_checked_in_seconds() -> None:
    from written_splits import check_overlap

    from tlpy.data.image_records import ImageRecord
    from tlpy.data.splits import assign
    from tlpy.data.ties import Ties

    records = {
        name: [ImageRecord(f"{name}{n}", "", f"s{n // 2}", group=f"f{n // 5}") for n in range(20_000)]
        for name in ("a", "b")
    }
    contents = {
        name: {r.image: str(n % 15_000) for n, r in enumerate(rows)} for name, rows in records.items()
    }
    start = time.process_time()
    found = assign(records, {"val": 0.15, "test": 0.15}, {}, 0, ties=Ties(contents=contents))
    assert check_overlap(records, found, contents) == []
    assert time.process_time() - start < 20  # about 2 s alone


def test_a_source_may_go_without_a_test_part(params: dict) -> None:
    params["datasets"]["source"]["split"] = {"test": 0}
    assert plan(params).base_subjects["source"].counts == {"train": 34, "val": 6, "test": 0}
    params["datasets"]["source"]["split"] = {"val": 0, "test": 0}
    assert told(params) == [
        "datasets.source.split: there is no validation part, but stage 'pretrain' chooses its epoch by it (or set keep: last, without early_stopping)"
    ]
    params["stages"][0]["keep"] = "last"
    assert plan(params).base_subjects["source"].counts == {"train": 40, "val": 0, "test": 0}


def test_a_target_needs_what_it_is_judged_by(params: dict) -> None:
    params["datasets"]["target"]["split"] = {"val": 0, "test": 0}
    assert told(params) == [
        "datasets.target.split: there is no validation part, but variants are chosen by it",
        "datasets.target.split: there is no test part, but variants are scored on it (data sets under `external` are scored beside it)",
    ]


def test_fractions_that_leave_nothing_to_train_on_point_to_external(params: dict) -> None:
    params["datasets"]["target"]["split"] = {"val": 0, "test": 1}
    assert told(params) == [
        "datasets.target.split: found val 0 and test 1, expected 0 or more and below 1 in sum (nothing would be left to train on; a data set that is only tested on goes under `external`)"
    ]


def test_a_source_whose_people_are_all_trained_on_elsewhere_is_told_what_helps(params: dict) -> None:
    """The official training people of a target: no seed puts one of them into a test part."""
    rows = iter(range(100))
    rewrite(
        Path(params["datasets"]["target"]["path"]),
        lambda row: {**row, "part": "test" if next(rows) % 5 == 0 else "train"},
    )
    same = Path(params["datasets"]["target"]["path"])
    params["datasets"]["source"] |= {"path": str(same), "columns": {}, "filter": {"part": "train"}}
    params["datasets"]["target"]["split"] = "part"
    assert told(params) == [
        "datasets.source.split: its test part is empty: train 27, val 5, test 0 (official parts or folds of other data sets hold its subjects: if no variant is scored on this data set, say `split: {test: 0}`)"
    ]
    for seed in (1, 2):
        with pytest.raises(InputError):
            plan({**params, "seed": seed})
    params["datasets"]["source"]["split"] = {"test": 0}
    assert plan(params).base_subjects["source"].counts["test"] == 0
