"""Packs hold every stage once, share a data set, fit the time, and wait for one pack of parents at most."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_records import stage, training

from tlpy.plan.packs import MOST_STAGES, make_packs
from tlpy.plan.plan_records import PlannedPack
from tlpy.records import Source, Stage


def _stages(costs: dict[str, float], role: str = "pretrain", cache: str = "c") -> dict[str, Stage]:
    sources = (Source("d", cache, "s", ("age",), labelled=True),)
    return {key: stage(id=key, role=role, sources=sources, cost=cost) for key, cost in costs.items()}


def _members(packs: list[PlannedPack]) -> list[str]:
    return sorted(stage for pack in packs for stage in pack.stages)


def test_every_stage_is_in_one_pack() -> None:
    stages = _stages({f"s{number}": 1.0 + number for number in range(25)})
    assert _members(make_packs(stages, stages, minutes=0.5, slots=2)) == sorted(stages)


def test_small_stages_share_a_task_and_long_ones_do_not() -> None:
    assert len(make_packs(_stages(dict.fromkeys("abcdef", 1.0)), "abcdef", minutes=15, slots=2)) == 1
    assert len(make_packs(_stages(dict.fromkeys("abcdef", 900.0)), "abcdef", minutes=15, slots=2)) == 6


def test_a_pack_has_room_for_so_many_stages() -> None:
    """Thousands of short stages are no handful of tasks, each of which holds all of them."""
    stages = _stages({f"s{number:04}": 0.01 * (1 + number % 7) for number in range(1000)})
    packs = make_packs(stages, stages, minutes=15, slots=2)
    assert _members(packs) == sorted(stages)
    assert [len(pack.stages) for pack in packs] == [MOST_STAGES] * (1000 // MOST_STAGES)
    assert {pack.id for pack in packs} == {
        pack.id for pack in make_packs(stages, reversed(list(stages)), 15, 2)
    }
    one_long = {**_stages({"long": 100.0}), **stages}
    sizes = sorted(len(pack.stages) for pack in make_packs(one_long, one_long, minutes=15, slots=2))
    assert sizes == [1] + [MOST_STAGES] * 20


def test_cores_are_loaded_evenly() -> None:
    stages = _stages({"a": 60, "b": 60, "c": 60, "d": 20, "e": 20, "f": 20})
    packs = make_packs(stages, stages, minutes=15, slots=2)
    assert sorted(sum(stages[s].cost for s in pack.stages) for pack in packs) == [120, 120]


@pytest.mark.parametrize("key", ["cache", "role"])
def test_packs_do_not_mix(key: str) -> None:
    stages = {**_stages({"a": 1.0}), **_stages({"b": 1.0}, **{key: "other"})}
    assert len(make_packs(stages, stages, minutes=15, slots=1)) == 2


def test_children_wait_for_one_pack_of_parents_only() -> None:
    parents = _stages(dict.fromkeys("abcd", 100.0))
    children = {
        f"{p}{n}": replace(parents[p], id=f"{p}{n}", depth=1, role="finetune", parent=p)
        for p in parents
        for n in (1, 2)
    }
    stages = {**parents, **children}
    packs = make_packs(stages, stages, minutes=15, slots=2)
    pack_of = {stage: pack.id for pack in packs for stage in pack.stages}
    for pack in packs:
        if pack.depth == 1:
            assert len({pack_of[stages[stage].parent or ""] for stage in pack.stages}) == 1


def test_only_what_is_to_be_trained_is_packed() -> None:
    stages = _stages(dict.fromkeys("abc", 1.0))
    assert _members(make_packs(stages, ["b"], minutes=15, slots=2)) == ["b"]
    assert make_packs(stages, [], minutes=15, slots=2) == []


def test_cores_follow_from_the_stages_alone() -> None:
    """A lone pack gets no idle cores: other threads are other numbers, under the same id."""
    stages = _stages({"a": 500.0})
    for slots in (0, 1, 4):
        assert [pack.cpus for pack in make_packs(stages, stages, minutes=15, slots=slots)] == [1]
    wide = {"w": stage(id="w", training=training(threads=4), cost=500.0), **stages}
    packs = {pack.stages: pack.cpus for pack in make_packs(wide, wide, minutes=15, slots=8)}
    assert packs == {("w",): 4, ("a",): 1}
    packs = {pack.stages: pack.cpus for pack in make_packs(wide, wide, minutes=15, slots=2)}
    assert packs == {("w",): 2, ("a",): 1}
