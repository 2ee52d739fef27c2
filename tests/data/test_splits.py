"""Splits: parts that are never empty, nobody in two of them, the same on every machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from written_splits import check_overlap

from tlpy.data.readers.base import ImageRecord
from tlpy.data.splits import assign
from tlpy.data.ties import Ties
from tlpy.data.units import connect, shared
from tlpy.errors import InputError

FRACTIONS = {"val": 0.15, "test": 0.15}


def people(names: range | list[str], prefix: str = "s", **columns: str) -> list[ImageRecord]:
    ids = [f"{prefix}{name}" for name in names]
    return [
        ImageRecord(f"{i}_T1w", f"{i}.nii", i, where=f"t.tsv:{n}", **columns) for n, i in enumerate(ids, 2)
    ]


def alternating(records: list[ImageRecord], every: int) -> dict[str, str]:
    return {r.image: "M" if n % every == 0 else "F" for n, r in enumerate(records)}


def counts(parts: dict[str, str], strata: dict[str, str] | None = None) -> Counter:
    return Counter((part, strata[image]) if strata else part for image, part in parts.items())


def test_a_small_uneven_set_keeps_both_classes_in_every_part() -> None:
    records = people(range(48))
    strata = alternating(records, 4)
    for seed in range(20):
        found = counts(assign({"d": records}, FRACTIONS, {"d": strata}, seed)["d"], strata)
        assert found == {
            ("train", "F"): 26, ("val", "F"): 5, ("test", "F"): 5,
            ("train", "M"): 8, ("val", "M"): 2, ("test", "M"): 2,
        }  # fmt: skip


@pytest.mark.parametrize("fractions", [FRACTIONS, {"val": 0.4, "test": 0.5}, {"val": 0.01, "test": 0.01}])
@pytest.mark.parametrize("size", [3, 4, 7, 11])
def test_no_class_is_lost_however_small(size: int, fractions: dict[str, float]) -> None:
    records = people(range(2 * size))
    strata = alternating(records, 2)
    for seed in range(5):
        found = counts(assign({"d": records}, fractions, {"d": strata}, seed)["d"], strata)
        assert len(found) == 6


def test_numbers_are_spread_alike() -> None:
    records = people(range(200))
    ages = {r.image: float(n) for n, r in enumerate(records)}
    for seed in range(5):
        parts = assign({"d": records}, FRACTIONS, {"d": ages}, seed)["d"]
        assert counts(parts) == {"train": 140, "val": 30, "test": 30}
        for part in ("val", "test"):
            mine = [ages[image] for image, found in parts.items() if found == part]
            for low in range(0, 200, 40):
                assert sum(low <= age < low + 40 for age in mine) == 6


def test_the_seed_alone_decides() -> None:
    records = people(range(60))
    strata = alternating(records, 3)
    first = assign({"d": records}, FRACTIONS, {"d": strata}, 0)
    assert assign({"d": records[::-1]}, FRACTIONS, {"d": strata}, 0)["d"] == first["d"]
    assert assign({"renamed": records}, FRACTIONS, {"renamed": strata}, 0)["renamed"] == first["d"]
    assert assign({"d": records}, FRACTIONS, {"d": strata}, 1) != first


def test_the_split_is_the_same_in_another_process() -> None:
    code = (
        "from tlpy.data.splits import assign; from tlpy.data.readers.base import ImageRecord;"
        "r = [ImageRecord(f'i{n}', '', f's{n}') for n in range(40)];"
        "s = {f'i{n}': 'ab'[n % 2] for n in range(40)};"
        "p = assign({'d': r}, {'val': .2, 'test': .2}, {'d': s}, 7)['d'];"
        "print(''.join(p[f'i{n}'][1] for n in range(40)))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    # Fixed here, since another split would give every stored stage a new id.
    assert printed == {"arrrreearerrerrrrrreeearearaarrrrrrrraar\n"}


def test_families_stay_together() -> None:
    records = [ImageRecord(f"i{n}", "", f"s{n}", group=f"family {n // 3}") for n in range(90)]
    parts = assign({"d": records}, FRACTIONS, {}, 0)["d"]
    assert all(len({parts[f"i{n}"], parts[f"i{n + 1}"], parts[f"i{n + 2}"]}) == 1 for n in range(0, 90, 3))
    assert counts(parts) == {"train": 60, "val": 15, "test": 15}


def test_families_of_both_sexes_count_for_both() -> None:
    records = [record for n in range(12) for record in people([f"{n}a", f"{n}b"], group=f"family{n}")]
    # Two families of women, one of men; the rest have one of each.
    sexes = "FFFFMM" + "FM" * 9
    strata = {record.image: sex for record, sex in zip(records, sexes, strict=True)}
    for seed in range(30):
        found = counts(assign({"d": records}, FRACTIONS, {"d": strata}, seed)["d"], strata)
        assert len(found) == 6, (seed, found)
    few = {record.image: "F" if n in (0, 2, 3) else "M" for n, record in enumerate(records)}
    with pytest.raises(InputError, match="class 'F' has 2 groups, expected one for each of train, val, test"):
        assign({"d": records}, FRACTIONS, {"d": few}, 0)


def test_who_is_in_several_data_sets_is_in_one_part() -> None:
    records = {"a": people(range(60)), "b": people(range(30, 90)), "c": people(range(80, 120))}
    strata = {"b": alternating(records["b"], 2)}
    parts = assign(records, FRACTIONS, strata, 0)
    assert check_overlap(records, parts) == []
    for image in {r.image for r in records["a"]} & {r.image for r in records["b"]}:
        assert parts["a"][image] == parts["b"][image]
    assert shared(records) == [("a", "b", 30), ("b", "c", 10)]


def test_one_more_data_set_at_the_end_changes_nothing_before_it() -> None:
    first = {"a": people(range(60)), "b": people(range(30, 90))}
    before = assign(first, FRACTIONS, {}, 3)
    after = assign({**first, "c": people(range(0, 200, 5))}, FRACTIONS, {}, 3)
    assert {name: after[name] for name in first} == before


def test_siblings_stay_together_where_only_another_data_set_knows_them() -> None:
    with_families = [ImageRecord(f"a{n}", "", f"sub-{n}", group=f"f{n // 2}") for n in range(40)]
    without = [ImageRecord(f"b{n}", "", f"sub-{n}") for n in range(60)]
    for order in (("a", "b"), ("b", "a")):
        records = {name: with_families if name == "a" else without for name in order}
        parts = assign(records, FRACTIONS, {}, 0)
        for n in range(0, 40, 2):
            assert len({parts["b"][f"b{n}"], parts["b"][f"b{n + 1}"], parts["a"][f"a{n}"]}) == 1
        assert check_overlap(records, parts) == []


def test_families_and_subjects_both_numbered_are_not_mixed_up() -> None:
    families = [ImageRecord(f"a{n}", "", str(n), group=str(n // 2)) for n in range(60)]
    records = {"a": families, "b": [ImageRecord(f"b{n}", "", str(n)) for n in range(60)]}
    parts = assign(records, FRACTIONS, {}, 0)
    assert len(set(parts["a"].values())) == 3
    assert all(parts["a"][f"a{n}"] == parts["b"][f"b{n}"] for n in range(60))


def test_runs_of_one_person_can_be_split() -> None:
    records = [ImageRecord(f"i{n}", "", "one", group=f"run {n // 4}") for n in range(40)]
    parts = assign({"d": records}, FRACTIONS, {}, 0, ties=Ties(within=frozenset("d")))["d"]
    assert counts(parts) == {"train": 24, "val": 8, "test": 8}
    with pytest.raises(InputError, match=r"1 group to draw from, .* say `within: subject`"):
        assign({"d": records}, FRACTIONS, {}, 0)


def official(part: str, names: range) -> list[ImageRecord]:
    return people(names, split=part)


def test_official_parts_stay() -> None:
    rows = [*official("train", range(70)), *official("val", range(70, 80)), *official("test", range(80, 100))]
    parts = assign({"d": rows}, FRACTIONS, {}, 0)["d"]
    assert all(parts[r.image] == r.split for r in rows)


def test_missing_official_validation_is_drawn_from_the_rest() -> None:
    rows = [*official("train", range(170)), *official("test", range(170, 200))]
    parts = assign({"d": rows}, FRACTIONS, {}, 0)["d"]
    assert counts(parts) == {"train": 140, "val": 30, "test": 30}
    assert all(parts[r.image] == "test" for r in rows if r.split == "test")
    blank = [*people(range(170)), *official("test", range(170, 200))]
    assert assign({"d": blank}, FRACTIONS, {}, 0)["d"] == parts


def test_an_official_part_holds_in_every_data_set() -> None:
    records = {"a": people(range(60)), "b": [*people(range(50)), *official("test", range(50, 60))]}
    parts = assign(records, FRACTIONS, {}, 0)
    assert all(parts["a"][f"s{n}_T1w"] == "test" for n in range(50, 60))
    assert check_overlap(records, parts) == []


def test_official_parts_that_leak_are_refused() -> None:
    rows = [*official("train", range(10)), *official("test", range(10, 14)), *official("val", range(14, 18))]
    rows.append(ImageRecord("again", "", "s3", split="test", where="t.tsv:99"))
    with pytest.raises(
        InputError, match=r"the official split of d has s3 in train \(t.tsv:5\), test \(t.tsv:99\)"
    ):
        assign({"d": rows}, FRACTIONS, {}, 0)
    a = [*official("train", range(10)), *official("val", range(10, 14)), *official("test", range(14, 18))]
    b = [*official("val", range(4)), *official("test", range(20, 24)), *official("train", range(30, 40))]
    with pytest.raises(InputError, match="s0 is officially in val of b, but in train of a") as caught:
        assign({"a": a, "b": b}, FRACTIONS, {}, 0)
    assert len(caught.value.problems) == 4


def test_folds_cover_the_target_once_and_leave_the_rest_alone() -> None:
    records = {"source": people(range(100), "p"), "target": people(range(48))}
    strata = {"target": alternating(records["target"], 4)}
    base = assign(records, FRACTIONS, strata, 0)
    tested: Counter = Counter()
    for fold in range(5):
        parts = assign(records, FRACTIONS, strata, 0, 5, fold, "target")
        assert parts["source"] == base["source"]
        tested.update(image for image, part in parts["target"].items() if part == "test")
        found = counts(parts["target"], strata["target"])
        assert found[("test", "M")] in (2, 3)
        assert found[("val", "M")] == 2
        assert found[("val", "F")] == 5
        assert sum(n for (part, _), n in found.items() if part == "test") in (9, 10)
    assert tested == dict.fromkeys((r.image for r in records["target"]), 1)


def test_folds_of_a_target_with_an_official_test_part_turn_its_validation() -> None:
    rows = [*official("train", range(40)), *official("test", range(40, 50))]
    validated: Counter = Counter()
    for fold in range(4):
        parts = assign({"d": rows}, FRACTIONS, {}, 0, 4, fold, "d")["d"]
        assert {image for image, part in parts.items() if part == "test"} == {r.image for r in rows[40:]}
        validated.update(image for image, part in parts.items() if part == "val")
    assert validated == dict.fromkeys((r.image for r in rows[:40]), 1)


def test_others_follow_the_target_for_shared_subjects_only() -> None:
    records = {"source": people(range(60)), "target": people(range(40, 80))}
    base = assign(records, FRACTIONS, {}, 0)["source"]
    for fold in range(4):
        parts = assign(records, FRACTIONS, {}, 0, 4, fold, "target")
        assert check_overlap(records, parts) == []
        assert all(parts["source"][f"s{n}_T1w"] == base[f"s{n}_T1w"] for n in range(40))


def test_folds_against_an_official_split_elsewhere_are_refused() -> None:
    source = [*official("train", range(30)), *official("test", range(30, 40))]
    with pytest.raises(InputError, match="officially in another part"):
        assign({"source": source, "target": people(range(20, 50))}, FRACTIONS, {}, 0, 3, 0, "target")


@pytest.mark.parametrize(
    ("size", "every", "folds", "text"),
    [
        (4, 2, 5, "5 folds, but d has only 4 subjects"),
        (20, 5, 5, "5 folds, but class 'M' of d has only 4 subjects"),
        (20, 2, 1, "found 1, expected at least 2"),
    ],
)
def test_too_few_for_the_folds(size: int, every: int, folds: int, text: str) -> None:
    records = people(range(size))
    with pytest.raises(InputError, match=text) as caught:
        assign({"d": records}, FRACTIONS, {"d": alternating(records, every)}, 0, folds, 0, "d")
    assert caught.value.problems[0].where == "replicates.folds"


def test_too_few_for_three_parts() -> None:
    with pytest.raises(
        InputError, match=r"datasets.d.split: 2 subjects to draw from, expected one for each of"
    ):
        assign({"d": people(range(2))}, FRACTIONS, {}, 0)
    records = people(range(20))
    with pytest.raises(
        InputError, match="class 'M' has 2 subjects, expected one for each of train, val, test"
    ):
        assign({"d": records}, FRACTIONS, {"d": alternating(records, 10)}, 0)
    parts = assign({"d": records}, {"val": 0.2, "test": 0}, {"d": alternating(records, 10)}, 0)["d"]
    assert counts(parts) == {"train": 16, "val": 4}


def test_one_cohort_with_two_labels_keeps_the_classes_of_both() -> None:
    rows = people(range(48))
    strata = {"age": {r.image: float(n % 31) for n, r in enumerate(rows)}, "sex": alternating(rows, 12)}
    moved = 0
    for seed in range(30):
        alone = assign({"age": rows}, FRACTIONS, strata, seed)["age"]
        parts = assign({"age": rows, "sex": rows}, FRACTIONS, strata, seed)
        assert parts["age"] == parts["sex"]
        assert len(counts(parts["sex"], strata["sex"])) == 6
        moved += alone != parts["age"]
        assert sum(alone[image] != part for image, part in parts["age"].items()) <= 2
    assert moved > 0


def test_a_small_set_within_a_large_one_has_all_parts() -> None:
    records = {"large": people(range(300)), "small": people(range(0, 300, 60))}
    for seed in range(20):
        parts = assign(records, FRACTIONS, {}, seed)
        assert set(parts["small"].values()) == {"train", "val", "test"}
        assert check_overlap(records, parts) == []


def test_others_that_share_subjects_with_the_folds_keep_their_classes() -> None:
    records = {"source": people(range(40)), "target": people(range(30, 70))}
    strata = {"source": alternating(records["source"], 4), "target": alternating(records["target"], 2)}
    for seed in range(10):
        for fold in range(4):
            parts = assign(records, FRACTIONS, strata, seed, 4, fold, "target")
            assert len(counts(parts["source"], strata["source"])) == 6
            assert check_overlap(records, parts) == []


def test_a_part_emptied_by_data_sets_before_it_is_a_problem() -> None:
    first = [*official("train", range(20)), *official("val", range(20, 25)), *official("test", range(25, 30))]
    with pytest.raises(InputError, match=r"datasets.b.split: its val part is empty: train 10, val 0, test 0"):
        assign({"a": first, "b": people(range(10))}, FRACTIONS, {}, 0)


def test_fractions_are_checked_and_may_differ_by_data_set() -> None:
    with pytest.raises(InputError, match="below 1 in sum"):
        assign({"d": people(range(10))}, {"val": 0.5, "test": 0.5}, {}, 0)
    records = {"a": people(range(20), "a"), "b": people(range(20), "b")}
    parts = assign(records, {"a": {"val": 0.5, "test": 0.1}, "b": FRACTIONS}, {}, 0)
    assert (counts(parts["a"])["val"], counts(parts["b"])["val"]) == (10, 3)


def test_overlap_is_found() -> None:
    records = {"a": people(range(4)), "b": people(range(2, 6))}
    parts = {name: {r.image: "train" for r in rows} for name, rows in records.items()}
    assert check_overlap(records, parts) == []
    parts["b"]["s3_T1w"] = "test"
    assert [str(problem) for problem in check_overlap(records, parts)] == [
        "splits: s3 is in test of b and train of a, expected one part everywhere"
    ]


def leaked(records: dict[str, list[ImageRecord]], parts: dict[str, dict[str, str]]) -> int:
    """How many test subjects of the last data set are trained on in the first."""
    source, target = records.values()
    first, last = parts.values()
    trained = {record.subject for record in source if first[record.image] == "train"}
    tested = {record.subject for record in target if last[record.image] == "test"}
    assert tested
    return len(tested & trained)


def test_one_odd_row_does_not_switch_the_guard_off() -> None:
    families = [ImageRecord(f"a{n}", "", f"s{n}", group=f"f{n // 2}") for n in range(60)]
    target = [ImageRecord(f"b{n}", "", f"s{n}") for n in range(60)]
    odd = ImageRecord("a0 again", "", "s0", group="f20")
    for seed in range(10):
        records = {"a": [*families, odd], "b": target}
        parts = assign(records, FRACTIONS, {}, seed)
        assert leaked(records, parts) == 0
        assert check_overlap(records, parts) == []
        assert len({parts["a"][image] for image in ("a0", "a0 again", "a1", "a40", "a41")}) == 1


def test_one_odd_id_does_not_tell_groups_from_subjects_apart() -> None:
    patients = [ImageRecord(f"a{n}", "", f"scan{n}", group=f"p{n // 2}") for n in range(40)]
    patients[39] = ImageRecord("a39", "", "p3", group="p19")
    records = {"a": patients, "b": [ImageRecord(f"b{n}", "", f"p{n}") for n in range(20)]}
    for seed in range(5):
        parts = assign(records, FRACTIONS, {}, seed)
        assert all(parts["a"][f"a{n}"] == parts["b"][f"b{n // 2}"] for n in range(39))


def test_families_named_by_a_number_of_their_own_members_stay_together() -> None:
    records = {"a": [ImageRecord(f"a{n}", "", str(n), group=str(n // 2)) for n in range(60)]}
    units = connect(records)["a"]
    assert units["a0"] == units["a1"]
    assert len(set(units.values())) == 30


def test_equal_images_are_one_unit_whatever_their_ids() -> None:
    source = [ImageRecord(f"a{n}", "", f"{n:03d}") for n in range(160)]
    target = [ImageRecord(f"b{n}", "", f"sub-{n}") for n in range(160)]
    records = {"a": source, "b": target}
    contents = {name: {r.image: r.image[1:] for r in rows} for name, rows in records.items()}
    ties = Ties(contents=contents)
    before = assign(records, FRACTIONS, {}, 2)
    trained = {image[1:] for image, part in before["a"].items() if part == "train"}
    tested = {image[1:] for image, part in before["b"].items() if part == "test"}
    assert (len(tested & trained), len(tested)) == (16, 24)  # what is not known of cannot be held together
    assert len(check_overlap(records, before, contents)) > 20
    for seed in range(5):
        parts = assign(records, FRACTIONS, {}, seed, ties=ties)
        assert all(parts["a"][f"a{n}"] == parts["b"][f"b{n}"] for n in range(160))
        assert check_overlap(records, parts, contents) == []
    twice = {"d": [*source, *(ImageRecord(f"again{n}", "", str(n)) for n in range(80))]}
    contents = {"d": {r.image: r.image.removeprefix("again").removeprefix("a") for r in twice["d"]}}
    parts = assign(twice, FRACTIONS, {}, 0, ties=Ties(contents=contents))
    assert all(parts["d"][f"a{n}"] == parts["d"][f"again{n}"] for n in range(80))


def test_equal_images_in_official_parts_stay_there() -> None:
    rows = [*official("train", range(30)), *official("val", range(30, 40)), *official("test", range(40, 50))]
    contents = {"d": {f"s{n}_T1w": str(n % 45) for n in range(50)}}
    ties = Ties(contents=contents)
    parts = assign({"d": rows}, FRACTIONS, {}, 0, ties=ties)
    assert all(parts["d"][r.image] == r.split for r in rows)
    assert check_overlap({"d": rows}, parts, contents) == []
    other = {"d": rows, "e": people(range(20, 45), "e")}
    contents["e"] = {f"e{n}_T1w": str(n) for n in range(20, 45)}
    parts = assign(other, FRACTIONS, {}, 0, ties=ties)
    assert all(parts["e"][f"e{n}_T1w"] == parts["d"][f"s{n}_T1w"] for n in range(20, 45))
    with pytest.raises(InputError, match=r"the given split of d has s0 in train .*: s0\), test .*: s45\)"):
        assign({"d": rows}, FRACTIONS, {}, 0, ties=Ties(contents=contents, given=frozenset("d")))
    a, b = official("train", range(10)), people(range(20, 30), split="test")
    contents = {"a": {a[0].image: "same"}, "b": {b[0].image: "same"}}
    apart = {"a": [*a, *official("test", range(50, 52))], "b": [*b, *official("train", range(60, 70))]}
    with pytest.raises(InputError, match="s20 is officially in test of b, but in train or val of a"):
        assign(apart, FRACTIONS, {}, 0, ties=Ties(contents=contents))


def test_people_that_are_numbered_alike_can_be_told_apart() -> None:
    records = {"a": people(range(60)), "b": people(range(60))}
    own = Ties(own=frozenset("b"))
    assert shared(records) == [("a", "b", 60)]
    assert shared(records, own) == []
    before = assign(records, {"a": FRACTIONS, "b": {"val": 0.3, "test": 0.3}}, {}, 0)
    assert counts(before["b"])["test"] == 9  # they followed others
    parts = assign(records, {"a": FRACTIONS, "b": {"val": 0.3, "test": 0.3}}, {}, 0, ties=own)
    assert counts(parts["b"])["test"] == 18
    assert len(check_overlap(records, parts)) > 0
    assert check_overlap(records, parts, own="b") == []
