"""Several data sets and labels at once, images without labels, and trainings without any label."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toys
from safetensors.torch import load_file
from toys import Train, read, results

from tlpy.data.dataset import JointDataset
from tlpy.data.sampling import EpochSampler, StreamSampler
from tlpy.records import Head, Source, Stage

AGE = Head("age", "regression")
SEX = Head("sex", "binary", ("F", "M"))
BOTH = {"multitask": {"weight": 1.0, "weights": {"age": 1.0, "sex": 1.0}, "terms": {
    "age": {"mse": {"weight": 1.0}},
    "sex": {"cross_entropy": {"weight": 1.0, "label_smoothing": 0.0, "class_weights": None}},
}}}  # fmt: skip
ALIKE = {
    "cross_entropy": {"weight": 1.0, "label_smoothing": 0.0, "class_weights": None},
    "coral": {"weight": 1.0},
}
JOINT = {"name": "joint", "mixing": "concatenate", "unlabelled_ratio": 0.0}


def source(subjects: str, *labels: str, cache: str = "cache", labelled: bool = True) -> Source:
    return Source(subjects, cache, subjects, labels, labelled)


def joint(stage_id: str, heads: list[Head], *sources: Source, **changes: Any) -> Stage:
    changes = {"scenario": JOINT, **changes}
    return toys.stage(stage_id, heads[0].label, heads=heads, sources=sources, **changes)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


Change = Callable[[dict[str, str]], dict[str, str]]


@pytest.fixture(scope="session")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two caches of 40 images; tables with both labels, without sexes, and with each label in one half."""
    root = tmp_path_factory.mktemp("joint")
    images, ages = toys.images_and_ages(40, (8, 8))
    toys.write_cache(root / "caches", images)
    toys.write_cache(root / "caches", images + 1.0, cache="other")
    toys.write_subjects(root / "subjects", ages)
    rows = table_tsv(root / "subjects/subjects.tsv")
    changes: dict[str, Change] = {
        "sexless": lambda row: {**row, "label:sex": ""},
        "halves": lambda row: {**row, "label:age" if int(row["image"][-1]) % 2 else "label:sex": ""},
        "blind": lambda row: row if row["split"] == "test" else {**row, "label:age": "", "label:sex": ""},
    }
    for name, change in changes.items():
        write_tsv(root / f"subjects/{name}.tsv", [change(row) for row in rows])
    return root


