"""An own reader, or data set, takes arguments and says facts in the same way as ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tlpy.components.sources import sources
from tlpy.data.readers.registry import READERS, open_reader
from tlpy.errors import InputError, Problems
from tlpy.plan.data.catalogue import Catalogue, DataSet

OWN = """
from dataclasses import dataclass

from clinic import Clinic
from pairs import Pairs
from tlpy.components.rules import Count

@dataclass
class Fields(Clinic):
    most: Count = 100

    label = "age"
    families = "house"
    cites = ("Us, 2026.",)

    def records(self, labels, group, problems):
        return super().records(labels, group, problems)[: self.most]

class Handed(Clinic):
    def __init__(self, most: int = 100, **common):
        super().__init__(**common)
        self.most = most

    def records(self, labels, group, problems):
        return super().records(labels, group, problems)[: self.most]

class Scans(Pairs):
    def __init__(self, root, labels, suffix: str = ".npz"):
        super().__init__(root, labels, suffix)

class Faulty(Clinic):
    def __init__(self, **common):
        super().__init__(**common)
        self.size = len(3)

class Alone(Clinic):
    def __init__(self, root):
        ...

class Wrong(Clinic):
    label = ("age",)
"""


@pytest.fixture
def own(page: Path) -> Any:
    (page / "own/more.py").write_text(OWN)
    sources.use(page / "own", "own")
    yield page
    sources.use(None)


def opened(reader: Any, **spec: Any) -> DataSet:
    return Catalogue({}).dataset("clinic", {"reader": reader, "path": "clinic", **spec})


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("name", "argument", "default"),
    [("more.Fields", "most", 100), ("more.Handed", "most", 100), ("more.Scans", "suffix", ".npz")],
)
def test_a_default_that_is_written_out_changes_nothing(name: str, argument: str, default: Any) -> None:
    short, long = opened(name, label="sex"), opened({"name": name, argument: default}, label="sex")
    assert len(short.records) == 60
    assert short.cache.id == long.cache.id
    assert READERS.complete(name, "reader") == {"name": name, argument: default}


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("name", ["more.Fields", "more.Handed"])
def test_an_argument_reaches_the_reader(name: str) -> None:
    reader = open_reader({"name": name, "most": 7}, Path("clinic"), "clinic")
    assert len(reader.records(["age"], None, Problems())) == 7


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("reader", "said"),
    [
        ({"name": "more.Fields", "most": 0}, "datasets.clinic.reader.most: expected a whole number of at l"),
        ({"name": "more.Handed", "most": "all"}, "datasets.clinic.reader.most: expected a whole number, f"),
        ({"name": "more.Scans", "suffix": 3}, "datasets.clinic.reader.suffix: expected text, found 3"),
        ({"name": "more.Scans", "sufix": 3}, "more.Scans (own/more.py, line 27) takes no 'sufix'"),
        ({"name": "more.Scans", "labels": 3}, "more.Scans (own/more.py, line 27) takes no 'labels'"),
        ("more.Alone", "more.Alone (own/more.py, line 36) does not take 'shown' (expected a tlpy.data.read"),
        ("more.Wrong", "more.Wrong (own/more.py, line 40): `label` is ('age',), expected text"),
        ("more.Faulty", "more.Faulty (more.py) cannot be made: TypeError: object of type 'int' has no len()"),
    ],
)
def test_what_is_wrong_is_told(reader: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        opened(reader, label="sex")
    assert said in str(caught.value)


@pytest.mark.usefixtures("own")
def test_what_an_own_reader_says_of_itself_is_read() -> None:
    data = opened("more.Fields")
    assert (data.label, data.label_said) == ("age", False)
    assert READERS.facts("more.Fields").families == "house"
    assert READERS.facts("more.Fields").cites == ("Us, 2026.",)
    assert READERS.facts("clinic.Clinic").label == ""
