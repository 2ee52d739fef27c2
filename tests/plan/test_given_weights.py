"""A user's files of weights, as a plan sees them: what is taken over is told, what is wrong refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tlpy.architectures.build import build
from tlpy.errors import InputError, Problem
from tlpy.params.schema import Schema
from tlpy.plan.documents import inferred
from tlpy.plan.planner import Planned, Planner
from tlpy.weights.save import save_weights

NETWORK = {"name": "sfcn", "filters": [4, 8]}


def plan(params: dict[str, Any]) -> Planned:
    return Planner({"architecture": NETWORK, **params}, Schema.read(), {}).plan()


def refused(params: dict[str, Any]) -> list[Problem]:
    with pytest.raises(InputError) as raised:
        plan(params)
    return raised.value.problems


def told(made: Planned, what: str) -> list[tuple[str, str]]:
    return [(item.value, item.why) for item in inferred(made) if item.what == what]


def network(**changes: Any) -> Any:
    torch.manual_seed(0)
    return build({**NETWORK, **changes}, 1, (12, 10), {"age": 1})


@pytest.fixture
def start(params: dict[str, Any], tmp_path: Path) -> Path:
    """Params whose one stage starts from a file of plain torch; the file."""
    file = tmp_path / "w.pth"
    torch.save(network().state_dict(), file)
    params["stages"] = [{"name": "finetune", "dataset": "target", "weights": str(file), "epochs": 1}]
    del params["datasets"]["source"]
    return file


def write_contract(folder: Path, **preprocessing: Any) -> None:
    settings = {"orient": "RAS", "spacing": None, "size": None, "normalise": "zscore", "slice": None}
    images = {"format": 1, "dims": 2, "channels": 1, "size": [14, 12], "axes": None}
    (folder / "contract.json").write_text(
        json.dumps(
            {
                "images": images | {"preprocessing": settings | preprocessing, "observed": {}},
                "datamodule": {"name": "base"},
                "tasks": [],
                "targets": {},
            }
        )
    )


def test_what_is_taken_over_is_in_the_plan(params: dict[str, Any], start: Path) -> None:
    made = plan(params)
    assert told(made, "stage finetune takes over") == [("100 % of the encoder's parameters", f"from {start}")]
    assert made.warnings == [
        f"stage 'finetune' starts from {start}, which came without a contract.json: how its images were "
        "prepared is not known, and heads start new"
    ]


def test_too_little_is_refused_and_what_lacks_is_named(params: dict[str, Any], start: Path) -> None:
    state = {name: value for name, value in network().encoder.state_dict().items() if "conv_0." in name}
    torch.save(state, start)
    params["stages"][0]["weights"] = {"file": str(start), "at_least": 0.9}
    (problem,) = refused(params)
    assert problem.where == "stages[0].weights"
    # conv_0: 4·9 + 4 and 2·4; conv_1: 4·8 + 8 and 2·8.
    assert f"{start}, sfcn of 12×10, 1 channel: fills 46 % of the encoder's" in problem.message
    assert "at_least asks for 90 %" in problem.message
    assert problem.hint.startswith("left at random: feature_extractor.conv_1.0.weight: not in the file")
    params["stages"][0]["weights"]["at_least"] = 0.4
    made = plan(params)
    ((share, why),) = told(made, "stage finetune takes over")
    assert share == "46 % of the encoder's parameters"
    assert "left at random: feature_extractor.conv_1 (100 %)" in why
    del params["stages"][0]["weights"]["at_least"]
    assert any("takes only 46 % of its encoder's parameters" in warning for warning in plan(params).warnings)


def test_a_share_that_is_asked_for_is_no_part_of_an_id_but_the_channels_are(
    params: dict[str, Any], start: Path
) -> None:
    ids = plan(params).stages.keys()
    params["stages"][0]["weights"] = {"file": str(start)}
    assert plan(params).stages.keys() == ids
    params["stages"][0]["weights"]["at_least"] = 0.9
    assert plan(params).stages.keys() == ids
    params["stages"][0]["weights"]["channels"] = "mean"
    assert plan(params).stages.keys() != ids


def wrong_files(folder: Path) -> dict[str, str]:
    """Files of all that goes wrong → what is said."""

    class Code:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (folder / "ran",))

    whole = network()
    torch.save({"w": torch.zeros(1), "more": Code()}, folder / "code.pt")
    save_weights(whole, folder / "cut.safetensors")
    (folder / "cut.safetensors").write_bytes((folder / "cut.safetensors").read_bytes()[:-8])
    torch.save(whole.state_dict(), folder / "cut.pt")
    (folder / "cut.pt").write_bytes((folder / "cut.pt").read_bytes()[:-300])
    torch.save({"epoch": 3, "lr": 0.1}, folder / "none.pt")
    torch.save({"generator": whole.state_dict(), "critic": whole.state_dict()}, folder / "two.pt")
    state = whole.state_dict()
    state["encoder.feature_extractor.conv_0.0.bias"][1] = float("nan")
    torch.save(state, folder / "nan.pt")
    torch.jit.script(torch.nn.Linear(2, 2)).save(folder / "script.pt")
    (folder / "lfs.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (folder / "page.pth").write_text("<!DOCTYPE html><title>404</title>")
    (folder / "keras.pt").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    return {
        "code.pt": "holds more than tensors, or is no torch file; nothing in it was run",
        "cut.safetensors": "is no safetensors file, or damaged",
        "cut.pt": "is no torch file, or damaged",
        "none.pt": "holds no tensors; its keys: epoch, lr",
        "two.pt": "holds several networks: generator, critic",
        "nan.pt": "NaN or infinite values in encoder.feature_extractor.conv_0.0.bias",
        "script.pt": "is a TorchScript archive, which holds code; nothing in it was run",
        "lfs.safetensors": "is a pointer of Git LFS",
        "page.pth": "is a web page, not weights",
        "keras.pt": "is an HDF5 file (Keras)",
        "absent.pt": "no such file of weights",
    }


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_all_wrong_files_are_told_at_once(params: dict[str, Any], start: Path, tmp_path: Path) -> None:
    expected = wrong_files(tmp_path)
    tried = [{"file": str(tmp_path / name)} for name in expected]
    params["search"] = {"space": {"finetune.weights": [str(start), *tried]}}
    problems = refused(params)
    assert {problem.where for problem in problems} == {"stages[0].weights"}
    messages = {problem.message.partition(": ")[0]: problem.message for problem in problems}
    assert len(problems) == len(messages) == len(expected)
    for name, said in expected.items():
        assert said in messages[str(tmp_path / name)]
    assert not (tmp_path / "ran").exists()


def test_another_architecture_and_other_widths_are_two_things(
    params: dict[str, Any], start: Path, tmp_path: Path
) -> None:
    start.unlink()
    torch.save(
        {"visual.proj.weight": torch.zeros(3, 3), "logit_scale": torch.zeros(1)}, tmp_path / "other.pt"
    )
    torch.save(network(filters=[6, 10]).state_dict(), tmp_path / "wide.pt")
    files = [str(tmp_path / name) for name in ("other.pt", "wide.pt")]
    params["search"] = {"space": {"finetune.weights": files}}
    other, wide = sorted(refused(params))
    assert f"{files[0]} does not fit sfcn: no weight of the file fits" in other.message
    assert "the file has logit_scale, visual.proj.weight" in other.hint
    assert f"{files[1]} does not fit sfcn" in wide.message
    assert "names are its own, shapes are not" in wide.message
    found = "feature_extractor.conv_0.0.weight: shape (6, 1, 3, 3) in the file, (4, 1, 3, 3) in the network"
    assert wide.hint == found


def test_images_are_prepared_as_the_contract_says(params: dict[str, Any], start: Path) -> None:
    write_contract(start.parent, normalise="minmax")
    assert any("expected minmax, found zscore" in warning for warning in plan(params).warnings)
    params["datasets"]["target"]["preprocessing"] = "contract"
    made = plan(params)
    assert made.warnings == []
    data = made.datasets["target"]
    assert data.size == (14, 12)
    assert data.wanted.request["preprocessing"]["normalise"] == "minmax"
    ((value, why),) = told(made, "datasets.target.preprocessing")
    assert "normalise=minmax" in value
    assert why == f"as the contract beside {start} says"
    # The same as if it had been written out: no other stages.
    params["datasets"]["target"]["preprocessing"] = {"normalise": "minmax", "size": [14, 12]}
    assert plan(params).stages.keys() == made.stages.keys()


def test_a_variant_from_scratch_gets_its_images_as_the_others(params: dict[str, Any], start: Path) -> None:
    write_contract(start.parent, normalise="minmax")
    params["datasets"]["target"]["preprocessing"] = "contract"
    params["stages"] = [{"name": "pretrain"}, {"name": "finetune", "dataset": "target", "epochs": 1}]
    params["search"] = {"space": {"pretrain": ["none", {"weights": str(start)}]}}
    made = plan(params)
    assert {stage.input.size for stage in made.stages.values()} == {(14, 12)}
    assert len(made.caches) == 1
    # One from scratch that wins runs by itself: its params have the settings, not the word.
    assert made.params["datasets"]["target"]["preprocessing"] == {
        "orient": "RAS",
        "normalise": "minmax",
        "size": [14, 12],
    }


def test_a_contract_that_is_not_there_is_told(params: dict[str, Any], start: Path, tmp_path: Path) -> None:
    params["datasets"]["target"]["preprocessing"] = "contract"
    (problem,) = refused(params)
    assert problem.where == "datasets.target.preprocessing"
    assert f"{start} came without a contract.json" in problem.message
    del params["stages"][0]["weights"]
    (problem,) = refused(params)
    assert "no stage starts from weights" in problem.message
    # Two that say two things, and a variant that starts from neither.
    files = []
    for name in ("zscore", "minmax"):
        (tmp_path / name).mkdir()
        save_weights(network(), tmp_path / name / "w.safetensors")
        write_contract(tmp_path / name, normalise=name)
        files.append(str(tmp_path / name / "w.safetensors"))
    params["stages"] = [{"name": "pretrain"}, {"name": "finetune", "dataset": "target", "epochs": 1}]
    params["search"] = {"space": {"pretrain": ["none", *({"weights": file} for file in files)]}}
    (problem,) = refused(params)
    assert f"those of {files[0]} and {files[1]} differ" in problem.message
    params["datasets"]["target"]["preprocessing"] = "contracts"
    del params["search"], params["stages"][0]
    (problem,) = refused(params)
    assert (problem.where, problem.hint) == ("datasets.target.preprocessing", "did you mean 'contract'?")


def test_an_own_network_is_loaded_on_paper_too(
    params: dict[str, Any], start: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/tiny_given.py").write_text(
        "from torch import nn\n\n\n"
        "class Tiny(nn.Module):\n"
        "    width = 4\n\n"
        "    def __init__(self, channels, size):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(channels, 4, 3)\n\n"
        "    def forward(self, images):\n"
        "        return self.conv(images).flatten(2).mean(2)\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "own")
    torch.save({"net.conv.weight": torch.zeros(4, 3, 3, 3)}, start)
    params |= {"architecture": "tiny_given.Tiny", "stages": [dict(params["stages"][0])]}
    made = Planner(params, Schema.read(), {}, components=tmp_path / "own").plan()
    ((share, why),) = told(made, "stage finetune takes over")
    assert share == "100 % of the encoder's parameters"
    assert "3 input channels to 1 (sum): conv.weight" in why
