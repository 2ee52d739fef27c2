"""Plans on vectors: what fits them, what is told before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plan.documents import inferred
from tlpy.plan.planner import Planned, Planner


def write(path: Path, features: list[str], people: int = 40, seed: int = 0) -> dict[str, Any]:
    """A CSV of subjects × features with age and sex; gives the data set."""
    random = np.random.default_rng(seed)
    lines = [",".join(["id", "age", "sex", *features])]
    for person in range(people):
        values = ",".join(f"{value:.4f}" for value in random.normal(size=len(features)))
        lines.append(f"s{seed}p{person:02d},{20.5 + person},{'FM'[person % 2]},{values}")
    path.write_text("\n".join(lines) + "\n")
    reader = {"name": "vectors", "without": ["age", "sex"]}
    return {"reader": reader, "path": str(path), "label": "age"}


@pytest.fixture
def idps(tmp_path: Path) -> dict[str, Any]:
    return write(tmp_path / "idps.csv", ["thick", "area", "volume"])


def plan(datasets: dict[str, Any], stages: list[dict[str, Any]] | None = None, **params: Any) -> Planned:
    stages = stages or [{"dataset": name, "epochs": 1} for name in datasets]
    given = {"outdir": "results", "datasets": datasets, "stages": stages, "architecture": "mlp", **params}
    return Planner(given, Schema.read(), {}).plan()


def problems(*args: Any, **params: Any) -> str:
    with pytest.raises(InputError) as caught:
        plan(*args, **params)
    return str(caught.value)


def test_a_chain_on_vectors_is_planned(idps: dict[str, Any]) -> None:
    made = plan(
        {"age": idps, "sex": {**idps, "label": "sex"}},
        search={"space": {"finetune.transfer": ["full", "head", {"name": "freeze", "blocks": [1, 1]}]}},
    )
    assert len(made.caches) == 1
    assert {(data.channels, data.size) for data in made.datasets.values()} == {(1, (3,))}
    (cache,) = made.caches.values()
    assert cache.request["preprocessing"]["normalise"] == "zscore_features"
    assert cache.request["preprocessing"]["orient"] is None
    said = {item.what: item.value for item in inferred(made)}
    assert said["datasets.age input"] == "3 features"
    assert said["datasets.age"].endswith("idps.csv: 3 columns are features, thick to volume")
    assert all(stage.architecture["dims"] == 1 for stage in made.stages.values())


def test_images_and_vectors_have_networks_of_their_own(idps: dict[str, Any], params: dict[str, Any]) -> None:
    text = problems({"age": idps}, architecture="resnet18")
    assert "resnet18 is for images, these are vectors, whose features have no neighbours (use mlp)" in text
    text = problems(params["datasets"], params["stages"])
    assert "mlp is for vectors (features of subjects), these are images of 12×10 (use resnet10, " in text


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"slice": "axial"}, "preprocessing.slice: means nothing for vectors"),
        ({"size": 3}, "preprocessing.size: means nothing"),
        ({"spacing": 2}, "preprocessing.spacing: means nothing"),
        ({"orient": "RAS"}, "preprocessing.orient: means nothing"),
        ({"window": 3}, "preprocessing.window: means nothing"),
        ({"normalise": "minmax"}, "preprocessing.normalise: is 'minmax', which is for images"),
    ],
)
def test_preprocessing_of_images_is_refused(idps: dict[str, Any], settings: dict, said: str) -> None:
    assert said in problems({"age": {**idps, "preprocessing": settings}})


def test_what_changes_images_is_refused_all_at_once(idps: dict[str, Any]) -> None:
    stage = {
        "dataset": "age",
        "augmentation": ["flip", "noise"],
        "datamodule": {"name": "crop_center", "size": 2},
        "objective": {"mse": 1, "reconstruction": 1, "simclr": 0.1},
    }
    text = problems({"age": idps}, [stage], architecture="vit")
    assert "augmentation[0]: flip changes images; features of vectors have no neighbours (use noise)" in text
    assert "noise changes" not in text
    assert "datamodule: crop_center is for images" in text
    assert "objective.reconstruction: reconstruction is for images" in text
    assert "objective.simclr.augmentation: 'strong' is made of changes to images" in text
    assert "vit is for images" in text
    views = {"simclr": {"weight": 0.1, "augmentation": [{"name": "noise", "p": 1.0, "sd": 0.3}]}}
    plan({"age": idps}, [{"dataset": "age", "augmentation": "noise", "objective": {"mse": 1, **views}}])


def test_other_features_are_told_before_training(tmp_path: Path, idps: dict[str, Any]) -> None:
    fewer = write(tmp_path / "fewer.csv", ["thick", "area"], seed=1)
    turned = write(tmp_path / "turned.csv", ["area", "thick", "volume"], seed=2)
    others = write(tmp_path / "others.csv", ["thick", "area", "icv"], seed=3)
    text = problems({"all": idps, "fewer": fewer})
    assert "trained one after the other need the same features: 'all' has 3 and 'fewer' 2" in text
    text = problems({"all": idps, "turned": turned})
    assert "their features in another order: number 0 is 'thick' in 'all', 'area' in 'turned'" in text
    assert "other features: number 2" in problems({"all": idps, "others": others})
    text = problems({"all": idps, "others": others}, [{"dataset": ["all", "others"]}])
    assert "trained jointly have other features" in text
    stored = {**others, "preprocessing": {"normalise": "none"}}
    same = write(tmp_path / "same.csv", ["thick", "area", "volume"], seed=4)
    text = problems(
        {"all": idps, "same": {**same, "preprocessing": stored["preprocessing"]}},
        [{"dataset": ["all", "same"]}],
    )
    assert "are on two scales" in text


def test_vectors_and_images_are_not_mixed(idps: dict[str, Any], params: dict[str, Any]) -> None:
    sets = {"idps": idps, "pictures": params["datasets"]["source"]}
    assert "'idps' holds vectors and 'pictures' images" in problems(sets, [{"dataset": [*sets]}])


def test_a_missing_value_is_told_with_row_and_column(idps: dict[str, Any]) -> None:
    path = Path(idps["path"])
    lines = path.read_text().splitlines()
    lines[3] = ",".join([*lines[3].split(",")[:4], "", "1"])
    path.write_text("\n".join(lines) + "\n")
    text = problems({"age": idps})
    assert f"{path}: idps.csv#2: has no value in column 'area' (of 3 features)" in text
    made = plan({"age": idps}, on_bad_image="skip")
    assert len(made.datasets["age"].records) == 39
