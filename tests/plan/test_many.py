"""What a plan of many variants, or of many images, must not do once for each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import tlpy.plan.stages.book as book
from tlpy.components.copies import copied
from tlpy.files import json_lines, read_json, write_json
from tlpy.params.schema import Schema
from tlpy.plan.data.caches import MOST_SHARDS, Wanted, share_caches
from tlpy.plan.planner import Planner

SCHEMA = Schema.read(Path(__file__).resolve().parents[2] / "nextflow_schema.json")


def test_a_stage_that_variants_share_is_resolved_once(params: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved: list[Any] = []

    def counted(*given: Any) -> Any:
        resolved.append(given)
        return resolve_stage(*given)

    resolve_stage = book.resolve_stage
    monkeypatch.setattr(book, "resolve_stage", counted)
    params["search"] = {"space": {"pretrain.lr": [0.1, 0.2], "finetune.lr": [0.1, 0.2, 0.3]}}
    roots = {spec["path"]: Path(spec["path"]) for spec in params["datasets"].values()}
    plan = Planner(params, SCHEMA, roots).plan()
    # 2 pretrainings, 6 fine-tunings, and 3 from scratch for their own epochs and for the chain's.
    assert len(plan.variants) == 12
    assert len(resolved) == len(plan.stages) == 14


def test_shards_do_not_grow_for_ever_with_the_images() -> None:
    prints = {f"p{number}": str(number) for number in range(50_000)}
    voxels = dict.fromkeys(prints, 160 * 192 * 160)
    wanted = Wanted("ukb", {"size": [160, 192, 160]}, prints, voxels, whole=True)
    cache = share_caches({"ukb": wanted}, slots=0)["ukb"]
    assert cache.shards == MOST_SHARDS


def test_a_copy_shares_no_map_and_no_list() -> None:
    value = {"a": [1, {"b": (2, [3])}], "c": None}
    copy = copied(value)
    assert copy == value
    copy["a"][1]["b"][1].append(4)
    copy["a"].append(5)
    assert value == {"a": [1, {"b": (2, [3])}], "c": None}


def test_large_json_has_a_line_an_item_and_reads_the_same(tmp_path: Path) -> None:
    content = {"a": {"x": {"y": [1, "é"]}, "z": 2}, "b": [{"c": 1}, []], "d": {}, "e": [], "f": 0.1}
    assert json.loads(json_lines(content)) == content
    assert len(json_lines(content).splitlines()) == 13
    write_json(
        tmp_path / "a.json", {"a": {"b": float("nan")}, "c": [float("inf")], "d": float("nan")}, lines=True
    )
    assert read_json(tmp_path / "a.json") == {"a": {"b": None}, "c": [None], "d": None}
