"""Pictures in folders named by their class: `<class>/…`, or `train/<class>/…` with official parts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from tlpy.data.image_records import ImageRecord
from tlpy.data.readers.coloured import ColouredReader, image_files
from tlpy.data.readers.images import ENDINGS, without_ending
from tlpy.data.readers.rows import part_name, resolve
from tlpy.data.readers.tables import Row
from tlpy.errors import InputError, Problem, Problems


@dataclass(kw_only=True)
class ImageFolderReader(ColouredReader):
    """pictures in folders named by their class, [train|val|test/]<class>/…

    Every picture, NIfTI or NumPy image below the folders of the classes is read.

    Args:
        pattern: a regular expression, searched for in each path below the data set; its named groups become
            columns: `subject`, `session`, `site`, `group`, or a name of one's own, as `(?P<subject>pat\\d+)`.
        colour: `grey` or `rgb`: turn every picture into that, where a folder mixes both.

    The label is `class` (also called `label`). Without a pattern each image is a subject of its own.
    """

    label = "class"

    pattern: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pattern is None:
            return
        where = f"{self.shown}: reader.pattern"
        try:
            named = re.compile(self.pattern).groupindex
        except re.error as error:
            raise InputError([Problem(where, f"no regular expression: {error}")]) from None
        if not named:
            hint = "such as (?P<subject>patient\\d+)"
            raise InputError([Problem(where, "has no named group", hint)])

    def records(self, labels: Sequence[str], group: str | None, problems: Problems) -> list[ImageRecord]:
        """All images; a path without a match of the pattern, or in no class's folder, can be skipped."""
        self.skippable, self.notes = [], []
        if not self.root.is_dir():
            what = "a file, expected a folder of classes" if self.root.exists() else "no such folder"
            problems.add(self.shown, what)
            return []
        files = self._files()
        if not files:
            problems.add(self.shown, f"no images: nothing ends in {', '.join(ENDINGS)} below its folders")
            return []
        tops = {file.split("/")[0] for file in files if "/" in file}
        official = bool(tops) and all(part_name(top) for top in tops)
        search = re.compile(self.pattern) if self.pattern else None
        rows: dict[str, Row] = {}
        for file in files:
            folders = file.split("/")[int(official) : -1]
            where = f"{self.shown}/{file}"
            if not folders:
                self.skippable.append(Problem(where, "is in no class's folder"))
                continue
            cells = {"class": folders[0], "label": folders[0]}
            if official:
                cells["split"] = part_name(file.split("/")[0])
            if search:
                match = search.search(file)
                if match is None:
                    self.skippable.append(Problem(where, "its path does not match the reader's pattern"))
                    continue
                cells |= {name: text or "" for name, text in match.groupdict().items()}
            rows[file] = Row(where, cells)
        columns = list(dict.fromkeys(name for row in rows.values() for name in row.cells))
        asked = {self.columns.get(label, label) for label in labels}
        if rows and asked & {"class", "label"} and len({row.get("class") for row in rows.values()}) < 2:
            only = next(iter(rows.values())).get("class")
            inside = sorted(
                {file.split("/")[int(official) + 1] for file in rows if file.count("/") > 1 + official}
            )
            hint = f"expected a folder a class; below '{only}' are {', '.join(inside[:5])}" if inside else ""
            message = f"all images are of one class, '{only}'"
            problems.add(self.shown, message, hint or "expected a folder a class")
        reader = resolve(self.shown, columns, self.columns, labels, group, problems, rows.values())
        if len(reader.labels) < len(labels):
            return []
        stems = Counter(without_ending(file) for file in rows)
        records = []
        for file, row in rows.items():
            details = reader.details(row, problems, self.skippable)
            if details is None:
                continue
            image = without_ending(file) if stems[without_ending(file)] == 1 else file
            own = f"{PurePosixPath(self.shown).name}/{image}"
            subject = row.get(self.columns.get("subject", "subject"))
            session = row.get(self.columns.get("session", "session"))
            records.append(ImageRecord(image, file, subject or own, session, **details))
        if records and labels and not group and "subject" not in columns:
            self.names_people = False
            self.notes.append(
                f"{self.shown} names no subjects: every image counts as one of its own, so that "
                "nobody can be kept from being in two parts"
            )
        return sorted(records, key=lambda record: record.image)

    def _files(self) -> list[str]:
        """Every image below the folder, sorted; files of other kinds are noted."""
        files, other = image_files(self.root)
        if other:
            kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(other.items())[:6])
            self.notes.append(
                f"{self.shown}: {other.total()} files of other kinds were passed over ({kinds})"
            )
        return files
