# ruff: noqa: E501 - messages are in one line each
"""Data sets that are a part of a table: which images they keep, and what that changes."""

from __future__ import annotations

import copy
import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tlpy
from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plan.documents import inferred, plan_record, tasks_of
from tlpy.plan.planner import Planned, Planner

SITES = ("A", "B", "C")

# A network that leaves more than a voxel of images this small.
SHALLOW = {"name": "sfcn", "filters": [4, 8]}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """90 people at three scanners: age and sex are in the pixels, each scanner has its own brightness."""
    lines = ["image,subject,site,age,sex,group,weight"]
    for person in range(90):
        draw = np.random.default_rng(person)
        age, sex, site = 20.5 + person // 2, "FM"[person % 2], SITES[person % 3]
        pixels = draw.normal(0, 0.3, (8, 8))
        pixels[:4] += (age - 40) / 10
        pixels[:, :4] += 1.5 if sex == "M" else -1.5
        np.save(tmp_path / f"p{person:03d}.npy", (pixels + 5 * (person % 3)).astype(np.float32))
        group, weight = ("patient", "control")[person % 5 == 0], "" if person == 7 else f"{50 + person}"
        lines.append(f"p{person:03d}.npy,p{person:03d},{site},{age},{sex},{group},{weight}")
    file = tmp_path / "people.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def params(table: Path, *filters: Any, **changes: Any) -> dict[str, Any]:
    """A chain of one stage a filter, over data sets a, b, …"""
    spec = {"reader": "table", "path": str(table), "label": "sex"}
    sets = {
        "abc"[place]: {**spec, **({"filter": given} if given else {})} for place, given in enumerate(filters)
    }
    return {
        "outdir": "results",
        "datasets": sets,
        "stages": [{"dataset": name, "epochs": 1} for name in sets],
        "baseline": False,
        **changes,
    }


def plan(given: dict[str, Any]) -> Planned:
    return Planner(given, Schema.read(), {}).plan()


def problems(given: dict[str, Any]) -> list[str]:
    with pytest.raises(InputError) as caught:
        plan(given)
    return [str(problem) for problem in caught.value.problems]


def kept(made: Planned, name: str = "a") -> set[int]:
    return {int(record.image[1:]) for record in made.datasets[name].records}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"site": "A"}, lambda p: p % 3 == 0),
        ({"site": ["A", "C"]}, lambda p: p % 3 != 1),
        ({"site": {"not": "A"}}, lambda p: p % 3 != 0),
        ({"site": {"not": ["A", "C"]}}, lambda p: p % 3 == 1),
        ({"age": {"min": 40, "max": 50.5}}, lambda p: 40 <= p // 2 + 20.5 <= 50.5),
        ({"age": {"min": 40}}, lambda p: p // 2 + 20.5 >= 40),
        ({"age": {"max": 40}, "site": "B"}, lambda p: p // 2 + 20.5 <= 40 and p % 3 == 1),
        ({"age": [*range(20, 40), *(n + 0.5 for n in range(20, 30)), "30.5"]}, lambda p: p < 22),
        ({"age": {"min": 30, "not": 30.5}}, lambda p: p // 2 >= 11),
        ({"weight": {"max": 60}}, lambda p: p <= 10 and p != 7),
        ({"weight": {"not": 50}}, lambda p: p != 0),
        ({"group": "patient"}, lambda p: p % 5 != 0),
        ({"subject": [f"p{n:03d}" for n in range(40)]}, lambda p: p < 40),
    ],
)
def test_what_a_filter_keeps(table: Path, given: dict[str, Any], expected: Any) -> None:
    made = plan(params(table, given))
    assert kept(made) == {person for person in range(90) if expected(person)}
    rows = {row[0] for subjects in made.subjects.values() for row in subjects.rows}
    assert rows == {f"p{person:03d}" for person in kept(made)}


def test_our_names_stand_for_the_tables_columns(table: Path) -> None:
    table.write_text(table.read_text().replace(",site,", ",scanner,"))
    given = params(table, {"site": "B"})
    given["datasets"]["a"]["columns"] = {"site": "scanner"}
    assert kept(plan(given)) == set(range(1, 90, 3))
    assert kept(plan(params(table, {"scanner": "B"}))) == set(range(1, 90, 3))


def test_a_group_that_is_named_is_the_splits(table: Path) -> None:
    given = params(table, {"group": "patient"})
    given["datasets"]["a"]["group"] = "site"
    assert kept(plan(given)) == {person for person in range(90) if person % 5}, "the table's own comes first"
    table.write_text(table.read_text().replace(",group,", ",diagnosis,"))
    given = params(table, {"group": ["A", "B"]})
    given["datasets"]["a"]["group"] = "site"
    assert "datasets.a.filter" not in str(problems(given)), "only two groups: no split, but a filter"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sitee": "A"}, "people.csv: no column 'sitee' for the filter (did you mean 'site'?)"),
        ({"site": "D"}, "datasets.a.filter: keeps none of 90 images (there are site: A (30), B (30), C (30))"),
        ({"age": {"min": 90}}, "datasets.a.filter: keeps none of 90 images (there are age: 20.5 to 64.5)"),
        ({"sex": {"min": 1}}, "datasets.a.filter.sex: a range is for numbers, but 'sex' is 'F' ("),
        ({"age": {"min": 40, "max": 30}}, "datasets.a.filter.age: min 40 is above max 30"),
        ({"age": {"mni": 40}}, "datasets.a.filter.age.mni: unknown key (did you mean 'min'?)"),
        ({"age": {"min": "old"}}, "datasets.a.filter.age.min: expected a number, got \"old\""),
        ({"age": None}, "datasets.a.filter.age: expected text or a number or true or false or a list or a map, got null"),
    ],
)  # fmt: skip
def test_wrong_filters_are_told(table: Path, given: dict[str, Any], said: str) -> None:
    told = problems(params(table, given))
    assert any(said in line for line in told), told


