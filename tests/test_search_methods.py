"""A search method is a component like any other: by name or class path, checked before and after it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tlpy.components.sources import sources
from tlpy.errors import InputError
from tlpy.search.registry import assignments

SPACE = {"lr": [0.1, 0.01], "architecture": ["resnet18", "vit"]}
METHODS = """
from tlpy.search.base import SearchMethod

class Diagonal(SearchMethod):
    def __init__(self, step: int = 1):
        self.step = step

    def assignments(self, space, trials, seed):
        return [dict(zip(space, pair)) for pair in zip(*space.values())][:: self.step]

class Half(SearchMethod):
    def assignments(self, space, trials, seed):
        return [{"lr": 0.1}]

class Fails(SearchMethod):
    def assignments(self, space, trials, seed):
        return self.nothing

class Silent(SearchMethod):
    pass
"""


@pytest.fixture
def own(tmp_path: Path) -> Any:
    (tmp_path / "my_search.py").write_text(METHODS)
    sources.use(tmp_path, "own")
    yield tmp_path
    sources.use(None)


@pytest.mark.usefixtures("own")
def test_an_own_method_is_named_by_class_path() -> None:
    found = assignments({"method": "my_search.Diagonal", "space": SPACE}, seed=0)
    assert found == [{"lr": 0.1, "architecture": "resnet18"}, {"lr": 0.01, "architecture": "vit"}]
    found = assignments({"method": {"name": "my_search.Diagonal", "step": 2}, "space": SPACE}, seed=0)
    assert found == [{"lr": 0.1, "architecture": "resnet18"}]


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("method", "said"),
    [
        (
            "my_search.Silent",
            r"my_search.Silent \(own/my_search.py, line \d+\) lacks",
        ),
        (
            "my_search.Half",
            r"my_search.Half gave {'lr': 0.1} as assignment 1 \(expected a list",
        ),
        (
            "my_search.Fails",
            r"my_search.Fails failed: AttributeError: .*'nothing' \(my_search.py, line \d+\)",
        ),
        (
            {"name": "my_search.Diagonal", "step": "two"},
            r"search.method.step: expected a whole number",
        ),
        ({"name": "my_search.Diagonal", "stop": 2}, r"takes no 'stop' \(did you mean 'step'\?\)"),
        ("my_search.Diagonals", r"own/my_search.py has no 'Diagonals' \(did you mean 'Diagonal'\?\)"),
        ("fractions.Fraction", "is no subclass of tlpy.search.base.SearchMethod"),
        ("gird", r"search.method: unknown search method 'gird' \(did you mean 'grid'\?\)"),
        (
            {"name": "random", "seed": -1},
            r"search.method.seed: expected a whole .* at least 0, found -1",
        ),
    ],
)
def test_what_is_wrong_with_a_method_is_told(method: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        assignments({"method": method, "trials": 2, "space": SPACE}, seed=0)
