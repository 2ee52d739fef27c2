"""The files that tables name: what is stamped at each start, so that an edit of one is seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlpy.params.schema import Schema
from tlpy.plan.data.named_files import named_files
from tlpy.plan.documents import tasks_of
from tlpy.plan.planner import Planner

STAGES = [{"dataset": "a"}]


def listed(datasets: dict[str, Any], **params: Any) -> list[Path]:
    given = {"outdir": "results", "datasets": datasets, "stages": STAGES, **params}
    return named_files(given, Schema.read(), {})


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two images, one of which is not there yet."""
    (tmp_path / "pictures").mkdir()
    np.save(tmp_path / "pictures/one.npy", np.zeros((4, 4), np.float32))
    (tmp_path / "list.csv").write_text("image,age\none.npy,20\ntwo.img,30\n,40\n")
    return tmp_path / "list.csv"


def test_images_are_listed_there_or_not_with_their_headers(table: Path) -> None:
    reader = {"name": "table", "images": "pictures"}
    folder = table.parent / "pictures"
    expected = [folder / name for name in ("one.npy", "two.hdr", "two.img")]
    assert listed({"a": {"reader": reader, "path": str(table), "label": "age"}}) == expected


def test_data_sets_that_a_search_varies_are_listed_too(table: Path) -> None:
    other = table.parent / "other.csv"
    other.write_text("file,age\nthree.npy,20\n")
    space = {"datasets.a.path": [str(table), str(other)], "lr": [0.1, 0.01]}
    found = listed({"a": {"reader": "table", "path": str(table), "label": "age"}}, search={"space": space})
    assert [file.name for file in found] == ["one.npy", "three.npy", "two.hdr", "two.img"]


def test_a_table_that_is_a_link_names_what_lies_beside_its_real_place(table: Path, tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    link = tmp_path / "task/list.csv"
    link.symlink_to(table)
    found = listed({"a": {"reader": "table", "path": str(link), "label": "age"}})
    assert {file.parent for file in found} == {table.parent}


def test_folders_and_faults_list_nothing(table: Path) -> None:
    assert listed({"a": {"reader": "bids", "path": str(table.parent), "label": "age"}}) == []
    assert listed({"a": {"reader": "tabel", "path": str(table), "label": "age"}}) == []
    assert listed({"a": {"path": str(table), "label": "age"}}) == []
    spec = {"reader": "table", "path": str(table), "label": "age"}
    assert listed({"a": spec}, search={"space": {"datasets.b.path": ["x"]}}) == listed({"a": spec})


def test_a_shard_names_the_folder_of_its_images_where_that_is_absolute(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    rows = [f"p{person:02d}.npy,p{person:02d},{person + 20}" for person in range(20)]
    for person in range(20):
        np.save(tmp_path / f"elsewhere/p{person:02d}.npy", np.full((4, 4), person, np.float32))
    (tmp_path / "list.csv").write_text("\n".join(["image,subject,age", *rows]) + "\n")
    for images, beside in (("elsewhere", []), (str(tmp_path / "elsewhere"), [str(tmp_path / "elsewhere")])):
        reader = {"name": "table", "images": images}
        spec = {"reader": reader, "path": str(tmp_path / "list.csv"), "label": "age"}
        given = {"outdir": "results", "datasets": {"a": spec}, "stages": STAGES}
        (shard,) = tasks_of(Planner(given, Schema.read(), {}).plan()).prepare
        assert list(shard.beside) == beside
