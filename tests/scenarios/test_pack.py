"""Packs: stages alone and together give equal numbers, one failure stays alone, the store is used."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import toys
from toys import Train, read, results

from tlpy.errors import InputError
from tlpy.records import Stage
from tlpy.scenarios import pack as packs
from tlpy.scenarios.pack import StageOutOfMemoryError

PENALTY = {"cross_entropy": {"weight": 1.0}, "elastic_penalty": {"alpha": 0.01, "beta": 0.01}}


def test_a_chain_in_one_pack(train: Train, tmp_path: Path) -> None:
    child = toys.stage("s2", "sex", parent="s1", objective=PENALTY)
    assert train(toys.stage("s1"), child) == {"s1": "done", "s2": "done"}
    report = read(tmp_path / "out/s2", "load_report.json")
    assert report["source"] == "s1"
    assert report["preprocessing"] == []
    assert list(report["new"]) == ["heads.sex.bias", "heads.sex.weight"]
    header = (tmp_path / "out/s2/history.csv").read_text().splitlines()[0]
    assert header.startswith("epoch,train_loss,val_loss,val_auroc,")
    assert header.endswith(",lr,cross_entropy,elastic_penalty")
    assert "val_accuracy" in header, "what variants may be ranked by, too"
    assert not list((tmp_path / "checkpoints").iterdir())


def test_a_stage_gives_equal_numbers_alone_and_after_others(train: Train, tmp_path: Path) -> None:
    vit = {"name": "vit", "patch": 4, "width": 12, "depth": 1, "heads": 2, "dropout": 0.1}
    others = [toys.stage("s1", seed=5), toys.stage("s2", "sex", architecture=vit)]
    train(*others, toys.stage("s3"), out="together")
    train(toys.stage("s3"), out="alone")
    assert results(tmp_path / "together/s3") == results(tmp_path / "alone/s3")


def test_the_seed_reaches_everything(train: Train, tmp_path: Path) -> None:
    train(toys.stage("s1"), toys.stage("s2", seed=1))
    one, two = results(tmp_path / "out/s1"), results(tmp_path / "out/s2")
    assert all(one[name] != two[name] for name in ("weights.safetensors", "history.csv", "predictions.csv"))


def test_one_failed_stage_fails_alone_and_its_children_with_it(train: Train, tmp_path: Path) -> None:
    wrong = toys.stage("s1", architecture={"name": "resnet10", "filters": 4, "wrong": 1})
    child = toys.stage("s2", "sex", parent="s1")
    status = train(wrong, child, toys.stage("s3"))
    assert status == {"s1": "failed", "s2": "failed", "s3": "done"}
    assert "wrong" in read(tmp_path / "out/s1")["reason"]
    assert "Traceback" in (tmp_path / "out/s1/stage.log").read_text()
    assert read(tmp_path / "out/s2")["reason"] == "parent s1 failed"
    assert not (tmp_path / "out/s1/weights.safetensors").exists()


def test_a_missing_parent_fails_the_stage(train: Train, tmp_path: Path) -> None:
    assert train(toys.stage("s2", parent="nowhere")) == {"s2": "failed"}
    assert read(tmp_path / "out/s2")["reason"].startswith("parent nowhere failed")


def test_a_loss_that_is_no_number_fails_with_the_epoch(train: Train, tmp_path: Path) -> None:
    sgd = {"name": "sgd", "momentum": 0.0}
    status = train(toys.stage("s1", training__lr=1e30, training__optimizer=sgd), toys.stage("s2"))
    assert status == {"s1": "failed", "s2": "done"}
    reason = read(tmp_path / "out/s1")["reason"]
    assert "in epoch 1" in reason or "in epoch 2" in reason
    assert "lr" in reason


def test_parents_of_other_packs_and_of_the_store(train: Train, tmp_path: Path) -> None:
    train(toys.stage("s1"), out="parents")
    (tmp_path / "elsewhere").mkdir()
    store = tmp_path / "store"
    child = toys.stage("s2", "sex", parent="s1")
    assert train(child, out="a") == {"s2": "done"}
    train(toys.stage("s1"), out="b", store=store)
    assert train(child, out="c", parents=tmp_path / "elsewhere", store=store) == {"s2": "done"}
    assert results(tmp_path / "a/s2") == results(tmp_path / "c/s2")


def test_what_the_store_holds_is_not_trained(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    train(toys.stage("s1"), out="first", store=store)
    assert (store / "stages/s1/metrics.json").is_file()
    trained = []
    real = packs.train_stage
    monkeypatch.setattr(packs, "train_stage", lambda stage, *a: trained.append(stage.id) or real(stage, *a))
    assert train(toys.stage("s1"), toys.stage("s2"), out="second", store=store) == {
        "s1": "done",
        "s2": "done",
    }
    assert trained == ["s2"]
    assert results(tmp_path / "first/s1") == results(tmp_path / "second/s1")
    assert train(toys.stage("s3", training__lr=-1.0), out="second", store=store) == {"s3": "failed"}
    assert not (store / "stages/s3").exists()


def test_out_of_memory_asks_for_a_retry_that_halves_the_batch(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = packs.train_stage

    def too_large(stage: Stage, *rest: object) -> object:
        if stage.id == "s2" and rest[5] == 0:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(stage, *rest)

    monkeypatch.setattr(packs, "train_stage", too_large)
    stages = [toys.stage("s1"), toys.stage("s2", training__batch_size=6), toys.stage("s3")]
    with pytest.raises(StageOutOfMemoryError, match="s2"):
        train(*stages)
    # The retry runs in a new work folder: what was finished is not trained again.
    monkeypatch.setattr(packs, "train_stage", lambda stage, *a: stage.id != "s1" and too_large(stage, *a))
    assert train(*stages, out="retry", attempt=2) == {"s1": "done", "s2": "done", "s3": "done"}
    assert read(tmp_path / "retry/s2")["physical_batch"] == 3
    assert read(tmp_path / "retry/s3")["physical_batch"] == 8
    assert not list((tmp_path / "checkpoints").iterdir())


def test_a_gpu_that_is_not_there_is_an_error_before_training(train: Train, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(InputError, match="GPU was asked for"):
        train(toys.stage("s1"), accelerator="gpu")
    assert not (tmp_path / "out").exists()


def test_an_empty_or_single_class_part_says_so(train: Train, tmp_path: Path) -> None:
    images, ages = toys.images_and_ages(20, (8, 8))
    data = tmp_path / "data"
    toys.write_cache(data / "caches", images, left_out=[3, 8, 13, 18])
    toys.write_subjects(data / "subjects", ages)
    toys.write_subjects(data / "subjects", ages * 0 + 60, "men")
    status = train(toys.stage("s1"), toys.stage("s2", "sex", subjects="men"), data=data)
    assert status == {"s1": "failed", "s2": "failed"}
    assert "the val part is empty: all 4 images were left out" in read(tmp_path / "out/s1")["reason"]
    assert "the train part holds one class of 'sex' only (M" in read(tmp_path / "out/s2")["reason"]


def test_a_missing_cache_is_bad_input(train: Train) -> None:
    with pytest.raises(InputError, match="no prepared images of cache other"):
        train(toys.stage("s1", cache="other"))


def test_starting_from_a_file_of_weights(train: Train, tmp_path: Path) -> None:
    train(toys.stage("s1"), out="first")
    file = tmp_path / "first/s1/weights.safetensors"
    still = {"training__epochs": 1, "training__lr": 1e-12, "objective": PENALTY}
    assert train(toys.stage("s2", "sex", weights=str(file), **still)) == {"s2": "done"}
    assert read(tmp_path / "out/s2", "load_report.json")["counts"]["new"] == 2
    # Nothing moved, so the pull towards the start is nothing: w0 is what was taken over.
    row = (tmp_path / "out/s2/history.csv").read_text().splitlines()[1]
    assert float(row.split(",")[-1]) < 0.01 * 32


def test_a_file_of_weights_lies_where_the_task_has_it(train: Train, toy_data: Path, tmp_path: Path) -> None:
    train(toys.stage("s1"), out="first")
    pack = toys.pack(toys.stage("s2", "sex", weights="as/the/user/wrote.safetensors"))
    files = {"as/the/user/wrote.safetensors": str(tmp_path / "first/s1/weights.safetensors")}
    pack = replace(pack, files=files)
    places = (toy_data / "caches", toy_data / "subjects", tmp_path / "none", tmp_path / "out", tmp_path / "c")
    assert packs.train_pack(pack, *places, accelerator="cpu") == {"s2": "done"}


def test_the_record_and_the_contract_are_written(train: Train, tmp_path: Path) -> None:
    record = toys.stage("s1")
    train(record)
    assert read(tmp_path / "out/s1", "stage.json") == record.to_json()
    contract = read(tmp_path / "out/s1", "contract.json")
    assert contract["images"]["preprocessing"] == toys.PREPROCESSING
    ages = toys.images_and_ages(40, (8, 8))[1]
    kept = [age for row, age in enumerate(ages) if row % 5 < 3]
    assert contract["targets"]["age"]["mean"] == pytest.approx(sum(kept) / len(kept), abs=1e-3)
    text = json.dumps(read(tmp_path / "out/s1"))
    assert "NaN" not in text
