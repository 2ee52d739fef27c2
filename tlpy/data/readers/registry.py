"""The readers by name, and how one is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tlpy.components.declarations import Form
from tlpy.components.registry import Registry, as_component
from tlpy.data.readers.base import Reader
from tlpy.data.readers.facts import ReaderFacts
from tlpy.data.readers.own import open_own

_READER = "tlpy.data.readers.base.Reader"

READERS = Registry(
    "reader",
    ReaderFacts,
    {
        "bids": "tlpy.data.readers.bids.BidsReader",
        "table": "tlpy.data.readers.table.TableReader",
        "hcp": "tlpy.data.readers.hcp.HcpReader",
        "ukb": "tlpy.data.readers.ukb.UkbReader",
        "ixi": "tlpy.data.readers.ixi.IxiReader",
        "oasis1": "tlpy.data.readers.oasis1.Oasis1Reader",
        "oasis2": "tlpy.data.readers.oasis2.Oasis2Reader",
        "decathlon": "tlpy.data.readers.decathlon.DecathlonReader",
        "medmnist": "tlpy.data.readers.medmnist.MedMnistReader",
        "image_folder": "tlpy.data.readers.image_folder.ImageFolderReader",
        "mura": "tlpy.data.readers.mura.MuraReader",
        "chestxray14": "tlpy.data.readers.chestxray14.ChestXray14Reader",
        "timeseries": "tlpy.data.readers.timeseries.TimeSeriesReader",
        "vectors": "tlpy.data.readers.vectors.VectorsReader",
    },
    Form(
        f"a {_READER} with records(labels, group, problems)",
        ("records(labels, group, problems)",),
        (_READER,),
        given=("root", "shown", "columns", "window"),
    ),
    Form(
        "a data set with __len__() and __getitem__(index) -> (image, [labels])",
        ("__len__()", "__getitem__(index)"),
        positional=2,
        neither=f"is neither a reader nor a data set; a reader is a {_READER}",
    ),
)


def reads_vectors(component: Any) -> bool:
    """Whether a reader's images are vectors: features in no order, which are used as they are."""
    return READERS.facts(as_component(component)["name"]).vectors


def open_reader(
    component: Any,
    root: Path,
    shown: str,
    columns: dict[str, str] | None = None,
    window: int | None = None,
) -> Reader:
    """Build a reader from its component (a name, a class path, or either with arguments).

    Args:
        component: as in a params file, e.g. `bids` or `{name: bids, runs: first}`.
        root: the data set's path on this machine.
        shown: the data set's path as the user wrote it.
        columns: our column name → theirs.
        window: `preprocessing.window`, for time series.

    Raises:
        InputError: unknown reader or argument, or an argument out of its range.
    """
    where = f"{shown}: reader"
    complete = READERS.complete(component, where)
    common = {"root": Path(root), "shown": shown, "columns": dict(columns or {}), "window": window}
    if complete["name"] not in READERS:
        return open_own(READERS, complete, where, common)
    reader: Reader = READERS.make(complete, where=where, **common)
    return reader
