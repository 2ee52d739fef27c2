"""Params, and the records made of them, name components alone: nothing else is imported, nothing called."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlpy.architectures.registry import ARCHITECTURES
from tlpy.components.ancestry import ancestors, definition
from tlpy.components.registry import Registry
from tlpy.components.sources import sources
from tlpy.data.augmentation.registry import AUGMENTATIONS, complete_augmentation
from tlpy.data.modules.registry import DATAMODULES
from tlpy.data.readers.registry import READERS
from tlpy.errors import InputError
from tlpy.objectives.registry import TERMS
from tlpy.optimizers.registry import OPTIMIZERS, SCHEDULES
from tlpy.scenarios.registry import SCENARIOS
from tlpy.search.registry import SEARCH_METHODS
from tlpy.transfer.registry import TRANSFERS

KINDS: dict[str, Registry[Any]] = {
    kind.kind: kind
    for kind in (
        *(ARCHITECTURES, TRANSFERS, TERMS, OPTIMIZERS, SCHEDULES, READERS, AUGMENTATIONS, DATAMODULES),
        *(SCENARIOS, SEARCH_METHODS),
    )
}

# Not of the kind, whichever that is.
FOREIGN = [
    "os.system",
    "posix.system",
    "subprocess.Popen",
    "subprocess.getoutput",
    "builtins.eval",
    "builtins.exec",
    "runpy.run_path",
    "shelve.DbfilenameShelf",
    "antigravity.geohash",
    "__main__.anything",
    "importlib.import_module",
    "torch.hub.load",
    "torch.load",
    "torch.utils.cpp_extension.load_inline",
    "torch.serialization.load",
    "torch._C.Generator",
    "numpy.load",
    "numpy.lib.npyio.DataSource",
    "lightning.pytorch.Trainer",
    "monai.bundle.run",
    "tlpy.files.os.system",
    "tlpy.components.loading.load_object",
    "tlpy.components.loading.import_module",
    "tlpy.scenarios.processes.subprocess.Popen",
    "tlpy.store.Store",
    "click.Command",
    "trap.function",
    "trap.Other",
    "trap.made",
    "trap.Hidden",
    "trap.os.system",
    "trap.system",
    "../../trap.Other",
    "..trap.Other",
    "trap .Other",
    "trap.",
    ".trap",
    ".",
    "a..b",
    "tr\0ap.Other",
]

TRAP = """
from os import system
import pathlib
from somewhere_compiled import *
pathlib.Path(__file__).with_name("imported").touch()

class Other:
    def __init__(self, *given, **more):
        pathlib.Path(__file__).with_name("called").touch()

def function(*given, **more):
    pathlib.Path(__file__).with_name("called").touch()

made = Other
"""

PACKAGE = """
import torch as t
from torch import nn
from tlpy.data.augmentation.base import *
from .parts import *

class Brighter(Transform):
    def draw(self, random, count, size):
        return {}
    def apply(self, images, values, background):
        return images + 1

class Net(nn.Sequential):
    def __init__(self, channels, size, width: int = 4):
        super().__init__(nn.Flatten(), nn.Linear(channels * size[0] * size[1], width))
    def forward(self, images):
        return super().forward(images)

