"""What is damaged in a store is named, set aside and made again, and changes no result."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys
from faults.damage import cut, flip
from toys import Train, results

from tlpy.checksums import DamagedError
from tlpy.evaluation.results import read_run
from tlpy.files import read_rows
from tlpy.local import LocalRun
from tlpy.store import Store

Finished = tuple[dict[str, Any], Path, LocalRun]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The params, the store and the run of a small search that nothing went wrong with."""
    folder = tmp_path_factory.mktemp("finished")
    for number, name in enumerate(("source", "target")):
        (folder / name).mkdir()
        lines = ["image,subject,age,sex"]
        for person in range(100 * number, 100 * number + 40):
            np.save(folder / name / f"p{person}.npy", np.random.default_rng(person).normal(size=(12, 10)))
            lines.append(f"p{person}.npy,p{person},{20.5 + person % 50},{'FM'[person % 2]}")
        (folder / name / "people.csv").write_text("\n".join(lines) + "\n")
    data = {"reader": "table"}
    params = {
        "outdir": str(folder / "undisturbed"),
        "architecture": {"name": "resnet10", "filters": 4, "kernel": 3},
        "epochs": 1,
        "datasets": {
            "source": {**data, "path": str(folder / "source/people.csv"), "label": "age"},
            "target": {**data, "path": str(folder / "target/people.csv"), "label": "sex"},
        },
        "stages": [{"name": "pretrain", "dataset": "source"}, {"name": "finetune", "dataset": "target"}],
        "baseline": False,
        "search": {"space": {"finetune.lr": [0.001, 0.01]}},
    }
    run = LocalRun(params, store=folder / "store", accelerator="cpu")
    run.search()
    return params, folder / "store", run


@pytest.fixture
def store(finished: Finished, tmp_path: Path) -> Path:
    """A copy of the store, to be damaged."""
    shutil.copytree(finished[1], tmp_path / "store")
    return tmp_path / "store"


def _role(run: LocalRun, role: str) -> str:
    return next(stage.id for stage in run.plan.stages.values() if stage.role == role)


def _shard(run: LocalRun, dataset: str) -> str:
    return run.plan.datasets[dataset].cache.shard_ids()[0]


def _scores(file: Path) -> list[dict[str, str]]:
    return [{key: text for key, text in row.items() if "seconds" not in key} for row in read_rows(file)]


def _empty(file: Path) -> None:
    cut(file, 0)


