"""Registries know names and arguments without importing what they name."""

from __future__ import annotations

from typing import Any

import pytest

from tlpy.components import rules
from tlpy.components.legacy import Entry, Registry
from tlpy.errors import InputError, Problems


@pytest.fixture
def registry() -> Registry[Entry]:
    return Registry("network", [Entry("resnet18", "no_such_module:Net", {"dropout": 0.0, "width": 64})])


def test_defaults_are_filled_in_so_that_writing_them_out_changes_nothing(registry: Registry[Entry]) -> None:
    assert registry.complete("resnet18", "architecture") == registry.complete(
        {"name": "resnet18", "width": 64}, "architecture"
    )


def test_an_unknown_name_gets_the_nearest_valid_one(registry: Registry[Entry]) -> None:
    with pytest.raises(
        InputError, match=r"architecture: unknown network 'resnet81' \(did you mean 'resnet18'\?\)"
    ):
        registry.complete("resnet81", "architecture")


def test_all_unknown_arguments_are_named(registry: Registry[Entry]) -> None:
    with pytest.raises(InputError) as error:
        registry.complete({"name": "resnet18", "dropuot": 0.2, "depth": 3}, "architecture")
    assert [problem.where for problem in error.value.problems] == [
        "architecture.dropuot",
        "architecture.depth",
    ]
    assert "did you mean 'dropout'?" in str(error.value)


def test_registering_twice_raises(registry: Registry[Entry]) -> None:
    with pytest.raises(ValueError, match="registered twice"):
        registry.register(Entry("resnet18", "elsewhere:Net"))


def test_a_class_path_passes_through_and_loads() -> None:
    registry: Registry[Entry] = Registry("thing")
    assert registry.complete({"name": "collections.OrderedDict", "a": 1}, "x") == {
        "name": "collections.OrderedDict",
        "a": 1,
    }
    assert registry.load("collections.OrderedDict")().__class__.__name__ == "OrderedDict"


def test_settling_checks_each_argument_and_writes_it_in_one_way(registry: Registry[Entry]) -> None:
    expected = {"dropout": rules.BELOW_ONE, "width": rules.COUNT}

    def narrow(component: dict[str, Any], problems: Problems) -> None:
        if component["dropout"] and component["width"] < 8:
            problems.add("architecture", "too narrow for dropout")

    settled = registry.settle({"name": "resnet18", "dropout": 0}, "architecture", expected, narrow)
    assert settled == {"name": "resnet18", "dropout": 0.0, "width": 64}
    assert isinstance(settled["dropout"], float)
    with pytest.raises(InputError, match=r"^architecture\.width: expected a whole .*, found 0$"):
        registry.settle({"name": "resnet18", "dropout": 0.5, "width": 0}, "architecture", expected, narrow)
    with pytest.raises(InputError, match="too narrow"):
        registry.settle({"name": "resnet18", "dropout": 0.5, "width": 2}, "architecture", expected, narrow)
    path = {"name": "nets.Mine", "width": "any"}
    assert registry.settle(path, "architecture", expected, narrow) == path
