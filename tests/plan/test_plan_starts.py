"""Weights trained on images prepared in another way: warned of, refused, or adapted to and said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tlpy.architectures.build import build
from tlpy.errors import InputError
from tlpy.params.schema import Schema
from tlpy.plan.documents import inferred, tasks_of
from tlpy.plan.planner import Planned, Planner
from tlpy.store import Store
from tlpy.weights.save import save_weights

START = "stage 'finetune' takes over weights from 'pretrain', trained on images prepared in another way: "

# A network that leaves more than a voxel of images this small.
SHALLOW = {"name": "sfcn", "filters": [4, 8]}


def plan(params: dict[str, Any], roots: dict[str, Path] | None = None) -> Planned:
    return Planner({"architecture": SHALLOW, **params}, Schema.read(), roots or {}).plan()


def weights_of(made: Planned) -> list[tuple[str, str]]:
    return [(item.value, item.why) for item in inferred(made) if item.what == "stage finetune weights"]


def with_size(params: dict[str, Any]) -> None:
    params["datasets"]["target"]["preprocessing"] = {"normalise": "minmax", "size": [14, 14]}


def test_every_difference_is_one_warning(params: dict[str, Any]) -> None:
    with_size(params)
    params["search"] = {"space": {"finetune.lr": [0.1, 0.01]}}
    assert plan(params).warnings == [
        f"{START}size: expected 12×10, found 14×14; preprocessing.normalise: expected zscore, found minmax; "
        "say the same preprocessing in both where it can be"
    ]


def test_it_can_be_refused(params: dict[str, Any]) -> None:
    with_size(params)
    params["on_contract_mismatch"] = "error"
    with pytest.raises(InputError, match="size: expected 12×10, found 14×14") as raised:
        plan(params)
    assert [problem.where for problem in raised.value.problems] == ["datasets.target"]
    params["datasets"]["source"]["preprocessing"] = params["datasets"]["target"]["preprocessing"]
    made = plan(params)
    assert made.execution.on_contract_mismatch == "error"
    assert made.warnings == []


def test_it_is_no_part_of_an_id(params: dict[str, Any]) -> None:
    made = plan(params)
    params["on_contract_mismatch"] = "error"
    assert plan(params).stages.keys() == made.stages.keys()


def test_channels_are_adapted_to_and_said_to_be(params: dict[str, Any], make_table: Any) -> None:
    for name, first, count in (("source", 200, 1), ("target", 300, 3)):
        path = str(make_table(f"{name}-volumes", first=first, shape=(12, 10, 8)))
        params["datasets"][name] |= {
            "path": path,
            "preprocessing": {"slice": {"plane": "axial", "count": count}},
        }
    params["on_contract_mismatch"] = "error"
    made = plan(params)
    assert made.warnings == []
    ((how, why),) = weights_of(made)
    assert how == "the first convolution is fitted to them"
    assert why.startswith("from 'pretrain': channels 1 to 3, preprocessing.slice plane=axial")


def test_an_axis_more_is_inflated_to_and_said_to_be(params: dict[str, Any], make_table: Any) -> None:
    path = str(make_table("volumes", first=200, shape=(12, 10, 8)))
    params["datasets"]["target"]["path"] = path
    params["on_contract_mismatch"] = "error"
    made = plan(params)
    assert made.warnings == []
    assert weights_of(made) == [
        (
            "convolutions are inflated from 2D to 3D",
            "from 'pretrain': dims 2 to 3, size 12×10 to 12×10×8",
        )
    ]


def contract_of(**changes: Any) -> dict[str, Any]:
    images = {
        "format": 1,
        "dims": 2,
        "channels": 1,
        "size": [12, 10],
        "axes": None,
        "preprocessing": {
            "orient": "RAS",
            "spacing": None,
            "size": None,
            "normalise": "zscore",
            "slice": None,
        },
        "observed": {"images": 1, "spacing": None, "intensity": None},
    }
    return {
        "format": 1,
        "images": images | changes,
        "datamodule": {"name": "base"},
        "tasks": [],
        "targets": {},
    }


@pytest.fixture
def from_file(params: dict[str, Any], tmp_path: Path) -> Path:
    """Params whose only stage starts from a file; the file."""
    file = tmp_path / "mine" / "w.safetensors"
    file.parent.mkdir()
    save_weights(build(SHALLOW, 1, (12, 10), {}), file)
    params["stages"] = [{"name": "finetune", "dataset": "target", "weights": str(file), "epochs": 1}]
    del params["datasets"]["source"]
    return file


def test_a_file_with_a_contract_is_compared(params: dict[str, Any], from_file: Path) -> None:
    beside = from_file.parent / "contract.json"
    beside.write_text(json.dumps(contract_of()))
    made = plan(params)
    assert weights_of(made) == made.warnings == []
    (pack,) = [task for task in tasks_of(made).packs if task.weights]
    assert pack.weights == (str(beside), str(from_file))
    beside.write_text(json.dumps(contract_of(size=[64, 64])))
    other = plan(params)
    assert other.warnings == [
        f"stage 'finetune' takes over weights from {from_file}, trained on images prepared in another way: "
        "size: expected 64×64, found 12×10; say the same preprocessing in both where it can be"
    ]
    # What a contract says decides about heads: it is part of what a stage is.
    changed = [made.stages.keys() - other.stages.keys(), other.stages.keys() - made.stages.keys()]
    assert [len(ids) for ids in changed] == [1, 1]


def test_a_file_without_a_contract_is_said_to_be_one(params: dict[str, Any], from_file: Path) -> None:
    params["on_contract_mismatch"] = "error"
    made = plan(params)
    why = f"{from_file} came without a contract.json: its images and heads can't be compared"
    assert weights_of(made) == [("of the encoder only", why)]
    (pack,) = [task for task in tasks_of(made).packs if task.weights]
    assert pack.weights == (str(from_file),)


def test_a_contract_that_is_none_is_told(params: dict[str, Any], from_file: Path) -> None:
    (from_file.parent / "contract.json").write_text("{")
    with pytest.raises(InputError, match=r"contract\.json: can't be read"):
        plan(params)
    (from_file.parent / "contract.json").write_text('{"abi": []}')
    assert weights_of(plan(params))[0][0] == "of the encoder only"


def test_a_contract_is_found_where_it_was_staged(
    params: dict[str, Any], from_file: Path, tmp_path: Path
) -> None:
    for place in ("1", "2"):
        (tmp_path / place).mkdir()
    staged = shutil.move(from_file, tmp_path / "1")
    (tmp_path / "2" / "contract.json").write_text(json.dumps(contract_of(channels=3)))
    roots = {
        str(from_file): Path(staged),
        str(from_file.parent / "contract.json"): tmp_path / "2/contract.json",
    }
    assert weights_of(plan(params, roots)) == [
        ("the first convolution is fitted to them", f"from {from_file}: channels 3 to 1")
    ]


def test_what_a_finished_training_saw_is_refused_too(params: dict[str, Any], tmp_path: Path) -> None:
    store = tmp_path / "store"

    def made() -> Planned:
        return Planner(params, Schema.read(), {}, store=store).plan()

    last = next(stage for stage in made().stages.values() if stage.parent)
    folder = tmp_path / last.id
    folder.mkdir()
    (folder / "metrics.json").write_text('{"status": "done"}')
    seen = {
        "dataset": "target",
        "what": "spacing",
        "expected": "about 1×1 mm",
        "found": "3×3 mm",
        "adapted": "",
    }
    (folder / "load_report.json").write_text(json.dumps({"source": "x", "preprocessing": [seen]}))
    Store(store).keep("stages", last.id, folder)
    assert made().stages[last.id].stored
    params["on_contract_mismatch"] = "error"
    with pytest.raises(InputError, match="spacing: expected about 1×1 mm, found 3×3 mm"):
        made()
