"""Medical Segmentation Decathlon: `dataset.json`, `imagesTr`, `labelsTr` (Antonelli et al. 2022)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from tlpy.data.fingerprint import open_image
from tlpy.data.image_records import ImageError, ImageHeader, ImageRecord, RawImage
from tlpy.data.readers import nifti
from tlpy.data.readers.argument_types import Name
from tlpy.data.readers.cohort import CohortReader, People, Scan
from tlpy.data.readers.images import without_ending
from tlpy.data.readers.tables import Row
from tlpy.errors import Problem, Problems

_TABLE = "dataset.json"


@dataclass(kw_only=True)
class DecathlonReader(CohortReader):
    """Medical Segmentation Decathlon: dataset.json, imagesTr, labelsTr

    The images that dataset.json lists are read; a fourth axis (several modalities) becomes channels.

    Args:
        part: `training` (with masks), `test` (without) or `all`.
        table: a CSV or TSV in the folder with a row an image (`image` or `subject`: the name without ending)
            and labels of one's own; `labels.csv` or `labels.tsv` by default, if there is one.

    The label `mask`, its own, is the path of the image's segmentation below the folder, "" where it has none.
    """

    label = "mask"
    patterns = ("labels.csv", "labels.tsv")

    part: Literal["training", "test", "all"] = "training"
    table: Name | None = None

    def scans(self, problems: Problems) -> list[Scan]:
        listed = self._listed(problems)
        self._masks: dict[str, str] = {}
        scans: dict[str, Scan] = {}
        meant = ("training", "test") if self.part == "all" else (self.part,)
        for file, mask in [entry for part in meant for entry in listed.get(part, [])]:
            name = without_ending(PurePosixPath(file).name)
            if not (self.root / file).exists():
                self.skippable.append(Problem(f"{self.shown}/{_TABLE}", f"names {file}, which is not there"))
                continue
            if mask and not (self.root / mask).exists():
                message = f"names the mask {mask} of {file}, which is not there"
                self.skippable.append(Problem(f"{self.shown}/{_TABLE}", message))
                mask = ""
            if name in scans:
                problems.add(f"{self.shown}/{_TABLE}", f"names {name} twice")
            scans[name] = Scan(name, file, name, name)
            self._masks[name] = mask
        if not scans and listed:
            problems.add(self.shown, f"none of the images of {_TABLE} is there")
        return list(scans.values())

    def key_of(self, text: str) -> str:
        return without_ending(PurePosixPath(text).name)

    def people(self, wanted: Sequence[str], needed: bool, problems: Problems) -> People | None:
        own = set(wanted) <= {"mask"}
        names = self.find(self.table, needed and not own, problems)
        shown, columns = f"{self.shown}/{_TABLE}", ["mask"]
        rows: dict[str, Row] = {}
        if names and not own:
            ids = [self.columns.get("subject", "image"), "subject", "id"]
            read = self.read_rows(names[0], ids, problems)
            if read is None:
                return None
            table, rows = read
            shown, columns = table.shown, [*columns, *table.columns]
        elif needed and not own:
            return None
        else:
            rows = {name: Row(shown, {}) for name in self._masks}
        filled = {
            name: Row(row.where, {**row.cells, "mask": self._masks.get(name, "")})
            for name, row in rows.items()
        }
        return People(shown, list(dict.fromkeys(columns)), filled)

    def header(self, record: ImageRecord) -> ImageHeader:
        with open_image(self.locate(record), buffering=0) as file:
            return nifti.header_of(file.read(nifti.FIRST_BYTES), series=True)

    def load(self, record: ImageRecord) -> RawImage:
        with open_image(self.locate(record)) as file:
            return nifti.load_bytes(file.read(), series=True)

    def _listed(self, problems: Problems) -> dict[str, list[tuple[str, str]]]:
        """Image and mask (or "") of each entry of dataset.json, by part."""
        shown = f"{self.shown}/{_TABLE}"
        try:
            with open_image(self.root / _TABLE) as file:
                document: Any = json.loads(file.read())
        except ImageError as error:
            problems.add(shown, f"{error}, expected the list of images that each task comes with")
            return {}
        except ValueError as error:
            problems.add(shown, f"no JSON: {error}")
            return {}
        found: dict[str, list[tuple[str, str]]] = {}
        for part in ("training", "test"):
            entries = document.get(part, []) if isinstance(document, dict) else []
            for number, entry in enumerate(entries):
                pair = {"image": entry} if isinstance(entry, str) else entry
                if not isinstance(pair, dict) or not isinstance(pair.get("image"), str):
                    problems.add(f"{shown}: {part}[{number}]", f"found {entry!r}, expected an image's path")
                    continue
                paths = [
                    str(PurePosixPath(path)) if path else "" for path in (pair["image"], pair.get("label"))
                ]
                found.setdefault(part, []).append((paths[0], paths[1]))
        if not found and not len(problems):
            problems.add(shown, "lists no images, expected `training` or `test`")
        return found
