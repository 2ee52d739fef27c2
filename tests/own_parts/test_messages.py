# ruff: noqa: E501 - messages are in one line each
"""What is wrong with a part is told once, with its file, its class and what was expected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from tlpy.cli import main


def plan(page: Path, **changes: Any) -> list[str]:
    """The errors of a plan of own.yaml with changes by dotted path."""
    params = yaml.safe_load((page / "own.yaml").read_text())
    for path, value in changes.items():
        target: Any = params
        *keys, last = path.split("__")
        for key in keys:
            target = target[int(key) if key.isdigit() else key]
        target[last] = value
    (page / "changed.yaml").write_text(yaml.safe_dump(params))
    told = CliRunner().invoke(main, ["plan", "changed.yaml"], catch_exceptions=False)
    assert "Traceback" not in told.output
    return [line.removeprefix("error: ") for line in told.output.splitlines() if line.startswith("error: ")]


BAD = """
from torch import nn
from tlpy.data.readers.base import Reader
from tlpy.objectives.base import Term
from tlpy.scenarios.sequential import SequentialScenario
from tlpy.data.augmentation.base import Transform

class NoForward(nn.Module):
    def __init__(self, channels, size): ...

class NoChannels(nn.Module):
    def __init__(self, size): ...
    def forward(self, images): ...

class NotATerm:
    def forward(self, step): ...

class Silent(Term):
    def __init__(self, heads, weight=1.0, margin=0.0): ...

class HalfTransform(Transform):
    def draw(self, random, count, size): ...

def function(x):
    return x
"""

READERS = """
from tlpy.data.readers.base import ImageRecord, Reader

class Nothing(Reader):
    pass

class Words(Reader):
    def records(self, labels, group, problems):
        return ["a", "b"]

class Twice(Reader):
    def records(self, labels, group, problems):
        return [ImageRecord("a", "a", "a", labels=dict.fromkeys(labels, "1")) for _ in range(2)]

class Buggy(Reader):
    def records(self, labels, group, problems):
        return self.tabel["x"]

class HalfSet:
    def __len__(self):
        return 3

class Alone:
    def __init__(self, root, labels): ...
    def __len__(self):
        return 3
    def __getitem__(self, index):
        return [[1.0, 2.0]]

class Neither:
    pass