def test_the_row_of_a_text_in_a_range_is_named(table: Path) -> None:
    table.write_text(table.read_text().replace(",56\n", ",heavy\n"))
    told = problems(params(table, {"weight": {"min": 1}}))
    assert any("'weight' is 'heavy'" in line and "people.csv:8" in line for line in told), told


def test_the_plan_says_what_was_left_out_and_what_no_image_has(table: Path) -> None:
    made = plan(params(table, {"site": ["A", "guys"]}) | {"architecture": SHALLOW})
    found = {item.what: (item.value, item.why) for item in inferred(made)}
    assert found["datasets.a filter"] == ("30 of 90 images", "site A or guys")
    assert made.warnings == [
        "data set 'a': filter.site: no image has 'guys' (there are A (30), B (30), C (30))"
    ]
    facts = plan_record(made).datasets["a"]
    assert facts.filter == {"site": ["A", "guys"]}
    assert len(facts.images or ()) == facts.n.all == 30


def test_data_sets_that_differ_in_their_filter_share_a_cache_of_what_they_need(table: Path) -> None:
    made = plan(params(table, {"site": "A"}, {"site": "B"}))
    (cache,) = made.caches.values()
    assert cache.images == 60
    requests = [entry.request for entry in tasks_of(made).prepare]
    asked = {image for request in requests for image in request["only"]}
    assert asked == {f"p{person:03d}" for person in range(90) if person % 3 < 2}
    assert {image for request in requests for image in request["pictured"]} == {
        *(f"p{person:03d}" for person in (0, 3, 6, 9, 1, 4, 7, 10))
    }
    (whole,) = plan(params(table, {"site": "A"}, None)).caches.values()
    assert whole.images == 90
    assert all("only" not in request for request in whole.requests().values())


def test_images_that_a_filter_leaves_out_may_be_broken(table: Path) -> None:
    (table.parent / "p001.npy").write_bytes(b"")
    assert kept(plan(params(table, {"site": "A"}))) == set(range(0, 90, 3))
    assert any("p001.npy" in line for line in problems(params(table, {"site": "B"})))
    np.save(table.parent / "p001.npy", np.zeros((4, 4), np.float32))
    assert plan(params(table, {"site": "A"})).datasets["a"].size == (8, 8)


def ids(made: Planned) -> list[str]:
    return [stage for variant in made.variants for stage in variant.replicates[0].stages]