def table_tsv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def write_tsv(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def test_multitask_with_one_label_absent_is_the_single_task(train: Train, two: Path, tmp_path: Path) -> None:
    train(toys.stage("s1"), data=two)
    train(joint("s2", [AGE, SEX], source("sexless", "age", "sex"), objective=BOTH), data=two)
    one, both = (load_file(tmp_path / f"out/{stage}/weights.safetensors") for stage in ("s1", "s2"))
    assert set(both) - set(one) == {"heads.sex.weight", "heads.sex.bias"}
    assert all((one[name] == both[name]).all() for name in one)
    first, second = (table(tmp_path / f"out/{stage}/predictions.csv") for stage in ("s1", "s2"))
    assert [row["prediction"] for row in first] == [row["prediction"] for row in second]
    assert read(tmp_path / "out/s1")["metrics"] == read(tmp_path / "out/s2")["metrics"]


def test_each_label_is_learnt_and_scored_where_it_is_known(train: Train, two: Path, tmp_path: Path) -> None:
    stage = joint("s1", [AGE, SEX], source("halves", "age", "sex"), objective=BOTH, training__epochs=12)
    assert train(stage, data=two) == {"s1": "done"}
    metrics = read(tmp_path / "out/s1")
    by_label = metrics["metrics_by_label"]
    assert by_label["age"]["test"] == metrics["metrics"]["test"]
    assert by_label["age"]["test"]["r"] > 0.5
    assert by_label["sex"]["test"]["auroc"] > 0.8
    rows = table(tmp_path / "out/s1/predictions.csv")
    assert {row["label"] for row in rows} == {"age", "sex"}
    for row in rows:
        assert (int(row["image"][-1]) % 2 == 0) == (row["label"] == "age")
        assert bool(row["p:M"]) == (row["label"] == "sex")
    contract = read(tmp_path / "out/s1", "contract.json")
    assert [head["label"] for head in contract["tasks"]] == ["age", "sex"]


def test_data_sets_with_a_label_each_share_one_encoder(train: Train, two: Path, tmp_path: Path) -> None:
    sources = [source("subjects", "age"), source("halves", "sex", cache="other")]
    for mixing in ("concatenate", "balanced"):
        scenario = {**JOINT, "mixing": mixing}
        train(joint(mixing, [AGE, SEX], *sources, objective=BOTH, scenario=scenario), data=two)
        metrics = read(tmp_path / f"out/{mixing}")
        assert metrics["n"] == {"train": 48, "val": 16, "test": 16}
        assert metrics["metrics_by_label"]["sex"]["dataset"] == "halves"


def adapted(stage_id: str = "s1", ratio: float = 1.0, **changes: Any) -> dict[str, Any]:
    changes = {"scenario": {**JOINT, "unlabelled_ratio": ratio}, "objective": ALIKE, **changes}
    target = source("blind", "sex", cache="other", labelled=False)
    return joint(stage_id, [SEX], source("subjects", "sex"), target, **changes)


def test_the_target_of_an_adaptation_is_scored_and_never_learnt(
    train: Train, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()
    gather = JointDataset.__getitems__

    def watched(self: JointDataset, indices: Any) -> Any:
        if not self.targets:
            seen.update(self.subjects[index].image for index in indices)
        return gather(self, indices)

    monkeypatch.setattr(JointDataset, "__getitems__", watched)
    train(adapted(), data=two)
    rows = table_tsv(two / "subjects/blind.tsv")
    assert seen == {row["image"] for row in rows if row["split"] == "train"}
    metrics = read(tmp_path / "out/s1")
    assert metrics["n"] == {"train": 24, "val": 8, "test": 8, "unlabelled": 24, "target": 8}
    assert metrics["metrics"]["target"] == metrics["metrics_by_source"]["blind"]["sex"]["test"]
    assert 0 <= metrics["metrics"]["target"]["auroc"] <= 1
    splits = {row["split"] for row in table(tmp_path / "out/s1/predictions.csv")}
    assert splits == {"val", "test", "test:blind"}
    header = (tmp_path / "out/s1/history.csv").read_text().splitlines()[0]
    assert header.endswith("coral,cross_entropy")


def test_without_a_term_that_looks_at_them_images_without_labels_change_nothing(
    train: Train, two: Path, tmp_path: Path
) -> None:
    plain = {"cross_entropy": ALIKE["cross_entropy"]}
    train(toys.stage("s1", "sex"), adapted("s2", 0.0, objective=plain), data=two)
    one, two_ = results(tmp_path / "out/s1"), results(tmp_path / "out/s2")
    assert one["weights.safetensors"] == two_["weights.safetensors"]
    assert "target" in read(tmp_path / "out/s2")["metrics"]


OBJECTIVES = {
    "coral": {**ALIKE},
    "dann": {"cross_entropy": ALIKE["cross_entropy"], "dann": {"weight": 1.0, "hidden": 8, "gamma": 10.0}},
    "mean_teacher": {
        "cross_entropy": ALIKE["cross_entropy"],
        "mean_teacher": {"weight": 1.0, "ema": [0.9, 0.99], "ramp": 0.4, "augmentation": "weak"},
    },
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_continued_is_uninterrupted(
    train: Train, two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    stage = adapted("s1", 1.5, objective=OBJECTIVES[name], training__epochs=3)
    train(stage, out="whole", data=two)
    with toys.killed_in_third_epoch(monkeypatch):
        train(stage, out="killed", data=two)
    train(stage, out="continued", attempt=2, data=two)
    assert read(tmp_path / "continued/s1")["resumed_from_epoch"] == 2
    assert results(tmp_path / "continued/s1") == results(tmp_path / "whole/s1")


def selfsupervised(stage_id: str, **changes: Any) -> Stage:
    terms = {"simclr": {"weight": 1.0, "temperature": 0.5, "projection": 8, "augmentation": "weak"}}
    return toys.stage(stage_id, heads=(), objective=terms, metric="loss", **changes)


def test_weights_of_a_training_without_labels_feed_one_with_labels(train: Train, tmp_path: Path) -> None:
    status = train(selfsupervised("s1"), toys.stage("s2", "sex", parent="s1"))
    assert status == {"s1": "done", "s2": "done"}
    weights = load_file(tmp_path / "out/s1/weights.safetensors")
    assert all(name.startswith("encoder.") for name in weights)
    metrics = read(tmp_path / "out/s1")
    assert metrics["metrics"]["val"]["loss"] > 0
    assert metrics["metrics"]["test"]["loss"] > 0
    header, *rows = (tmp_path / "out/s1/history.csv").read_text().splitlines()
    assert header == "epoch,train_loss,val_loss,lr,simclr"
    best = min(float(row.split(",")[2]) for row in rows)
    assert metrics["metrics"]["val"]["loss"] == pytest.approx(best, rel=1e-4)
    assert "objective" in (tmp_path / "out/s1/learning_rates.csv").read_text()
    report = read(tmp_path / "out/s2", "load_report.json")
    assert list(report["new"]) == ["heads.sex.bias", "heads.sex.weight"]


def test_a_multilabel_head_is_scored_by_column(train: Train, two: Path, tmp_path: Path) -> None:
    rows = table_tsv(two / "subjects/subjects.tsv")
    for row in rows:
        age = float(row["label:age"])
        row |= {
            "label:old": str(int(age > 50)),
            "label:even": "" if row["image"].endswith("7") else str(int(age) % 2),
        }
    write_tsv(two / "subjects/findings.tsv", rows)
    head = Head("old+even", "multilabel", ("old", "even"))
    objective = {"cross_entropy": {"weight": 1.0, "label_smoothing": 0.0, "class_weights": None}}
    stage = joint(
        "s1",
        [head],
        source("findings", "old+even"),
        objective=objective,
        scenario={"name": "sequential"},
        metric="auroc",
    )
    assert train(stage, data=two) == {"s1": "done"}
    answers = table(tmp_path / "out/s1/predictions.csv")
    assert {row["label"] for row in answers} == {"old", "even"}
    assert not any(row["image"].endswith("7") for row in answers if row["label"] == "even")
    assert np.isfinite(read(tmp_path / "out/s1")["metrics"]["test"]["auroc"])


def test_a_stream_shows_every_image_as_often_and_goes_on_where_it_was() -> None:
    sampler = StreamSampler(7, seed=3, needed=5)
    drawn = []
    for epoch in range(7):
        sampler.set_epoch(epoch)
        drawn += list(sampler)
    assert len(drawn) == 35
    assert all(sorted(drawn[at : at + 7]) == list(range(7)) for at in range(0, 35, 7))
    assert drawn[:7] != drawn[7:14]
    again = StreamSampler(7, seed=3, needed=5)
    again.set_epoch(4)
    assert list(again) == drawn[20:25]


def test_balanced_data_sets_take_turns() -> None:
    of = np.array([0] * 9 + [1] * 3)
    drawn = list(EpochSampler(12, 0, "balanced", of.tolist()))
    assert len(drawn) == 18
    assert (of[drawn].reshape(9, 2) == [0, 1]).all()
    assert set(drawn) == set(range(12))


@pytest.mark.parametrize("where", ["alone", "within multitask"])
def test_soft_bins_are_decoded_to_years(train: Train, two: Path, tmp_path: Path, where: str) -> None:
    bins = {"soft_bins": {"weight": 1.0, "low": 20.0, "high": 80.0, "bins": 12, "sigma": 5.0}}
    if where == "alone":
        stage = toys.stage("s1", objective=bins)
    else:
        terms = {**BOTH["multitask"]["terms"], "age": bins}
        objective = {"multitask": {**BOTH["multitask"], "terms": terms}}
        stage = joint("s1", [AGE, SEX], source("subjects", "age", "sex"), objective=objective)
    assert train(stage, data=two) == {"s1": "done"}
    assert load_file(tmp_path / "out/s1/weights.safetensors")["heads.age.weight"].shape[0] == 12
    answers = [row for row in table(tmp_path / "out/s1/predictions.csv") if row["label"] == "age"]
    assert all(22.5 <= float(row["prediction"]) <= 77.5 for row in answers)


def test_an_own_scenario_by_class_path(
    train: Train, two: Path, tmp_path: Path, use_components: Callable[[Path], None]
) -> None:
    (tmp_path / "own_scenario.py").write_text(
        "from tlpy.scenarios.joint import JointScenario\n"
        "class Halved(JointScenario):\n"
        "    def __init__(self, *given, factor):\n"
        "        super().__init__(*given)\n"
        "        self.factor = factor\n"
        "    def training_step(self, batch, batch_idx):\n"
        "        return self.factor * super().training_step(batch, batch_idx)\n"
        "class Other: ...\n"
    )
    use_components(tmp_path)
    own = {"name": "own_scenario.Halved", "factor": 0.5}
    stages = [
        adapted("s1", scenario=own),
        adapted("s2", scenario={"name": "own_scenario.Other"}),
        adapted("s3", scenario={"name": "own_scenario.Halved"}),
    ]
    assert train(*stages, data=two) == {"s1": "done", "s2": "failed", "s3": "failed"}
    assert read(tmp_path / "out/s1")["n"]["unlabelled"] == 24
    assert "is not a subclass of tlpy.scenarios.sequential" in read(tmp_path / "out/s2")["reason"]
    assert "factor" in read(tmp_path / "out/s3")["reason"]


def test_an_image_of_unknown_class_is_not_repeated() -> None:
    classes = [0] * 6 + [1] * 2 + [-1] * 3
    drawn = list(EpochSampler(11, 0, "oversample", classes))
    assert len(drawn) == 15
    assert sorted(index for index in drawn if classes[index] < 0) == [8, 9, 10]
