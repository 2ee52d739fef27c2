"""A component is declared by its class: names and arguments are known without importing what they name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from tlpy.components.declarations import Form
from tlpy.components.facts import Facts
from tlpy.components.registry import Registry
from tlpy.components.sources import sources
from tlpy.errors import InputError

NETWORKS = '''
"""A file that cannot be imported: planning reads it."""
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import no_such_package
from tlpy.components import rules
from tlpy.components.rules import BelowOne, Count

Kernel = Annotated[int, rules.ODD]
WIDTHS = (8, 16)


class Base:
    dims = (1, 2, 3)
    slow = False

    def __init__(self, channels, width: Count = 64):
        pass

    def forward(self, images):
        raise NotImplementedError


class Net(Base):
    """A network.

    In two dimensions.
    """

    dims = (2,)

    def __init__(
        self,
        channels,
        dropout: BelowOne = 0,
        kernel: Kernel = 3,
        fill: Literal["edge", "reflect"] = "edge",
        widths: Annotated[Sequence[int], rules.list_of(rules.COUNT, 2, 2, "two widths")] = WIDTHS,
        up_to: str | None = None,
        made: float = no_such_package.default(),
        **rest,
    ):
        super().__init__(channels, **rest)

    def forward(self, images):
        return images


class Deeper(Net):
    slow = True


@dataclass
class Record(Base):
    channels: int
    depth: Count
    rate: float = 1
    kind: ClassVar[str] = "none"

    def forward(self, images):
        return images


class Empty(Base):
    """Says nothing."""


class Wrong(Net):
    dims = (4,)
    slow = bool(0)


def factory(channels, width: int = 8):
    return Net(channels)
'''


class NetworkFacts(Facts):
    dims: ClassVar[tuple[Literal[1, 2, 3], ...]] = (1, 2, 3)
    slow: ClassVar[bool] = False


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry[NetworkFacts]]:
    (tmp_path / "nets.py").write_text(NETWORKS)
    sources.use(tmp_path, "own")
    yield Registry(
        "network",
        NetworkFacts,
        {"net": "nets.Net", "deeper": "nets.Deeper"},
        Form("a network with forward(images)", ("forward(images)",), given=("channels",), function=True),
        makes="collections.OrderedDict",
    )
    sources.use(None)
    sys.path.remove(str(tmp_path))


def test_defaults_are_filled_in_so_that_writing_them_out_changes_nothing(registry: Registry[Any]) -> None:
    complete = {
        "name": "net",
        "dropout": 0.0,
        "kernel": 3,
        "fill": "edge",
        "widths": [8, 16],
        "up_to": None,
        "width": 64,
    }
    assert registry.complete("net", "architecture") == complete
    assert repr(registry.complete({"name": "net", "dropout": 0}, "x")) == repr(
        registry.complete({"name": "net", "dropout": 0.0, "width": 64}, "x")
    )
    assert registry.complete("nets.Net", "x") == {**complete, "name": "nets.Net"}
    assert registry.complete("nets.factory", "x") == {"name": "nets.factory", "width": 8}
    # What only running the file would tell is no part of the record, unless it is given.
    assert registry.complete({"name": "net", "made": 2}, "x")["made"] == 2.0


def test_a_dataclass_and_a_subclass_are_declared_too(registry: Registry[Any]) -> None:
    assert registry.complete({"name": "nets.Record", "depth": 2}, "x") == {
        "name": "nets.Record",
        "depth": 2,
        "rate": 1.0,
    }
    assert registry.complete("deeper", "x")["kernel"] == 3
    assert (registry.facts("deeper").slow, registry.facts("deeper").dims) == (True, (2,))
    assert (registry.facts("net").slow, registry.facts("nets.Record").dims) == (False, (1, 2, 3))
    assert registry.declaration("net").summary == "A network."
    assert registry.declaration("net").shown == "net"
    assert registry.declaration("nets.Net").shown.startswith("nets.Net (own/nets.py, line ")


@pytest.mark.parametrize(
    ("value", "where", "said"),
    [
        ("nett", "a", r"unknown network 'nett' \(did you mean 'net'\?\)"),
        ({"name": "net", "dropuot": 1}, "a.dropuot", r"network 'net' takes no 'dropuot' \(did you mean 'dro"),
        ({"name": "net", "dropout": 1}, "a.dropout", "expected a number from 0 to below 1, found 1"),
        ({"name": "net", "kernel": 4}, "a.kernel", "expected an odd number of at least 1, found 4"),
        ({"name": "net", "fill": "zero"}, "a.fill", "expected edge or reflect, found 'zero'"),
        ({"name": "net", "widths": [1]}, "a.widths", r"expected two widths, found \[1\]"),
        ({"name": "net", "up_to": 3}, "a.up_to", "expected text, found 3"),
        ({"name": "net", "width": True}, "a.width", "expected a whole number of at least 1, found True"),
        ("nets.Record", "a.depth", "whole number of at least 1, found nothing"),
        ("nets.Nett", "a", r"nets.Nett: own/nets.py has no 'Nett' \(did you mean 'Net'\?\)"),
        ("nest.Net", "a", r"nest.Net: there is no nest.py in own \(did you mean 'nets'\?\)"),
        ("nets.Empty", "a", r"nets.Empty \(own/nets.py, line \d+\) lacks forward\(images\)"),
        ("nets.Wrong", "a", r"`dims` is \(4,\), expected a tuple of 1, 2, 3"),
        ("nets.Wrong", "a", "`slow` is what only running it would tell, expected true or false"),
    ],
)
def test_what_is_wrong_is_told_with_its_path(
    registry: Registry[Any], value: Any, where: str, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        registry.complete(value, "a")
    assert where in {problem.where for problem in caught.value.problems}


def test_all_faults_of_a_component_are_told_at_once(registry: Registry[Any]) -> None:
    with pytest.raises(InputError) as caught:
        registry.complete({"name": "net", "dropuot": 0.2, "depth": 3, "kernel": 2}, "architecture")
    told = [problem.where for problem in caught.value.problems]
    assert told == ["architecture.dropuot", "architecture.depth", "architecture.kernel"]


def test_what_is_made_is_checked_in_one_place(tmp_path: Path, use_components: Any) -> None:
    (tmp_path / "things.py").write_text("class Plain(dict): ...\nclass Part:\n    def __init__(self): ...\n")
    use_components(tmp_path)
    registry = Registry(
        "thing",
        Facts,
        {"thing": "collections.OrderedDict"},
        Form("an ordered map", function=True),
        makes="collections.OrderedDict",
    )
    assert registry.make({"name": "thing", "a": 1}) == {"a": 1}
    for component, said in (
        ({"name": "things.Plain"}, "b: things.Plain gives Plain, expected a collections.OrderedDict"),
        ({"name": "things.Counted"}, "b: things.Counted was not found"),
        ({"name": "things.Part", "over": 2}, "b: things.Part is not a subclass of collections"),
    ):
        with pytest.raises(InputError, match=said):
            registry.make(component, where="b")
