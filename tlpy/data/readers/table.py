"""A CSV or TSV with one image in each row: its path, and whatever is known about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path, PurePosixPath

from tlpy.data.image_records import ImageRecord
from tlpy.data.readers.argument_types import Name
from tlpy.data.readers.base import Reader
from tlpy.data.readers.images import files_of, without_ending
from tlpy.data.readers.rows import absent, find_column, resolve
from tlpy.data.readers.tables import Row, Table, read_table
from tlpy.errors import Problem, Problems

DEFAULT_COLUMNS = {
    "image": ("image", "path", "file"),
    "subject": ("subject", "participant_id", "eid", "id"),
    "session": ("session",),
    "run": ("run",),
}


@dataclass(kw_only=True)
class TableReader(Reader):
    """a CSV or TSV with a path to an image and its labels in each row

    Args:
        images: the folder that the paths in the table start from; the table's own folder by default.

    Columns, unless `columns` says otherwise (in any case): the image's path in `image`, `path` or `file`
    (needed); `subject`, `participant_id`, `eid` or `id`; `session`; `run`; `site`; `split`. Without
    a subject, the group stands for it; without either, every image counts as a subject of its own.
    """

    images: Name | None = None

    def records(self, labels: Sequence[str], group: str | None, problems: Problems) -> list[ImageRecord]:
        """All images, with what their rows say; see `Reader.records`.

        A row without an image, with one that is not there, or without a group can be skipped.
        The same image in two rows and an absent column cannot.
        """
        self.skippable, self.notes = [], []
        if self.root.is_dir():
            problems.add(self.shown, "a folder, expected a CSV or TSV file")
            return []
        table = read_table(self.root, self.shown, problems)
        if table is None:
            return []
        columns = {name: self._column(table, name, problems) for name in DEFAULT_COLUMNS}
        reader = resolve(self.shown, table.columns, self.columns, labels, group, problems, table)
        if columns["image"] is None or len(reader.labels) < len(labels):
            return []
        if not table.rows:
            problems.add(self.shown, "no rows, expected one for each image")
        records, missing = [], 0
        for row, file, image in self._listed(table, columns["image"], problems):
            if not (self._folder() / file).exists():
                self.skippable.append(Problem(row.where, f"no such image: {file}"))
                missing += 1
                continue
            details = reader.details(row, problems, self.skippable)
            if details is None:
                continue
            subject = row.get(columns["subject"]) or (details["group"] if not columns["subject"] else "")
            if columns["subject"] and not subject:
                problems.add(row.where, f"nothing in column '{columns['subject']}', expected a subject")
            session, run = row.get(columns["session"]), row.get(columns["run"])
            records.append(ImageRecord(image, file, subject or image, session, run, **details))
        if missing and missing == len(table.rows):
            hint = "paths start from the table's folder; say `images: FOLDER` in the reader if they do not"
            problems.add(self.shown, f"none of its {missing} images is there", hint)
            self.skippable.clear()
        self._note(records, bool(columns["subject"] or reader.group))
        return sorted(records, key=lambda record: record.image)

    def named_files(self) -> list[Path]:
        """The images of all rows; of an `.img` its header too."""
        problems = Problems()
        table = None if self.root.is_dir() else read_table(self.root, self.shown, problems)
        column = table and self._column(table, "image", problems)
        if table is None or not column:
            return []
        images = [self._folder() / file for row in table if (file := row.get(column))]
        return [file for image in images for file in files_of(image)]

    def locate(self, record: ImageRecord) -> Path:
        return self._folder() / record.file

    def _folder(self) -> Path:
        """Where the paths start: the table may be a link into a task's folder, so its real place counts."""
        home = self.root.resolve().parent
        return home / Path(str(self.images)).expanduser() if self.images else home

    def _column(self, table: Table, name: str, problems: Problems) -> str | None:
        if name in self.columns:
            column = self.columns[name]
            if column in table.columns:
                return column
            problems.extend([absent(self.shown, column, table.columns, name)])
            return None
        column = find_column(table.columns, DEFAULT_COLUMNS[name]) or ""
        if not column and name == "image":
            hint = "name it: `columns: {image: …}`; found " + ", ".join(table.columns)
            problems.add(
                self.shown, f"no column {' or '.join(DEFAULT_COLUMNS[name])} with the images' paths", hint
            )
        return column or None

    def _listed(self, table: Table, column: str, problems: Problems) -> list[tuple[Row, str, str]]:
        """Row, path and image id of each row that names an image; the same image twice is a problem."""
        named = []
        for row in table:
            file = row.get(column)
            if file:
                named.append((row, file))
            else:
                self.skippable.append(
                    Problem(row.where, f"nothing in column '{column}', expected an image's path")
                )
        absolute = [file for _, file in named if PurePosixPath(file).is_absolute()]
        start = commonpath([str(PurePosixPath(file).parent) for file in absolute]) if absolute else ""
        bare = Counter(without_ending(_portable(file, start)) for file in {file for _, file in named})
        listed: list[tuple[Row, str, str]] = []
        first: dict[str, str] = {}
        for row, file in named:
            image = _portable(file, start)
            image = without_ending(image) if bare[without_ending(image)] == 1 else image
            if image in first:
                problems.add(
                    row.where, f"the image {file} is already on line {first[image]}", "keep one row for it"
                )
                continue
            first[image] = row.where.rpartition(":")[2]
            listed.append((row, file, image))
        return listed

    def _note(self, records: list[ImageRecord], known: bool) -> None:
        if not known and records:
            self.names_people = False
            self.notes.append(
                f"{self.shown} names no subjects: every image counts as one of its own, "
                "so that nobody can be kept from being in two parts"
            )
        several = sum(count > 1 for count in Counter(record.subject for record in records).values())
        if several:
            self.notes.append(f"{self.shown}: {several} subjects have several images, which stay in one part")


def _portable(file: str, start: str) -> str:
    """The path in its plain form; of an absolute one what follows `start`, so that data can be moved."""
    path = PurePosixPath(file)
    return str(path.relative_to(start) if path.is_absolute() else path)