"""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": "nets.TwoLayer"}, "architecture: nets.TwoLayer: own/nets.py has no 'TwoLayer' (did you mean 'TwoLayers'?)"),
        ({"architecture": "net.TwoLayers"}, "architecture: net.TwoLayers: there is no net.py in own (did you mean 'nets'?)"),
        ({"architecture": {"name": "nets.TwoLayers", "widht": 3}}, "architecture.widht: nets.TwoLayers (own/nets.py, line 4) takes no 'widht' (did you mean 'width'?)"),
        ({"architecture": "bad.NoForward"}, "architecture: bad.NoForward (own/bad.py, line 8) lacks forward(images) (expected a torch.nn.Module"),
        ({"architecture": "bad.NoChannels"}, "architecture: bad.NoChannels (own/bad.py, line 11) does not take 'channels'"),
        ({"architecture": "broken.Net"}, "architecture: broken.Net: own/broken.py, line 1: "),
        ({"stages__1__objective": {"bad.NotATerm": 1}}, "stages[1].objective: bad.NotATerm (own/bad.py, line 15) is no subclass of tlpy.objectives.base.Term"),
        ({"stages__1__objective": {"bad.Silent": 1}}, "lacks forward(step) (expected a tlpy.objectives.base.Term whose forward(step) returns one number)"),
        ({"stages__0__scenario": "bad.NoForward"}, "stages[0].scenario: bad.NoForward"),
        ({"stages__0__augmentation": "bad.HalfTransform"}, "augmentation: bad.HalfTransform (own/bad.py, line 21) lacks apply(images, values, background)"),
        ({"stages__0__augmentation": {"name": "tricks.Dim", "least": 2}}, "stages[0].augmentation.least: expected a number from 0 to 1, found 2"),
        ({"stages__0__datamodule": {"name": "blocks.Window", "hihg": 2}}, "stages[0].datamodule.hihg: blocks.Window (own/blocks.py, line 11) takes no 'hihg' (did you mean 'high'?)"),
        ({"stages__0__datamodule": {"name": "blocks.Window", "low": 2}}, "stages[0].datamodule: low (2) must be below high (1)"),
        ({"datamodule": "bad.function"}, "datamodule: bad.function (own/bad.py, line 24) is a function (expected a subclass of tlpy.data.module.BaseDataModule)"),
        ({"datasets__clinic__reader": "bad_readers.Nothing"}, "datasets.clinic.reader: bad_readers.Nothing (own/bad_readers.py, line 4) lacks records(labels, group, problems)"),
        ({"datasets__clinic__reader": "bad_readers.HalfSet"}, "lacks __getitem__(index) (expected a data set with __len__() and __getitem__(index) -> (image, [labels]))"),
        ({"datasets__clinic__reader": "bad_readers.Neither"}, "is neither a reader nor a data set"),
        ({"datasets__clinic__reader": "bad_readers.Words"}, "clinic: bad_readers.Words (bad_readers.py).records gave a list with 'a' (expected a list of ImageRecord)"),
        ({"datasets__clinic__reader": "bad_readers.Twice"}, "clinic: bad_readers.Twice (bad_readers.py).records gave twice the id 'a'"),
        ({"datasets__clinic__reader": "bad_readers.Buggy"}, "bad_readers.Buggy (bad_readers.py).records failed: AttributeError: 'Buggy' object has no attribute 'tabel' (bad_readers.py, line 17)"),
        ({"datasets__clinic__reader": "bad_readers.Alone"}, "gave a list of 1 (expected (image, [labels])"),
        ({"components": "nowhere"}, "components: nowhere is no folder"),
    ],
)  # fmt: skip
def test_a_fault_is_told_before_anything_runs(page: Path, changes: dict[str, Any], said: str) -> None:
    (page / "own/bad.py").write_text(BAD)
    (page / "own/bad_readers.py").write_text(READERS)
    (page / "own/broken.py").write_text("class Net(:\n")
    errors = plan(page, **changes)
    assert any(said in line for line in errors), errors
    assert len([line for line in errors if said in line]) == 1


def test_a_file_that_hides_a_module_of_python_is_told(page: Path) -> None:
    (page / "own/random.py").write_text("")
    errors = plan(page)
    assert errors == ["components: own/random.py hides the module 'random' from Python (rename the file)"]


def test_a_class_path_without_a_folder_says_how_to_give_one(page: Path) -> None:
    params = yaml.safe_load((page / "own.yaml").read_text())
    del params["components"]
    (page / "bare.yaml").write_text(yaml.safe_dump(params))
    told = CliRunner().invoke(main, ["plan", "bare.yaml"]).output
    assert (
        "architecture: nets.TwoLayers: there is no module 'nets' (give the folder of the module by `components:`)"
        in told
    )


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("nets", "return super().forward(images).mean(2)|return super().forward(images)", "nets.TwoLayers: an encoder returns (batch, features), for 2 images expected (2, n), found (2, 8, 20)"),
        ("confident", "for outputs in step.outputs.values()]).mean()|for outputs in step.outputs.values()]).expand(3)", "confident.Confident: expected one number per step, found (3,)"),
    ],
)  # fmt: skip
def test_a_wrong_shape_is_told_at_the_stages_start(page: Path, name: str, code: str, said: str) -> None:
    file, (old, new) = page / f"own/{name}.py", code.split("|")
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    words = ["train", "own.yaml", "--variant", "pretrain → finetune", "--threads", "1"]
    told = CliRunner().invoke(main, words, catch_exceptions=False)
    assert told.exit_code == 1
    assert said in told.output