def test_ids_follow_the_images_that_are_kept_and_nothing_else(table: Path) -> None:
    one = plan(params(table, {"site": "A"}))
    assert ids(plan(params(table, {"site": ["A"]}))) == ids(one)
    assert ids(plan(params(table, {"site": {"not": ["B", "C"]}}))) == ids(one)
    assert ids(plan(params(table, {"site": "B"}))) != ids(one)
    # What else is prepared beside them, or lies in the table, does not matter.
    both = params(table, {"site": "A"}, {"site": "B"})
    both["stages"] = [{"dataset": "a", "epochs": 1}]
    both["search"] = {"space": {"finetune.dataset": ["a", "b"]}}
    found = plan(both)
    assert ids(one)[0] in ids(found)
    assert one.caches.keys() != found.caches.keys()
    np.save(table.parent / "p001.npy", np.ones((8, 8), np.float32))
    assert ids(plan(params(table, {"site": "A"}))) == ids(one)
    np.save(table.parent / "p000.npy", np.ones((8, 8), np.float32))
    assert ids(plan(params(table, {"site": "A"}))) != ids(one)
    assert ids(plan(params(table, {"subject": {"not": "nobody"}}))) == ids(plan(params(table, None)))


def test_a_search_may_vary_a_filter(table: Path) -> None:
    given = params(table, {"site": "A"}, {"site": "C"})
    given["search"] = {"space": {"datasets.a.filter.site": ["A", "B", ["A", "B"]]}}
    made = plan(given)
    assert len(made.variants) == 3
    assert {variant.target for variant in made.variants} == {"b"}
    assert {name: len(data.records) for name, data in made.datasets.items()} == {
        "a": 30, "b": 30, "a#2": 30, "a#3": 60,
    }  # fmt: skip
    counts = {name: facts.n.all for name, facts in plan_record(made).datasets.items()}
    assert counts == {"a": 30, "b": 30, "a#2": 30, "a#3": 60}
    (cache,) = made.caches.values()
    assert cache.images == 90
    # Targets with other people are not ranked against each other.
    given["search"] = {"space": {"datasets.b.filter.site": ["B", "C"], "lr": [0.1, 0.01]}}
    assert [variant.target for variant in plan(given).variants] == ["b", "b", "b#2", "b#2"]
    # A variant that leaves the data set alone is no reason to fail.
    given["search"] = {
        "space": {"pretrain": ["none", {"dataset": "a"}], "datasets.a.filter.site": ["A", "B"]}
    }
    assert len(plan(given).variants) == 3


def test_splits_stay_joint_over_filtered_data_sets(table: Path) -> None:
    made = plan(params(table, {"age": {"max": 50}}, {"age": {"min": 30}}))
    parts: dict[str, set[str]] = {}
    for subjects in made.subjects.values():
        for row in subjects.rows:
            parts.setdefault(row[0], set()).add(row[4])
    assert all(len(found) == 1 for found in parts.values())
    assert len(kept(made) & kept(made, "b")) > 30


def adaptation(table: Path, out: Path) -> dict[str, Any]:
    spec = {"reader": "table", "path": str(table), "label": "sex", "preprocessing": {"normalise": "none"}}
    return {
        "outdir": str(out / "results"),
        "store": str(out / "store"),
        "datasets": {
            "siteA": {**spec, "filter": {"site": "A"}},
            "siteB": {**spec, "filter": {"site": "B"}},
        },
        "architecture": "resnet10",
        "epochs": 2,
        "stages": [{"dataset": "siteA", "unlabelled": "siteB", "objective": {"mmd": 1}}],
    }


def test_two_site_adaptation_needs_one_table(table: Path, tmp_path: Path) -> None:
    given = adaptation(table, tmp_path)
    found = tlpy.run(copy.deepcopy(given), threads=1, accelerator="cpu")
    assert found.failed == {}
    row = found.leaderboard[0]
    assert {"test", "test_target_auroc"} <= set(row)
    (folder,) = (tmp_path / "store/cache").iterdir()
    with (folder / "images.tsv").open(newline="") as file:
        images = [line["image"] for line in csv.DictReader(file, delimiter="\t")]
    assert images == [f"p{person:03d}" for person in range(90) if person % 3 < 2]
    assert sorted(file.stem for file in (folder / "pictures").iterdir()) == [
        "p000", "p001", "p003", "p004", "p006", "p007", "p009", "p010",
    ]  # fmt: skip
    (stage,) = (tmp_path / "results/stages").iterdir()
    with (stage / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    by_part = {
        part: {SITES[int(r["image"][1:]) % 3] for r in rows if r["split"] == part}
        for part in ("val", "test", "test:siteB")
    }
    assert by_part == {"val": {"A"}, "test": {"A"}, "test:siteB": {"B"}}
    assert "site A" in next((tmp_path / "results/report").glob("datasets_mqc.json")).read_text()
    quality = next((tmp_path / "results/report").glob("*quality*_mqc.json")).read_text()
    assert quality.count('"siteA"') == quality.count('"siteB"') > 0
