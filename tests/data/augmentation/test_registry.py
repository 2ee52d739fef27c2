"""What a params file may say, in the order the plan sees it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

from tlpy.data.augmentation.pipeline import build_augmentation
from tlpy.data.augmentation.registry import AUGMENTATIONS, PRESETS, complete_augmentation
from tlpy.errors import InputError


@pytest.mark.parametrize(
    "value", [None, "none", [], {"name": "flip", "p": 0}, ["flip", {"name": "flip", "p": 0}]]
)
def test_nothing_is_none(value: Any) -> None:
    found = complete_augmentation(value, "augmentation")
    assert found is None or [step["p"] for step in found] == [0.5]


def test_long_and_short_forms_are_equal() -> None:
    short = complete_augmentation(["flip", {"name": "affine", "rotation": 10}], "a")
    assert short == complete_augmentation([{"name": "flip", "p": 0.5, "axes": [0]}, "affine"], "a")
    assert complete_augmentation("flip", "a") == complete_augmentation([{"name": "flip"}], "a")
    assert short is not None
    assert complete_augmentation(short, "a", (28, 28)) == short


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_presets_expand_into_their_content(preset: str) -> None:
    found = complete_augmentation(preset, "a")
    assert found is not None
    assert [step["name"] for step in found] == [step["name"] for step in PRESETS[preset]]
    assert all({"p", *AUGMENTATIONS.declaration(s["name"]).defaults} <= set(s) for s in found)
    assert complete_augmentation([preset, "crop"], "a") == [*found, *complete_augmentation("crop", "a")]  # type: ignore[misc]


@pytest.mark.parametrize(
    ("preset", "size"), [("brain", (20, 24)), ("brain", (12, 14, 10)), ("image", (28, 28))]
)
def test_presets_run(preset: str, size: tuple[int, ...]) -> None:
    augmentation = build_augmentation(complete_augmentation(preset, "a", size), 0)
    assert augmentation is not None
    images = torch.randn(12, 1, *size)
    assert augmentation(images, 0, 0).isfinite().all()


@pytest.mark.parametrize(
    ("value", "size", "told"),
    [
        ("brian", None, "augmentation: unknown augmentation 'brian' (did you mean 'brain'?)"),
        (["flip", "afine"], None, "augmentation[1]: unknown augmentation 'afine' (did you mean 'affine'?)"),
        ({"name": "affine", "rotaton": 1}, None, "takes no 'rotaton' (did you mean 'rotation'?)"),
        ({"name": "flip", "p": 1.5}, None, "augmentation.p: expected a number from 0 to 1, found 1.5"),
        ({"name": "flip", "axes": [0, 0]}, None, "augmentation.axes: expected a list of different axes"),
        ({"name": "elastic", "amount": 0.6}, None, "augmentation.amount: expected a number from 0 to 0.4"),
        ({"name": "crop", "fill": "zero"}, None, "augmentation.fill: expected background or edge or reflect"),
        ({"name": "brain", "p": 1}, None, "the preset 'brain' takes no arguments"),
        ("motion", (40,), "motion is for images with 2 or 3 axes, these have 1"),
        ({"name": "flip", "axes": [2]}, (8, 8), "the images have 2 axes, there is no axis 2"),
        ({"name": "crop", "padding": 8}, (8, 8), "expected less than the smallest axis of 8"),
    ],
)
def test_faults_are_named(value: Any, size: tuple[int, ...] | None, told: str) -> None:
    with pytest.raises(InputError) as error:
        complete_augmentation(value, "augmentation", size)
    assert told in str(error.value)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(InputError) as error:
        complete_augmentation(["flop", {"name": "noise", "sd": -1}, {"name": "gamma", "amont": 1}], "a")
    assert len(error.value.problems) == 3


def test_defaults_are_those_of_the_classes() -> None:
    import inspect

    for name in AUGMENTATIONS.names():
        given = inspect.signature(AUGMENTATIONS.load(name)).parameters
        registered = AUGMENTATIONS.declaration(name).defaults
        assert set(given) == set(registered), name
        for key, parameter in given.items():
            default = list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
            assert default == registered[key], (name, key)


OWN = """
import numpy as np
from tlpy.data.augmentation.base import Transform, column

class Brighter(Transform):
    def __init__(self, p=0.5, most=1.0):
        super().__init__(p)
        self.most = most
    def draw(self, random, count, size):
        return {"by": random.uniform(0, self.most, count)}
    def apply(self, images, values, background):
        return images + column(values["by"], images)

class Smaller(Brighter):
    def apply(self, images, values, background):
        return images[..., 1:]

class NotOne:
    pass
"""


def test_own_augmentations(tmp_path: Any, use_components: Any) -> None:
    (tmp_path / "own_augmentation.py").write_text(OWN)
    use_components(tmp_path)
    images = torch.zeros(3, 1, 4, 4)
    component = {"name": "own_augmentation.Brighter", "p": 1, "most": 2}
    made = build_augmentation(complete_augmentation(component, "a", (4, 4)), 0)
    assert made is not None
    assert (made(images, 0, 0) > 0).all()
    with pytest.raises(ValueError, match=r"augmentation Smaller made images of \(3, 1, 4, 3\) from"):
        build_augmentation([{"name": "own_augmentation.Smaller", "p": 1}], 0)(images, 0, 0)  # type: ignore[misc]
    for name, told in (
        ("own_augmentation.NotOne", "gives NotOne, expected a tlpy.data.augmentation.base.Transform"),
        ("own_augmentation.Missing", "own_augmentation.Missing was not found"),
    ):
        with pytest.raises(InputError, match=told):
            build_augmentation([{"name": name}], 0)
    with pytest.raises(InputError, match="unexpected keyword argument 'least'"):
        build_augmentation([{"name": "own_augmentation.Brighter", "least": 1}], 0)


def test_planning_loads_no_torch() -> None:
    modules = "tlpy.data.augmentation.registry, tlpy.data.modules.registry"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
