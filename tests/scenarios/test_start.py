"""What a stage starts from: heads that say the same, images that are what the weights were trained on."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys
from toys import Train, read

from tlpy.metrics.registry import compute
from tlpy.records import Head, Pack, Stage
from tlpy.scenarios.pack import train_pack

# So little that what is predicted is what was started from.
STILL = {"training__epochs": 1, "training__lr": 1e-9, "training__keep": "last"}


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def data(toy_data: Path, tmp_path: Path) -> Path:
    """Toys with the same sexes under other names, and ages of which half are taken."""
    shutil.copytree(toy_data, tmp_path / "data")
    subjects = tmp_path / "data/subjects"
    header, *rows = (subjects / "subjects.tsv").read_text().splitlines()
    said = {"F": "control", "M": "patient"}
    other = ["\t".join([*row.split("\t")[:-1], said[row.split("\t")[-1]]]) for row in rows]
    (subjects / "renamed.tsv").write_text("\n".join([header, *other]) + "\n")
    old = [row for row in rows if float(row.split("\t")[-2]) > 50]
    (subjects / "old.tsv").write_text("\n".join([header, *old]) + "\n")
    return tmp_path / "data"


def sex(*classes: str) -> tuple[Head, ...]:
    return (Head("sex", "binary", classes),)


def auroc(folder: Path, second: str) -> float:
    rows = [row for row in table(folder) if row["split"] == "test"]
    true = np.array([row["true"] == second for row in rows], int)
    return float(compute("binary", true, np.array([float(row[f"p:{second}"]) for row in rows]))["auroc"])


def test_classes_turned_round_keep_what_was_learnt(train: Train, tmp_path: Path) -> None:
    """As it was, the child started from the parent's AUROC upside down."""
    parent = toys.stage(
        "s1", heads=sex("F", "M"), objective={"cross_entropy": {"weight": 1.0}}, metric="auroc"
    )
    child = toys.stage(
        "s2",
        heads=sex("M", "F"),
        objective={"cross_entropy": {"weight": 1.0}},
        metric="auroc",
        parent="s1",
        **STILL,
    )
    train(parent, child)
    report = read(tmp_path / "out/s2", "load_report.json")
    assert report["heads"] == {"sex": "turned round: F, M to M, F"}
    found = [auroc(tmp_path / "out/s1", "M"), auroc(tmp_path / "out/s2", "F")]
    assert found[0] > 0.8
    assert found[1] == pytest.approx(found[0], abs=0.1)


def test_other_classes_start_anew_and_no_penalty_pulls_to_the_old_ones(
    train: Train, data: Path, tmp_path: Path
) -> None:
    terms = {"cross_entropy": {"weight": 1e-12}, "elastic_penalty": {"alpha": 1e4, "beta": 0.0}}
    child = toys.stage(
        "s2",
        heads=sex("control", "patient"),
        subjects="renamed",
        objective=terms,
        metric="auroc",
        parent="s1",
        training__epochs=1,
        training__keep="last",
    )
    parent = toys.stage(
        "s1", heads=sex("F", "M"), objective={"cross_entropy": {"weight": 1.0}}, metric="auroc"
    )
    train(parent, child, data=data)
    report = read(tmp_path / "out/s2", "load_report.json")
    assert report["heads"] == {"sex": "new: the classes were F, M, and are control, patient here"}
    assert report["skipped"].keys() == {"heads.sex.bias", "heads.sex.weight"}
    from safetensors.torch import load_file

    old, new = (load_file(tmp_path / f"out/{stage}/weights.safetensors") for stage in ("s1", "s2"))
    assert not np.allclose(old["heads.sex.weight"], new["heads.sex.weight"], atol=1e-3)


@pytest.mark.parametrize("pull", [False, True])
def test_a_regression_starts_from_what_its_parent_predicts(
    train: Train, data: Path, tmp_path: Path, pull: bool
) -> None:
    """As it was, ages of 50 to 80 were read in the scale of 20 to 80."""
    terms: dict[str, Any] = {"mse": {"weight": 1.0}}
    if pull:
        terms["elastic_penalty"] = {"alpha": 0.01, "beta": 0.01}
    child = toys.stage("s2", subjects="old", parent="s1", objective=terms, **STILL)
    train(toys.stage("s1"), child, data=data)
    report = read(tmp_path / "out/s2", "load_report.json")
    assert report["heads"]["age"].startswith("rescaled: targets had mean ")
    before = {row["image"]: float(row["prediction"]) for row in table(tmp_path / "out/s1")}
    after = {row["image"]: float(row["prediction"]) for row in table(tmp_path / "out/s2")}
    shared = sorted(before.keys() & after.keys())
    assert len(shared) > 4
    # One step moves batch normalisation a little; the scale alone was worth years.
    assert np.mean([abs(after[image] - before[image]) for image in shared]) < 2.5
    if pull:
        rows = (tmp_path / "out/s2/history.csv").read_text().splitlines()
        penalty = float(rows[1].split(",")[rows[0].split(",").index("elastic_penalty")])
        assert penalty == pytest.approx(0.0, abs=1e-6)


def given(folder: Path, weights: Path, *, contract: bool) -> Path:
    """A user's file of weights, with or without its contract beside it."""
    folder.mkdir()
    shutil.copy(weights / "weights.safetensors", folder / "mine.safetensors")
    if contract:
        shutil.copy(weights / "contract.json", folder / "contract.json")
    return folder / "mine.safetensors"


