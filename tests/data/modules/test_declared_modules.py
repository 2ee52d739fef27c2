"""A data module is declared by its class, ours and own ones alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tlpy.components.sources import sources
from tlpy.data.modules.registry import DATAMODULES, augmentations_of, complete_datamodule, input_size
from tlpy.errors import InputError
from tlpy.objectives.checks import check_fit

OWN = """
from tlpy.components.rules import Percent
from tlpy.data.module import BaseDataModule
from tlpy.data.modules.bio_image import BioImageDataModule
from tlpy.data.modules.crop_center import CropCenterDataModule

class Window(BaseDataModule):
    ascending = (("least", "most"),)

    def __init__(self, *, least: Percent = 5, most: Percent = 95, **common):
        super().__init__(**common)

class Bigger(BaseDataModule):
    def __init__(self, *, size=16, **common):
        super().__init__(**common)

class Cells(BioImageDataModule):
    pass

class Flips(BaseDataModule):
    augments = ("flip",)

class Corner(CropCenterDataModule):
    pass

class Alone(BaseDataModule):
    def __init__(self, parts, batch_size): ...

class Astray(BaseDataModule):
    ascending = (("low", "high"),)
    def __init__(self, low=1.0, **common):
        super().__init__(**common)

class Misnamed(BaseDataModule):
    augments = ("flips",)
    augments_if = "turn"
    crops = True
    def __init__(self, turns=True, **common):
        super().__init__(**common)

class NoModule:
    pass
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "declared_module.py").write_text(OWN)
    sources.use(tmp_path, "own")
    yield tmp_path
    sources.use(None)


def complete(name: str, images: tuple[int, ...] | None = None, /, **arguments: Any) -> dict[str, Any]:
    return complete_datamodule({"name": f"declared_module.{name}", **arguments}, "datamodule", images)


@pytest.mark.parametrize(
    ("name", "defaults"),
    [("base", {}), ("crop_center", {}), ("bio_image", {"low": 1.0, "high": 99.0, "turns": True})],
)
def test_each_documents_itself(name: str, defaults: dict[str, Any]) -> None:
    declaration = DATAMODULES.declaration(name)
    assert declaration.summary
    assert declaration.defaults == defaults
    assert not declaration.anything, "the pipeline's arguments are no business of a params file"


@pytest.mark.usefixtures("own")
def test_an_own_ones_defaults_are_filled_in() -> None:
    assert complete("Window") == complete("Window", most=95)
    assert complete("Window") == {"name": "declared_module.Window", "least": 5.0, "most": 95.0}
    assert input_size(complete("Bigger"), (8, 8)) == (16, 16)
    assert complete("Bigger", (8, 8), size=12)["size"] == 12, "what does not crop may enlarge"
    assert complete("Corner", (8, 9), size=6)["size"] == [6, 6]


@pytest.mark.usefixtures("own")
def test_augmentations_that_a_data_module_brings_along() -> None:
    assert augmentations_of({"name": "base"}) == ()
    assert augmentations_of(complete("Cells")) == ("flip", "rot90")
    assert augmentations_of(complete("Cells", turns=False)) == ()
    assert augmentations_of(complete("Flips")) == ("flip",)
    for name, told in (("Cells", "(give it `turns: false`, or take one out)"), ("Flips", "(take one out)")):
        with pytest.raises(InputError) as error:
            check_fit({"rotation": {"weight": 1.0}}, "objective", (8, 8), datamodule=complete(name))
        assert f"what the data module declared_module.{name} changes (flip" in str(error.value)
        assert str(error.value).endswith(told)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("Window", {"least": 101}, "datamodule.least: expected a percentage from 0 to 100, found 101"),
        ("Window", {"least": 50, "most": 50}, "datamodule: least (50) must be below most (50)"),
        ("Window", {"least": 96}, "datamodule: least (96) must be below most (95)"),
        (
            "Window",
            {"mots": 9},
            "datamodule.mots: declared_module.Window (own/declared_module.py, line 7) takes no 'mots' (",
        ),
        ("Window", {"seed": 1}, "takes no 'seed'"),
        ("Window", {"others": {}}, "takes no 'others'"),
        ("Flips", {"size": 4}, "takes no 'size'"),
        ("Corner", {}, "datamodule.size: expected one whole number for all axes"),
        ("Corner", {"size": None}, "datamodule.size: expected one whole number for all axes"),
        ("Corner", {"size": 9}, "datamodule.size: 9 does not fit into the images' 8×8"),
        (
            "Alone",
            {},
            "line 26) does not take 'seed' (expected a subclass of tlpy.data.module.BaseDataModule)",
        ),
        ("Astray", {}, "`ascending` names 'high', which is no argument"),
        ("Misnamed", {}, "`augments` names 'flips', which is no augmentation (did you mean 'flip'?)"),
        ("Misnamed", {}, "`augments_if` names 'turn', which is no argument (did you mean 'turns'?)"),
        ("Misnamed", {}, "`crops` names 'size', which is no argument"),
        ("NoModule", {}, "is no subclass of tlpy.data.module.BaseDataModule"),
    ],
)
def test_what_is_wrong_with_an_own_one_is_told(name: str, arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as error:
        complete(name, (8, 8), **arguments)
    assert told in str(error.value)
