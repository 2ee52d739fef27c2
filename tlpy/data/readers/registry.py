"""The readers by name, and how one is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tlpy.components import Entry, Registry
from tlpy.data.readers.base import Reader

READERS: Registry[Entry] = Registry(
    "reader",
    [
        Entry(
            "bids",
            "tlpy.data.readers.bids:BidsReader",
            {
                "suffix": "T1w",
                "datatype": "anat",
                "acq": None,
                "rec": None,
                "space": None,
                "desc": None,
                "sessions": None,
                "runs": None,
                "derivatives": None,
            },
            "a BIDS folder: sub-*/[ses-*/]anat/*_T1w.nii.gz with participants.tsv",
        ),
        Entry(
            "table",
            "tlpy.data.readers.table:TableReader",
            {"images": None},
            "a CSV or TSV with a path to an image and its labels in each row",
        ),
    ],
)


def open_reader(component: Any, root: Path, shown: str, columns: dict[str, str] | None = None) -> Reader:
    """Build a reader from its component (a name, a class path, or either with arguments).

    Args:
        component: as in a params file, e.g. `bids` or `{name: bids, runs: first}`.
        root: the data set's path on this machine.
        shown: the data set's path as the user wrote it.
        columns: our column name → theirs.

    Raises:
        InputError: unknown reader or argument, or an argument out of its range.
    """
    complete = READERS.complete(component, f"{shown}: reader")
    options = {key: value for key, value in complete.items() if key != "name"}
    reader: Reader = READERS.load(complete["name"])(root, shown, options, dict(columns or {}))
    return reader
