"""An augmentation is declared by its class, ours and own ones alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tlpy.components.sources import sources
from tlpy.data.augmentation.registry import AUGMENTATIONS, complete_augmentation
from tlpy.errors import InputError

OWN = """
from collections.abc import Sequence
from typing import Annotated, Literal

from tlpy.components.rules import Positive, Share, up_to
from tlpy.data.augmentation.base import Fill, Transform

MOST = up_to(3)

class Own(Transform):
    dims = (2, 3)

    def __init__(
        self,
        p: Share = 0.5,
        most: Annotated[float, MOST] = 1.0,
        way: Literal["in", "out"] = "in",
        fill: Fill = "edge",
        padding=0,
        axes: Sequence[int] = (0, 1),
    ):
        super().__init__(p)

    def draw(self, random, count, size):
        return {}

    def apply(self, images, values, background):
        return images

class Needs(Own):
    def __init__(self, least: Positive, other, p=0.5): ...

class Words(Own):
    dims = ("x", "y")
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "declared_augmentation.py").write_text(OWN)
    sources.use(tmp_path, "own")
    yield tmp_path
    sources.use(None)


def complete(name: str, size: tuple[int, ...] | None = None, **arguments: Any) -> list[dict[str, Any]] | None:
    return complete_augmentation({"name": f"declared_augmentation.{name}", **arguments}, "a", size)


@pytest.mark.parametrize("name", AUGMENTATIONS.names())
def test_each_documents_itself_and_is_made_with_its_defaults(name: str) -> None:
    declaration = AUGMENTATIONS.declaration(name)
    assert declaration.summary
    assert not declaration.anything
    assert declaration.parameters
    assert set(declaration.defaults) == set(declaration.parameters), "every argument has a default"
    made = AUGMENTATIONS.make({"name": name, **declaration.defaults})
    assert made.dims == declaration.facts.dims


@pytest.mark.usefixtures("own")
def test_an_own_ones_defaults_are_filled_in() -> None:
    short, written = complete("Own"), complete("Own", p=0.5, most=1, axes=[0, 1])
    assert short == written
    assert short is not None
    assert short[0] == {
        "name": "declared_augmentation.Own",
        "p": 0.5,
        "most": 1.0,
        "way": "in",
        "fill": "edge",
        "padding": 0,
        "axes": [0, 1],
    }
    assert complete("Own", p=0) is None


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("name", "arguments", "size", "told"),
    [
        ("Own", {"most": 4}, None, "a.most: expected a number from 0 to 3, found 4"),
        ("Own", {"way": "up"}, None, "a.way: expected in or out, found 'up'"),
        ("Own", {"fill": "zero"}, None, "a.fill: expected background or edge or reflect, found 'zero'"),
        (
            "Own",
            {"mst": 4},
            None,
            "a.mst: declared_augmentation.Own (own/declared_augmentation.py, line 10) takes no 'mst' (",
        ),
        ("Own", {}, (9,), "line 10) is for images with 2 or 3 axes, these have 1"),
        ("Own", {"axes": [0, 2]}, (8, 8), "a.axes: the images have 2 axes, there is no axis 2"),
        ("Own", {"padding": 8}, (8, 9), "a.padding: expected less than the smallest axis of 8"),
        ("Needs", {}, None, "a.least: expected a number above 0, found nothing (declared_augmentation.Needs"),
        ("Needs", {}, None, "line 30) needs other (give it as {name: …, argument: value})"),
        ("Needs", {"least": None, "other": 1}, None, "a.least: expected a number above 0, found None"),
        ("Words", {}, None, "`dims` is ('x', 'y'), expected a tuple, each a whole number"),
    ],
)
def test_what_an_own_one_says_is_kept_to(
    name: str, arguments: dict[str, Any], size: tuple[int, ...] | None, told: str
) -> None:
    with pytest.raises(InputError) as error:
        complete(name, size, **arguments)
    assert told in str(error.value)
