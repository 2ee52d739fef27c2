"""What a reader takes stands in its class alone: read from there, filled in, checked, handed to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tlpy.data.readers.registry import READERS, open_reader
from tlpy.errors import InputError


@pytest.mark.parametrize("name", READERS.names())
def test_every_reader_is_read_and_made_with_its_defaults(name: str, tmp_path: Path) -> None:
    declared = READERS.declaration(name)
    assert declared.summary
    assert not declared.anything, "each argument has a name"
    assert set(declared.defaults) == set(declared.parameters or ()), "each argument has a default"
    assert READERS.complete(name, "reader") == {"name": name, **declared.defaults}
    reader = open_reader(name, tmp_path, "data/cohort/", {"subject": "id"}, window=9)
    assert {key: getattr(reader, key) for key in declared.defaults} == declared.defaults
    assert (reader.root, reader.shown, reader.window) == (tmp_path, "data/cohort", 9)
    assert reader.columns == {"subject": "id"}
    assert (reader.label, reader.families) == (declared.facts.label, declared.facts.families)


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        ({"name": "bids", "suffix": ""}, "reader.suffix: expected a text, found ''"),
        ({"name": "bids", "datatype": None}, "reader.datatype: expected a text, found None"),
        ({"name": "bids", "masks": True}, "reader.masks: expected a text, found True"),
        ({"name": "bids", "runs": -1}, "reader.runs: expected first, last, all or a number, found -1"),
        ({"name": "bids", "sufix": "T2w"}, "reader.sufix: reader 'bids' takes no 'sufix' (did you mean 'suf"),
        ({"name": "hcp", "stride": 0}, "reader.stride: expected a whole number of at least 1, found 0"),
        ({"name": "timeseries", "stride": None}, "expected a whole number of at least 1, found None"),
        ({"name": "ukb", "field": "T1"}, "reader.field: expected a field's number, found 'T1'"),
        ({"name": "oasis2", "runs": ""}, "reader.runs: expected first, last, all or one of them, found ''"),
        ({"name": "oasis1", "runs": 1}, "reader.runs: reader 'oasis1' takes no 'runs'"),
        ({"name": "ixi", "table": ["IXI.csv"]}, "reader.table: expected text or a whole number"),
        ({"name": "decathlon", "part": "train"}, "reader.part: expected training or test or all, found 't"),
        ({"name": "image_folder", "colour": 1}, "reader.colour: expected grey or rgb, found 1"),
        ("bidz", "reader: unknown reader 'bidz' (did you mean 'bids'?)"),
    ],
)
def test_what_is_wrong_is_told_before_a_reader_is_made(reader: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        READERS.complete(reader, "datasets.brains.reader")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "reader",
    [
        {"name": "bids", "sessions": 2, "runs": "01", "echo": 1, "acq": "none"},
        {"name": "ukb", "field": "20253", "sessions": 3},
        {"name": "oasis1", "image": 111, "table": 2020},
        {"name": "hcp", "nodes": 15, "tables": ["a.csv", "b.csv"]},
    ],
)
def test_a_name_of_digits_is_kept_as_it_was_written(reader: dict[str, Any]) -> None:
    completed = READERS.complete(reader, "reader")
    assert {key: completed[key] for key in reader} == reader
