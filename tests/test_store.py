"""The store keeps finished work once, whole, whoever writes it."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from tlpy.store import Store


def _stage(folder: Path, text: str = "weights") -> Path:
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_text(text)
    (folder / "metrics.json").write_text("{}")
    return folder


def test_an_entry_is_there_only_after_it_was_kept(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert not store.has_stage("a")
    store.keep("stages", "a", _stage(tmp_path / "a"))
    assert store.has_stage("a")
    assert (store.path("stages", "a") / "weights.safetensors").read_text() == "weights"


def test_the_first_to_finish_wins(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.keep("stages", "a", _stage(tmp_path / "one", "first"))
    store.keep("stages", "a", _stage(tmp_path / "two", "second"))
    assert (store.path("stages", "a") / "weights.safetensors").read_text() == "first"


def test_a_writer_that_died_leaves_nothing_that_looks_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "store")

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tlpy.store.Path.rename", dies)
    with pytest.raises(KeyboardInterrupt):
        store.keep("stages", "a", _stage(tmp_path / "a"))
    assert not store.has_stage("a")
    assert list((store.root / "stages").iterdir()) == []


def _keep_many(arguments: tuple[str, str, int]) -> int:
    root, source, worker = arguments
    store = Store(Path(root))
    for number in range(30):
        store.keep("stages", f"id{number}", Path(source))
    return worker


def test_two_runs_at_once_harm_nothing(tmp_path: Path) -> None:
    source = _stage(tmp_path / "source")
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        pool.map(_keep_many, [(str(tmp_path / "store"), str(source), worker) for worker in range(4)])
    kept = sorted((tmp_path / "store" / "stages").iterdir())
    assert [entry.name for entry in kept] == sorted(f"id{number}" for number in range(30))
    assert all(
        sorted(file.name for file in entry.iterdir())
        == ["checksums.json", "metrics.json", "weights.safetensors"]
        for entry in kept
    )


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown kind 'stage'"):
        Store(tmp_path).path("stage", "a")


def test_fetch_lays_out_a_copy(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.keep("stages", "a", _stage(tmp_path / "a"))
    store.fetch("stages", "a", tmp_path / "out" / "a")
    assert (tmp_path / "out" / "a" / "metrics.json").read_text() == "{}"
