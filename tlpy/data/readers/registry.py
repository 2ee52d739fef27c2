"""The readers by name, and how one is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tlpy.components.legacy import Entry, Registry
from tlpy.data.readers.base import Reader

_BIDS = {
    "suffix": "T1w",
    "datatype": "anat",
    "acq": None,
    "ce": None,
    "rec": None,
    "echo": None,
    "part": None,
    "inv": None,
    "space": None,
    "res": None,
    "desc": None,
    "sessions": None,
    "runs": None,
    "derivatives": None,
    "masks": None,
}


def _entry(name: str, class_name: str, arguments: dict[str, Any], summary: str) -> Entry:
    return Entry(name, f"tlpy.data.readers.{name}:{class_name}", arguments, summary)


READERS: Registry[Entry] = Registry(
    "reader",
    [
        _entry("bids", "BidsReader", _BIDS, "BIDS: sub-*/[ses-*/]anat/*_T1w.nii.gz with participants.tsv"),
        _entry(
            "table",
            "TableReader",
            {"images": None},
            "a CSV or TSV with a path to an image and its labels in each row",
        ),
        _entry(
            "hcp",
            "HcpReader",
            {
                "file": "MNINonLinear/T1w_restore_brain.nii.gz",
                "package": "3T_Structural_preproc",
                "nodes": None,
                "folder": None,
                "stride": None,
                "tables": None,
            },
            "HCP S1200: <Subject>/MNINonLinear/…, zipped, or node time series; families kept together",
        ),
        _entry(
            "ukb",
            "UkbReader",
            {"field": 20252, "file": "T1/T1_brain_to_MNI.nii.gz", "sessions": None, "table": None},
            "UK Biobank: <eid>_20252_2_0.zip or its content, with a table of fields",
        ),
        _entry(
            "ixi",
            "IxiReader",
            {"modality": "T1", "table": None},
            "IXI: IXI002-Guys-0828-T1.nii.gz with IXI.csv; the site is in the file name",
        ),
        _entry(
            "oasis1",
            "Oasis1Reader",
            {"image": "t88_masked_gfc", "sessions": None, "table": None},
            "OASIS-1, cross-sectional: OAS1_0001_MR1/… with oasis_cross-sectional.csv",
        ),
        _entry(
            "oasis2",
            "Oasis2Reader",
            {"image": None, "sessions": None, "runs": None, "table": None},
            "OASIS-2, longitudinal: OAS2_0001_MR1/RAW/mpr-1.nifti.img with oasis_longitudinal.csv",
        ),
        _entry(
            "decathlon",
            "DecathlonReader",
            {"part": "training", "table": None},
            "Medical Segmentation Decathlon: dataset.json, imagesTr, labelsTr",
        ),
        _entry("medmnist", "MedMnistReader", {}, "MedMNIST: one .npz of 2D or 3D images, official parts"),
        _entry(
            "image_folder",
            "ImageFolderReader",
            {"pattern": None, "colour": None},
            "pictures in folders named by their class, [train|val|test/]<class>/…",
        ),
        _entry(
            "timeseries",
            "TimeSeriesReader",
            {"stride": 1, "ending": None, "table": None},
            "timeseries.npy (volumes × channels) with events.tsv, a row a volume; or a file a subject",
        ),
    ],
)


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
    complete = READERS.complete(component, f"{shown}: reader")
    options = {key: value for key, value in complete.items() if key != "name"}
    name, made = complete["name"], READERS.load(complete["name"])
    reader: Reader
    if "." in name:
        from tlpy.data.readers.own import open_own

        reader = open_own(name, made, root, shown, options, dict(columns or {}))
    else:
        reader = made(root, shown, options, dict(columns or {}))
    reader.window = window
    return reader


def own_label(name: str) -> str:
    """The label of a reader (a name or a class path) that needs none named; "" if it has none of its own."""
    return str(getattr(READERS.load(name), "label", ""))