class Slow(Base):
    def __init__(self, parameters, lr=0.1):
        super().__init__(parameters, {"lr": lr})
    def step(self, closure=None):
        return None
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages on Python's path, with a trap: it tells when it is imported or called."""
    folder = tmp_path / "site"
    (folder / "fine").mkdir(parents=True)
    (folder / "trap.py").write_text(TRAP)
    (folder / "fine/__init__.py").write_text(PACKAGE)
    (folder / "fine/parts.py").write_text("from torch.optim import Optimizer as Base\n")
    monkeypatch.syspath_prepend(folder)
    for name in ("trap", "fine", "fine.parts"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder


def refused(attempt: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        attempt()
    return str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_component_is_neither_imported_nor_called(
    kind: str, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = KINDS[kind]
    called: list[str] = []
    monkeypatch.setattr("os.system", called.append)
    monkeypatch.setattr("subprocess.Popen", called.append)
    before = set(sys.modules)
    for name in FOREIGN:
        record = {"name": name, "command": "touch called"}
        for attempt in (registry.complete, registry.make):
            assert refused(lambda: attempt(record, where="here")).startswith("here: "), name  # noqa: B023
        refused(lambda: registry.load(name))  # noqa: B023
        refused(lambda: registry.admit(name))  # noqa: B023
    assert not called
    assert sorted(site.glob("[ic]*")) == []
    assert {name.partition(".")[0] for name in set(sys.modules) - before} <= {"trap"} - {"trap"}


@pytest.mark.usefixtures("site")
def test_what_is_told_says_what_to_do() -> None:
    wrapped = r" \(wrap it in a class of your own, in the folder of `components:`\)"
    for name, said in (
        ("os.system", "os.system is of Python's standard library, and is no subclass of tlpy.architectures"),
        ("trap.system", "trap.system is os.system of Python's standard library"),
        ("torch.hub.load", "is a function of torch: functions are taken from `components:` alone"),
        ("trap.Other", "trap.Other is not a subclass of tlpy.architectures.family.Family or torch.nn.Module"),
        ("trap.Hidden", "is nothing that its source shows to be a class, and it is not run to find out"),
    ):
        told = refused(lambda: ARCHITECTURES.complete(name, "architecture"))  # noqa: B023
        assert said in told
        with pytest.raises(InputError, match=wrapped):
            ARCHITECTURES.complete(name, "architecture")


@pytest.mark.usefixtures("site")
def test_a_class_of_the_kind_may_come_from_any_package() -> None:
    assert AUGMENTATIONS.complete("fine.Brighter", "a")["name"] == "fine.Brighter"
    assert AUGMENTATIONS.make({"name": "fine.Brighter", "p": 1}).p == 1
    assert ARCHITECTURES.complete("fine.Net", "a") == {"name": "fine.Net", "width": 4}
    assert len(ARCHITECTURES.make({"name": "fine.Net"}, channels=1, size=(2, 2))) == 2
    assert OPTIMIZERS.complete("fine.Slow", "o")["name"] == "fine.Slow"
    # One kind's class is not another's.
    for registry in (AUGMENTATIONS, OPTIMIZERS, TERMS, READERS, SCENARIOS):
        assert "is not a subclass of" in refused(lambda: registry.load("fine.Net"))  # noqa: B023
    for name in ("ASGD", "Rprop", "Adam", "LBFGS"):
        assert OPTIMIZERS.load(f"torch.optim.{name}").__name__ == name
    for name in ("StepLR", "CosineAnnealingLR", "ReduceLROnPlateau", "LambdaLR", "OneCycleLR"):
        assert SCHEDULES.load(f"torch.optim.lr_scheduler.{name}").__name__ == name
    assert SCHEDULES.load("tlpy.optimizers.schedules.cosine").__name__ == "cosine"
    assert ARCHITECTURES.load("monai.networks.nets.DenseNet121").__name__ == "DenseNet121"


@pytest.mark.parametrize("kind", KINDS)
def test_every_registered_name_is_of_its_kind(kind: str) -> None:
    """So that one's own subclass of ours, and ours by its class path, are admitted too."""
    registry = KINDS[kind]
    for name in registry.names():
        registry.load(name)
        registry.admit(registry.path(name))


def test_the_own_folder_is_trusted_but_for_what_it_takes_from_python(
    tmp_path: Path, use_components: Callable[[Path], None]
) -> None:
    (tmp_path / "mine.py").write_text(
        "from functools import partial\n"
        "from os import system\n"
        "import subprocess\n"
        "from torch.optim import Adam\n"
        "from torch.hub import load\n"
        "from torch.optim.lr_scheduler import ExponentialLR\n"
        "Popen = subprocess.Popen\n"
        "run = subprocess.getoutput\n"
        "halve = partial(ExponentialLR, gamma=0.5)\n"
        "def factory(parameters, lr): return Adam(parameters, lr)\n"
    )
    use_components(tmp_path)
    for name in ("Adam", "factory"):
        assert callable(OPTIMIZERS.load(f"mine.{name}"))
    assert callable(SCHEDULES.load("mine.halve"))
    assert SCHEDULES.complete("mine.halve", "s") == {"name": "mine.halve"}
    for name in ("system", "Popen", "run", "load", "subprocess.Popen"):
        refused(lambda: OPTIMIZERS.load(f"mine.{name}"))  # noqa: B023
    for name in ("system", "load"):
        refused(lambda: OPTIMIZERS.complete(f"mine.{name}", "o"))  # noqa: B023


def test_data_in_the_current_folder_is_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task has the current folder on Python's path, and a data set in it."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/scans.py").write_text(
        "from tlpy.data.readers.base import Reader\n"
        "class Scans(Reader):\n    def records(self, labels, group, problems): ...\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for attempt in (READERS.load, READERS.admit, READERS.complete):
        more = {"where": "r"} if attempt == READERS.complete else {}
        assert "data.scans.Scans" in refused(lambda: attempt("data.scans.Scans", **more))  # noqa: B023
    assert "data" not in sys.modules


def test_definitions_are_found_through_imports_and_stars() -> None:
    assert definition(sources.tree, "torch.nn.Module").path == "torch.nn.modules.module.Module"
    assert definition(sources.tree, "torch.optim.Optimizer").path == "torch.optim.optimizer.Optimizer"
    assert definition(sources.tree, "os.system").node is None
    assert "torch.nn.modules.module.Module" in ancestors(sources.tree, "torch.nn.Sequential")
    assert "torch.nn.modules.module.Module" in ancestors(sources.tree, "monai.networks.nets.UNet")
    assert definition(sources.tree, "nowhere.to.be.Found").node is None


@pytest.mark.parametrize(
    "value",
    [
        [[{"name": "os.system", "command": "x"}]],
        [[["name", "os.system"], ["command", "x"]]],
        [["flip"]],
        [["flip", "noise"]],
        [[]],
        [None],
        [{"name": None}],
        [{"name": ["flip"]}],
        {"name": {"name": "flip"}},
        {"p": 1},
        {},
        3,
        "",
    ],
)
def test_a_list_of_augmentations_holds_names_and_maps_alone(value: Any) -> None:
    """A list within the list is refused: in a search space the outer list is that of the values tried."""
    told = refused(lambda: complete_augmentation(value, "augmentation"))
    assert told.startswith("augmentation")
    assert "expected a name, or a map with a name" in told or "unknown augmentation ''" in told


def test_the_components_folder_is_known_to_a_task(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def factory(parameters, lr): ...\n")
    code = "from tlpy.optimizers.registry import OPTIMIZERS; OPTIMIZERS.load('mine.factory')"
    root = Path(__file__).parents[1]
    for variable, code_expected in (("TLPY_COMPONENTS", 0), ("OTHER", 1)):
        environment = {"PYTHONPATH": f"{root}:{tmp_path}", variable: str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert done.returncode == code_expected, done.stderr
