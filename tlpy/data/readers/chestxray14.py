"""NIH ChestX-ray14: 112,120 radiographs of 30,805 patients (Wang et al. 2017, CVPR, pp. 2097-2106)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar, Literal

from tlpy.data.readers.argument_types import Name
from tlpy.data.readers.cohort import CohortReader, People, Scan
from tlpy.data.readers.cohort_tables import plain_id
from tlpy.data.readers.coloured import ColouredReader, image_files
from tlpy.data.readers.images import without_ending
from tlpy.data.readers.tables import Row
from tlpy.errors import Problem, Problems, nearest

FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
)
_NOTHING = "No Finding"
_LABELS = "Finding Labels"
_LISTS = {"train_val_list.txt": "train", "test_list.txt": "test"}
_AGE = re.compile(r"0*(\d+)([YMD]?)", re.IGNORECASE)
_NO_AGE = "too old"
_PER_YEAR = {"": 1.0, "Y": 1.0, "M": 12.0, "D": 365.25}
# The table has people of 148 to 414 years.
_OLDEST = 120


@dataclass(kw_only=True)
class ChestXray14Reader(ColouredReader, CohortReader):
    """NIH ChestX-ray14: images*/…/00000001_000.png with Data_Entry_2017.csv

    A subject is a patient, the first number in an image's name.

    Args:
        table: its name in the folder; `Data_Entry_2017*.csv` or another CSV by default.
        lists: use the official parts of `train_val_list.txt` and `test_list.txt`, where they are there: an
            image that neither lists can be left out.
        colour: `grey` or `rgb`: some radiographs are stored with four equal channels.

    Besides the table's columns there are `abnormal` (its own label: 1 with any finding), each of the fourteen
    findings by its name (0 or 1), `age` in years (also of `058Y`, `011M`; missing above 120), and `sex`.
    """

    label = "abnormal"
    patterns = ("data_entry_2017*.csv", "data_entry*.csv", "*.csv")
    aliases: ClassVar = {"sex": ("Patient Gender", "Patient Sex"), "age": ("Patient Age",)}

    table: Name | None = None
    lists: bool = True
    colour: Literal["grey", "rgb"] | None = "grey"

    def scans(self, problems: Problems) -> list[Scan]:
        files, _ = image_files(self.root)
        found: dict[str, Scan] = {}
        for file in files:
            image = without_ending(PurePosixPath(file).name)
            patient, _, follow_up = image.partition("_")
            if not (patient.isdigit() and follow_up.isdigit()):
                message = "is not named as <patient>_<follow-up>, such as 00000001_000.png"
                self.skippable.append(Problem(f"{self.shown}/{file}", message))
            elif image in found:
                problems.add(f"{self.shown}/{file}", f"is a second image {image}, beside {found[image].file}")
            else:
                found[image] = Scan(image, file, patient, image, follow_up)
        if not found:
            problems.add(self.shown, "no radiographs: expected images*/…/<patient>_<follow-up>.png")
        self._found = found
        return list(found.values())

    def key_of(self, text: str) -> str:
        return without_ending(PurePosixPath(text).name)

    def people(self, wanted: Sequence[str], needed: bool, problems: Problems) -> People | None:  # noqa: ARG002
        parts = self._parts()
        found = self.people_of(self.table, ("Image Index", "image"), needed, problems)
        if found is None:
            return None
        ages = [row.where for row in found.rows.values() if row.cells.get("age") == _NO_AGE]
        if ages:
            self.notes.append(
                f"{found.shown}: {len(ages)} ages above {_OLDEST} years are taken as missing ({ages[0]})"
            )
        self._unknown_findings(found, problems)
        rows = {}
        for key, row in found.rows.items():
            cells = dict(row.cells)
            if cells.get("age") == _NO_AGE:
                cells["age"] = ""
            if parts:
                cells["split"] = parts.get(key, "")
            rows[key] = Row(row.where, cells)
            self._check_patient(key, row, problems)
        missing = {key for key in rows.keys() & self._found.keys() if parts and key not in parts}
        self.skippable += [
            Problem(rows[key].where, f"{key} is in neither {' nor '.join(_LISTS)}") for key in sorted(missing)
        ]
        columns = list(dict.fromkeys([*found.columns, *(["split"] if parts else [])]))
        return People(found.shown, columns, rows, frozenset(missing))

    def with_aliases(self, cells: Mapping[str, str]) -> dict[str, str]:
        """The cells with the findings as columns of 0 and 1, the age in years, and a sex."""
        found = super().with_aliases(cells)
        if "age" in found:
            found["age"] = _years(found["age"])
        text = found.get(_LABELS, "")
        named = {name.strip() for name in text.split("|")} - {"", _NOTHING}
        for finding in FINDINGS:
            found[finding] = str(int(finding in named)) if text else ""
        found["abnormal"] = str(int(bool(named))) if text else ""
        return found

    def _check_patient(self, image: str, row: Row, problems: Problems) -> None:
        said = plain_id(row.get("Patient ID"))
        if said.isdigit() and image in self._found and int(said) != int(self._found[image].subject):
            problems.add(row.where, f"{image} is of patient {said}, but its name says otherwise")

    def _unknown_findings(self, people: People, problems: Problems) -> None:
        seen: dict[str, str] = {}
        for row in people.rows.values():
            for name in row.get(_LABELS).split("|"):
                seen.setdefault(name.strip(), row.where)
        for name in sorted(seen.keys() - {"", _NOTHING, *FINDINGS}):
            problems.add(seen[name], f"unknown finding '{name}'", nearest(name, [*FINDINGS, _NOTHING]))

    def _parts(self) -> dict[str, str]:
        """The official part of each image; empty where there are no lists, or they are not to be used."""
        there = {name: self.root / name for name in _LISTS if (self.root / name).is_file()}
        if not self.lists or not there:
            return {}
        if len(there) < len(_LISTS):
            absent = next(name for name in _LISTS if name not in there)
            self.notes.append(f"{self.shown}: without {absent} the official parts are not used")
            return {}
        parts: dict[str, str] = {}
        for name, path in there.items():
            for line in path.read_text(encoding="utf-8-sig", errors="replace").split():
                parts[self.key_of(line)] = _LISTS[name]
        return parts


def _years(text: str) -> str:
    """An age in whole or broken years, as `058Y`, `58` or `011M` say it."""
    match = _AGE.fullmatch(text.strip())
    if match is None:
        return text
    years = int(match[1]) / _PER_YEAR[match[2].upper()]
    if years > _OLDEST:
        return _NO_AGE
    return f"{years:g}" if years == int(years) else f"{years:.2f}"