@pytest.mark.parametrize("contract", [True, False])
def test_heads_of_a_file_are_taken_over_by_its_contract_alone(
    train: Train, tmp_path: Path, contract: bool
) -> None:
    train(toys.stage("s1"))
    file = given(tmp_path / "mine", tmp_path / "out/s1", contract=contract)
    train(toys.stage("s2", weights=str(file)))
    report = read(tmp_path / "out/s2", "load_report.json")
    assert report["source"] == "mine.safetensors"
    assert report["share_of_encoder"] == 1.0
    if contract:
        assert report["heads"] == {"age": "taken over"}
        assert report["preprocessing"] == []
    else:
        said = "new: the weights came without a contract.json that says what their outputs stand for"
        assert report["heads"] == {"age": said}
        assert report["preprocessing"] is None


def test_a_contract_that_is_staged_elsewhere_is_found(train: Train, toy_data: Path, tmp_path: Path) -> None:
    train(toys.stage("s1"))
    staged = given(tmp_path / "1", tmp_path / "out/s1", contract=False)
    (tmp_path / "2").mkdir()
    shutil.copy(tmp_path / "out/s1/contract.json", tmp_path / "2/contract.json")
    files = {"some/mine.safetensors": str(staged), "some/contract.json": str(tmp_path / "2/contract.json")}
    pack = Pack("pack", "pretrain", 1, (toys.stage("s2", weights="some/mine.safetensors"),), files=files)
    folders = [toy_data / "caches", toy_data / "subjects", tmp_path / "parents", tmp_path / "out"]
    train_pack(pack, *folders, checkpoints=tmp_path / "checkpoints", accelerator="cpu")
    assert read(tmp_path / "out/s2", "load_report.json")["heads"] == {"age": "taken over"}


def test_less_than_was_asked_for_fails_and_what_is_loaded_is_told_by_layer(
    train: Train, tmp_path: Path
) -> None:
    """A plan refuses it; this is for networks whose own code fails there."""
    from safetensors.torch import load_file, save_file

    train(toys.stage("s1"))
    state = load_file(tmp_path / "out/s1/weights.safetensors")
    file = tmp_path / "part.safetensors"
    save_file({name: value for name, value in state.items() if "layer4" not in name}, file)
    asked = toys.stage("s2", weights=str(file), loading={"at_least": 0.9, "channels": None})
    assert train(asked, toys.stage("s3", weights=str(file)))["s2"] == "failed"
    reason = read(tmp_path / "out/s2")["reason"]
    assert "at_least asks for 90 %" in reason
    assert "layer4.0.conv1.weight: not in the file" in reason
    report = read(tmp_path / "out/s3", "load_report.json")
    shares = {one["layer"]: one["share"] for one in report["layers"]}
    assert shares == {"stem": 1, "layer1.0": 1, "layer2.0": 1, "layer3.0": 1, "layer4.0": 0, "heads": 0}


def other_spacing(data: Path) -> None:
    """A second cache of the same images, said to be of half the spacing; those of the first are of 1 mm."""
    for name, mm in (("cache", 1.0), ("fine", 0.5)):
        folder = data / f"caches/{name}-1of1"
        if name == "fine":
            shutil.copytree(data / "caches/cache-1of1", folder)
        contract = json.loads((folder / "contract.json").read_text())
        spacing = {key: [mm, mm] for key in ("minimum", "median", "maximum")}
        contract["observed"]["spacing"] = spacing
        (folder / "contract.json").write_text(json.dumps(contract))


def child_of(stage_id: str, **changes: Any) -> Stage:
    return toys.stage(stage_id, cache="fine", parent="s1", **changes)


def test_what_only_training_sees_is_reported_or_refused(train: Train, data: Path, tmp_path: Path) -> None:
    other_spacing(data)
    assert train(toys.stage("s1"), child_of("s2"), data=data) == {"s1": "done", "s2": "done"}
    (one,) = read(tmp_path / "out/s2", "load_report.json")["preprocessing"]
    assert one == {
        "dataset": "toys",
        "what": "spacing",
        "expected": "about 1×1 mm",
        "found": "0.5×0.5 mm (nothing is resampled)",
        "adapted": "",
    }
    folders = [data / "caches", data / "subjects", tmp_path / "parents"]
    options: dict[str, Any] = {"checkpoints": tmp_path / "checkpoints", "accelerator": "cpu"}
    strict = toys.pack(toys.stage("s1"), child_of("s2"), on_contract_mismatch="error")
    status = train_pack(strict, *folders, out=tmp_path / "strict", **options)
    assert status == {"s1": "done", "s2": "failed"}
    reason = read(tmp_path / "strict/s2")["reason"]
    assert "spacing: expected about 1×1 mm, found 0.5×0.5 mm" in reason
    assert "on_contract_mismatch: warn" in reason


def test_bins_stand_in_the_contract_and_others_are_a_new_head(train: Train, tmp_path: Path) -> None:
    def soft(low: float, high: float) -> dict[str, Any]:
        return {"soft_bins": {"weight": 1.0, "low": low, "high": high, "bins": 20, "sigma": 2.0}}

    train(
        toys.stage("s1", objective=soft(20.0, 80.0)),
        toys.stage("s2", objective=soft(20.0, 80.0), parent="s1"),
        toys.stage("s3", objective=soft(10.0, 90.0), parent="s1"),
    )
    contract = read(tmp_path / "out/s1", "contract.json")
    assert contract["bins"] == {"age": {"low": 20.0, "high": 80.0, "bins": 20}}
    heads = [read(tmp_path / f"out/{stage}", "load_report.json")["heads"]["age"] for stage in ("s2", "s3")]
    assert heads[0] == "taken over"
    assert heads[1] == "new: the outputs were 20 bins from 20 to 80, and are 20 bins from 10 to 90 here"
