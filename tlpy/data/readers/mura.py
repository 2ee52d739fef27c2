"""MURA: radiographs of the upper limb, normal or not by study (Rajpurkar et al. 2018, arXiv:1712.06957)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tlpy.data.image_records import ImageRecord
from tlpy.data.readers.coloured import ColouredReader, image_files
from tlpy.data.readers.images import without_ending
from tlpy.data.readers.rows import resolve
from tlpy.data.readers.tables import Row
from tlpy.errors import Problem, Problems, nearest

# train/XR_SHOULDER/patient00001/study1_positive/image1.png, wherever the data set's folder begins
_IMAGE = re.compile(
    r"(?:^|/)(?P<part>train|valid)/XR_(?P<body_part>[A-Z]+)/(?P<patient>patient\d+)/"
    r"(?P<number>study\d+)_(?P<finding>positive|negative)/[^/]+$"
)
_LISTS = "*_image_paths.csv"
_COLUMNS = ("finding", "body_part", "patient", "study", "split", "subject", "session")


@dataclass(kw_only=True)
class MuraReader(ColouredReader):
    """MURA: [train|valid]/XR_SHOULDER/patient00001/study1_positive/image1.png

    The study is what a label is of: `finding` (its own label) is `positive` or `negative` for all images of a
    study. A subject is a patient, whatever the body parts that were X-rayed.

    Args:
        body_parts: those to read, as `SHOULDER`; all of them by default.
        valid: the official part that `valid` stands for. There is no public test part; results in the
            literature are of `valid`.
        colour: `grey` or `rgb`: some radiographs are stored in colour, as three equal channels.

    Columns are `finding`, `body_part`, `patient`, `study` (body part, patient and number) and `split`. What
    `*_image_paths.csv` lists, and is not there, can be left out.
    """

    label = "finding"

    body_parts: list[str] | None = None
    valid: Literal["test", "val"] = "test"
    colour: Literal["grey", "rgb"] | None = "grey"

    def records(self, labels: Sequence[str], group: str | None, problems: Problems) -> list[ImageRecord]:
        """All radiographs; one that lies elsewhere than the layout says can be skipped."""
        self.skippable, self.notes = [], []
        if not self.root.is_dir():
            problems.add(self.shown, "a file, expected a folder" if self.root.exists() else "no such folder")
            return []
        rows = self._rows(problems)
        reader = resolve(self.shown, _COLUMNS, self.columns, labels, group, problems, rows.values())
        if not rows or len(reader.labels) < len(labels):
            return []
        records: dict[str, ImageRecord] = {}
        for file, row in rows.items():
            details = reader.details(row, problems, self.skippable)
            if details is None:
                continue
            match = _IMAGE.search(file)
            image = without_ending(file[match.start() :].lstrip("/") if match else file)
            if image in records:
                problems.add(row.where, f"is a second image {image}, beside {records[image].where}")
            record = ImageRecord(image, file, row.get("subject"), row.get("session"), **details)
            records[image] = record
        return sorted(records.values(), key=lambda record: record.image)

    def _rows(self, problems: Problems) -> dict[str, Row]:
        """What each image's path says, by its file."""
        files, _ = image_files(self.root)
        found: dict[str, Row] = {}
        for file in files:
            match = _IMAGE.search(file)
            where = f"{self.shown}/{file}"
            if match is None:
                message = "does not lie as XR_<PART>/patient<n>/study<n>_<positive or negative>/<image>"
                self.skippable.append(Problem(where, message))
                continue
            said = match.groupdict()
            if self.body_parts and said["body_part"] not in self.body_parts:
                continue
            study = f"{said['body_part']}/{said['patient']}/{said['number']}"
            found[file] = Row(
                where,
                {
                    "finding": said["finding"],
                    "body_part": said["body_part"],
                    "patient": said["patient"],
                    "study": study,
                    "split": "train" if said["part"] == "train" else self.valid,
                    "subject": said["patient"],
                    "session": f"{said['body_part']}-{said['number']}",
                },
            )
        there = {match["body_part"] for file in files if (match := _IMAGE.search(file))}
        if not there:
            message = "no radiographs: expected train/XR_<PART>/patient<n>/study<n>_<positive or negative>/"
            problems.add(self.shown, message)
        for part in sorted(set(self.body_parts or ()) - there) if there else ():
            where = f"{self.shown}: reader.body_parts"
            problems.add(where, f"no radiographs of '{part}'", nearest(part, sorted(there)))
        self._compare_lists(set(files))
        self._contradictions(found, problems)
        return found

    def _contradictions(self, rows: dict[str, Row], problems: Problems) -> None:
        """A study that is positive and negative at once."""
        finding: dict[str, Row] = {}
        for row in rows.values():
            first = finding.setdefault(row.cells["study"], row)
            if first.cells["finding"] != row.cells["finding"]:
                message = f"says {row.cells['finding']} of a study of which {first.where} says the opposite"
                problems.add(row.where, message)

    def _compare_lists(self, files: set[str]) -> None:
        """What `train_image_paths.csv` and `valid_image_paths.csv` (no header) list, and is not there."""
        below = {match.group().lstrip("/") for file in files if (match := _IMAGE.search(file))}
        for table in sorted({*self.root.glob(_LISTS), *self.root.glob(f"*/{_LISTS}")}):
            shown = f"{self.shown}/{table.relative_to(self.root).as_posix()}"
            lines = table.read_text(encoding="utf-8-sig", errors="replace").splitlines()
            for number, line in enumerate(lines, start=1):
                match = _IMAGE.search(line.strip())
                if match is None or (self.body_parts and match["body_part"] not in self.body_parts):
                    continue
                file = match.group().lstrip("/")
                # The lists hold some copies of names that macOS leaves on foreign disks.
                if file not in below and not file.rpartition("/")[2].startswith("._"):
                    self.skippable.append(Problem(f"{shown}:{number}", f"lists {file}, which is not there"))
