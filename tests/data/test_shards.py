"""A cache is taken whole, in one set of shards."""

from __future__ import annotations

from pathlib import Path

from tlpy.data.shards import shard_folders, shard_ids


def _make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).mkdir()


def test_shards_are_found_in_order(tmp_path: Path) -> None:
    names = shard_ids("abc", 12)
    _make(tmp_path, *reversed(names), "abcd-1of1")
    assert [path.name for path in shard_folders(tmp_path, "abc")] == names


def test_a_store_with_two_sets_gives_one(tmp_path: Path) -> None:
    _make(tmp_path, *shard_ids("abc", 2), "abc-1of1")
    assert [path.name for path in shard_folders(tmp_path, "abc")] == ["abc-1of1"]


def test_an_incomplete_set_is_none(tmp_path: Path) -> None:
    _make(tmp_path, "abc-1of3", "abc-3of3")
    assert shard_folders(tmp_path, "abc") == []