DAMAGES: dict[str, tuple[str, str, Callable[[Path], None], str]] = {
    "a truncated metrics.json": ("finetune", "metrics.json", cut, r"metrics.json has \d+ of \d+ bytes"),
    "an empty metrics.json": ("finetune", "metrics.json", _empty, r"metrics.json has 0 of \d+ bytes"),
    "a flipped bit in predictions": ("finetune", "predictions.csv", flip, "content of predictions.csv has"),
    "a missing file": ("finetune", "history.csv", Path.unlink, "history.csv is missing"),
    "truncated weights": ("finetune", "weights.safetensors", cut, r"weights.safetensors has \d+ of"),
    "flipped weights": ("pretrain", "weights.safetensors", flip, "content of weights.safetensors has"),
    "a flipped bit in an array": ("cache", "images.npy", flip, "content of images.npy has changed"),
    "a truncated array": ("cache", "images.npy", cut, r"images.npy has \d+ of \d+ bytes"),
    "a table of images": ("cache", "images.tsv", cut, r"images.tsv has \d+ of"),
    "cut off checksums": ("finetune", "checksums.json", cut, "checksums.json is cut off"),
    "an entry of before there were checksums": ("pretrain", "checksums.json", Path.unlink, "is missing"),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_what_is_damaged_is_set_aside_and_planned_anew(
    finished: Finished, store: Path, tmp_path: Path, what: str
) -> None:
    params, _, run = finished
    kind, name, damage, told = DAMAGES[what]
    entry = "cache" if kind == "cache" else "stages"
    entry_id = _shard(run, "source") if kind == "cache" else _role(run, kind)
    if kind in ("cache", "pretrain"):
        # Arrays and weights are read where something is to be trained.
        for stage in run.plan.stages.values():
            if kind == "cache" or stage.role == "finetune":
                shutil.rmtree(store / "stages" / stage.id)
    damage(store / entry / entry_id / name)
    again = LocalRun(params, outdir=tmp_path / "out", store=store, accelerator="cpu")
    assert not (store / entry / entry_id).exists()
    aside = store / entry / f".damaged-{entry_id}-1"
    assert aside.is_dir()
    (warning,) = [text for text in again.plan.warnings if "damaged" in text]
    assert warning.startswith(f"{store / entry / entry_id} is damaged: ")
    assert re.search(told, warning), warning
    assert f"set aside as {aside.name} and is made again" in warning
    made = {task.id for task in again.tasks.prepare} | {
        stage.id for task in again.tasks.packs for stage in task.pack.stages
    }
    assert entry_id in made


def test_a_search_on_a_damaged_store_gives_the_undisturbed_leaderboard(
    finished: Finished, store: Path, tmp_path: Path
) -> None:
    params, sound, run = finished
    flip(store / "cache" / _shard(run, "source") / "images.npy")
    flip(store / "stages" / _role(run, "pretrain") / "weights.safetensors")
    for stage in run.plan.stages.values():
        if stage.role == "finetune":
            cut(store / "stages" / stage.id / "predictions.csv")
    for fit in (store / "plain").iterdir():
        _empty(fit / "metrics.json")
    again = LocalRun(params, outdir=tmp_path / "out", store=store, accelerator="cpu")
    assert len(again.tasks.packs[0].pack.stages) + len(again.tasks.packs) >= 2
    again.search()
    undisturbed = Path(params["outdir"])
    board = _scores(tmp_path / "out/ranking/leaderboard.tsv")
    assert board == _scores(undisturbed / "ranking/leaderboard.tsv")
    assert {row["status"] for row in board} == {"done"}
    for kind in ("stages", "cache", "plain"):
        there = {path.name for path in (store / kind).iterdir() if path.name[0] != "."}
        assert there == {path.name for path in (sound / kind).iterdir() if path.name[0] != "."}
        for name in there:
            assert Store(store).faults(kind, name) == []
    # And the run after it finds nothing to do.
    assert LocalRun(params, outdir=tmp_path / "out", store=store, accelerator="cpu").tasks.packs == ()


def test_arrays_that_nobody_reads_are_not_read(finished: Finished, store: Path, tmp_path: Path) -> None:
    params, _, run = finished
    flip(store / "cache" / _shard(run, "source") / "images.npy")
    again = LocalRun(params, outdir=tmp_path / "out", store=store, accelerator="cpu")
    assert not again.tasks.prepare
    assert not any("damaged" in text for text in again.plan.warnings)


def test_a_training_does_not_read_a_damaged_cache(train: Train, toy_data: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    kept = store.keep("cache", "cache-1of1", toy_data / "caches/cache-1of1")
    data = tmp_path / "task"
    (data / "caches").mkdir(parents=True)
    (data / "caches/cache-1of1").symlink_to(kept)
    (data / "subjects").symlink_to(toy_data / "subjects")
    assert train(toys.stage("s1"), data=data) == {"s1": "done"}
    flip(kept / "images.npy")
    with pytest.raises(DamagedError, match=r"store/cache/cache-1of1 is damaged: the content of images.npy"):
        train(toys.stage("s2"), data=data)
    assert not kept.exists()
    assert (kept.parent / ".damaged-cache-1of1-1").is_dir()
    assert not (tmp_path / "out/s2").exists()


def test_a_training_does_not_start_from_damaged_weights(train: Train, tmp_path: Path) -> None:
    store = tmp_path / "store"
    train(toys.stage("s1"), out="first", store=store)
    flip(store / "stages/s1/weights.safetensors")
    with pytest.raises(DamagedError, match=r"stages/s1 is damaged: the content of weights.safetensors"):
        train(toys.stage("s2", "sex", parent="s1"), out="second", store=store)
    assert not (tmp_path / "out/second/s2").exists()


def test_a_stage_that_the_store_holds_damaged_is_trained_in_its_place(
    train: Train, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "store"
    train(toys.stage("s1"), out="first", store=store)
    cut(store / "stages/s1/history.csv")
    assert train(toys.stage("s1"), out="second", store=store) == {"s1": "done"}
    assert results(tmp_path / "second/s1") == results(tmp_path / "first/s1")
    assert Store(store).faults("stages", "s1") == []
    assert f"warning: {store}/stages/s1 is damaged: history.csv has" in capfd.readouterr().err


def test_the_ranking_names_files_that_were_cut_off(finished: Finished, tmp_path: Path) -> None:
    params, _, run = finished
    shutil.copytree(Path(params["outdir"]) / "stages", tmp_path / "stages")
    first, second = sorted(run.plan.stages)[:2]
    cut(tmp_path / "stages" / first / "metrics.json")
    flip(tmp_path / "stages" / second / "history.csv")
    with pytest.raises(DamagedError) as raised:
        read_run(run.record, tmp_path / "stages")
    assert f"stages/{first} is damaged: metrics.json has" in str(raised.value)
    assert f"stages/{second} is damaged: the content of history.csv has changed" in str(raised.value)


def test_files_of_a_store_are_read_only_whoever_links_to_them(train: Train, tmp_path: Path) -> None:
    train(toys.stage("s1"), store=tmp_path / "store")
    for file in [*(tmp_path / "store/stages/s1").iterdir(), *(tmp_path / "out/s1").iterdir()]:
        assert not file.stat().st_mode & 0o222, file
        assert file.stat().st_mode & 0o444 == file.parent.stat().st_mode & 0o444, "whoever shares the store"
    shutil.rmtree(tmp_path / "out")


def test_runs_that_find_the_same_damage_at_once(tmp_path: Path) -> None:
    store, names = Store(tmp_path / "store"), [f"id{number}" for number in range(10)]
    (tmp_path / "made").mkdir()
    (tmp_path / "made/metrics.json").write_text('{"status": "done"}')
    for name in names:
        store.keep("stages", name, tmp_path / "made")
        cut(store.path("stages", name) / "metrics.json")

    def run(number: int) -> None:
        for name in names:
            if not store.take("stages", name, tmp_path / f"run{number}" / name):
                store.keep("stages", name, tmp_path / "made")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(8)))
    for name in names:
        assert store.faults("stages", name) == []
        assert (store.root / "stages" / f".damaged-{name}-1").is_dir()
    asides = [path for path in (store.root / "stages").iterdir() if path.name.startswith(".damaged")]
    assert len(asides) == len(names), "what was made again is not set aside by a run that is late"
