"""BIDS folders: `sub-*/[ses-*/]anat/*_T1w.nii.gz` with `participants.tsv` and any `sub-*_sessions.tsv`.

Brain Imaging Data Structure, Gorgolewski et al. 2016, doi:10.1038/sdata.2016.44.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tlpy.data.image_records import ImageRecord
from tlpy.data.readers.argument_types import Choice, Entity, RunChoice
from tlpy.data.readers.base import Reader
from tlpy.data.readers.bids_files import ENTITIES, BidsFile, scan, select
from tlpy.data.readers.bids_masks import masks_of
from tlpy.data.readers.images import without_ending
from tlpy.data.readers.rows import RowReader, absent, resolve
from tlpy.data.readers.tables import Row, Table, read_table
from tlpy.errors import Problem, Problems, nearest

_TABLE = "participants.tsv"
_MASK = "mask"


@dataclass(kw_only=True)
class BidsReader(Reader):
    """BIDS: sub-*/[ses-*/]anat/*_T1w.nii.gz with participants.tsv

    Args:
        suffix, datatype: the kind of image, `T1w` in `anat` by default.
        acq, ce, rec, echo, part, inv, space, res, desc: take only files with this entity, or `none` for only
            those without it.
        sessions: `first`, `last`, `all` or one session's name; needed where a subject has several.
        runs: `first`, `last`, `all` or a number; needed where a session has several.
        derivatives: a folder below the data set (or below its `derivatives`) that holds the images.
        masks: such a folder that holds the segmentations, for the label `mask`; by default the one with any.

    What a subject's sessions.tsv tells of any visit (an age) is of the visit, and unknown where it says n/a
    or has no row; all else is of participants.tsv.

    The label `mask`, where no table has such a column, is the path of the image's `*_dseg` or `*_mask` file.
    """

    cites = ("Gorgolewski KJ, et al. The brain imaging data structure. Sci Data 2016; 3:160044.",)

    suffix: Entity = "T1w"
    datatype: Entity = "anat"
    acq: Entity | None = None
    ce: Entity | None = None
    rec: Entity | None = None
    echo: Entity | None = None
    part: Entity | None = None
    inv: Entity | None = None
    space: Entity | None = None
    res: Entity | None = None
    desc: Entity | None = None
    sessions: Choice | None = None
    runs: RunChoice | None = None
    derivatives: Entity | None = None
    masks: Entity | None = None

    def records(self, labels: Sequence[str], group: str | None, problems: Problems) -> list[ImageRecord]:
        """All images that are meant, with what the tables say; see `Reader.records`.

        A subject without an image and an image without a row can be skipped. A subject with several images
        and no rule, a subject with two rows, and an absent column cannot.
        """
        self.skippable, self.notes = [], []
        files = self._files(problems)
        if not files:
            return []
        needed = bool(set(labels) - {_MASK} or group)
        people = self._participants(problems, needed)
        visits, visit_columns = self._visits(sorted({file.subject for file in files}), problems)
        columns = list(dict.fromkeys([*(people.columns if people else []), *visit_columns]))
        segmented = _MASK in labels and self.columns.get(_MASK, _MASK) not in columns
        masks = masks_of(self.root, self.shown, self.masks, problems) if segmented else None
        listed = [label for label in labels if not (segmented and label == _MASK)]
        # Without the table every column would be reported as absent.
        faults = Problems() if needed and people is None else problems
        told = [*(people or ()), *(row for rows in visits.values() for row in rows.values())]
        reader = resolve(f"{self.shown}/{_TABLE}", columns, self.columns, listed, group, faults, told)
        if len(reader.labels) < len(listed):
            return []  # the column is absent: no need to say so of every image
        rows = self._rows(people, problems) if people else None
        chosen = self._chosen(files, problems)
        if rows and not any(file.subject in rows for file in files):
            there, here = files[0].subject, next(iter(rows))
            message = f"none of the subjects with images has a row: {there}, … there, {here}, … here"
            problems.add(f"{self.shown}/{_TABLE}", message, "ids must be equal, leading zeros too")
            return []
        records = []
        for file in chosen:
            row = rows.get(file.subject) if rows is not None else Row(f"{self.shown}/{file.file}", {})
            if row is None:
                message = f"{file.subject} has an image but no row in {_TABLE}"
                self.skippable.append(Problem(f"{self.shown}/{file.file}", message))
                continue
            record = self._record(
                file, _joined(row, visits.get(file.subject, {}), file.session), reader, problems
            )
            if record:
                if masks is not None:
                    record.labels[_MASK] = masks.of(file, problems)
                records.append(record)
        if rows is not None:
            imaged = {file.subject for file in files}
            self.skippable += [
                Problem(row.where, f"{subject} has a row but no {self._pattern()} image")
                for subject, row in rows.items()
                if subject not in imaged
            ]
        return sorted(records, key=lambda record: record.image)

    def _record(self, file: BidsFile, row: Row, reader: RowReader, problems: Problems) -> ImageRecord | None:
        details = reader.details(row, problems, self.skippable)
        if details is None:
            return None
        image = without_ending(file.name)
        return ImageRecord(image, file.file, file.subject, file.session, file.run, **details)

    def _pattern(self) -> str:
        return f"{self.datatype}/*_{self.suffix}.nii[.gz]"

    def _files(self, problems: Problems) -> list[BidsFile]:
        """Every image of the wanted kind; a problem if there is none."""
        if not self.root.is_dir():
            problems.add(
                self.shown, "a file, expected a BIDS folder" if self.root.exists() else "no such folder"
            )
            return []
        folder = self._folder(problems)
        if folder is None:
            return []
        suffix = str(self.suffix)
        files, suffixes = scan(self.root, folder, str(self.datatype), suffix)
        if not files:
            place = f"{self.shown}/{folder}".rstrip("/")
            hint = f"found there: {', '.join(suffixes)}; {nearest(suffix, suffixes)}" if suffixes else ""
            problems.add(place, f"no images: nothing matches sub-*/[ses-*/]{self._pattern()}", hint)
        for file in files:
            if not file.name.startswith(f"{file.subject}_"):
                problems.add(
                    f"{self.shown}/{file.file}",
                    f"its name is not that of {file.subject}, in whose folder it is",
                )
        return files

    def _folder(self, problems: Problems) -> str | None:
        """The images' folder relative to the data set's; None if the one that was named is not there."""
        name = self.derivatives
        if not name:
            return ""
        for folder in (str(name).rstrip("/"), f"derivatives/{name}".rstrip("/")):
            if (self.root / folder).is_dir():
                return folder
        parent = self.root / "derivatives"
        valid = sorted(path.name for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []
        problems.add(f"{self.shown}: reader.derivatives", f"no folder '{name}'", nearest(str(name), valid))
        return None

    def _chosen(self, files: list[BidsFile], problems: Problems) -> list[BidsFile]:
        wanted: dict[str, Entity | None] = {key: getattr(self, key) for key in ENTITIES}
        entities = {key: None if value is None else str(value) for key, value in wanted.items()}
        sessions = None if self.sessions is None else str(self.sessions)
        return select(files, entities, sessions, self.runs, self.shown, problems, self.skippable)

    def _participants(self, problems: Problems, needed: bool) -> Table | None:
        path = self.root / _TABLE
        if not needed and not path.is_file():
            return None
        if not path.is_file() and (self.root / "dataset_description.json").is_file():
            hint = "of derivatives, path is the data set's folder, and reader.derivatives theirs"
            problems.add(f"{self.shown}/{_TABLE}", "no such file", hint)
            return None
        return read_table(path, f"{self.shown}/{_TABLE}", problems)

    def _rows(self, table: Table, problems: Problems) -> dict[str, Row] | None:
        """Rows by subject id (with `sub-`, which some tables leave out)."""
        column = self.columns.get("subject", "participant_id")
        if column not in table.columns:
            problems.extend([absent(table.shown, column, table.columns, "subject")])
            return None
        rows: dict[str, Row] = {}
        for row in table:
            subject = row.get(column)
            if not subject:
                problems.add(row.where, f"nothing in column '{column}', expected a subject")
                continue
            subject = subject if subject.startswith("sub-") else f"sub-{subject}"
            if subject in rows:
                first = rows[subject].where.rpartition(":")[2]
                problems.add(
                    row.where, f"{subject} has two rows, the first on line {first}", "keep one of them"
                )
                continue
            rows[subject] = row
        return rows

    def _visits(self, subjects: list[str], problems: Problems) -> tuple[dict[str, dict[str, Row]], list[str]]:
        """Rows of all `sub-*/sub-*_sessions.tsv` by subject, then session (without `ses-`); their columns."""
        visits: dict[str, dict[str, Row]] = {}
        columns: dict[str, None] = {}
        key = self.columns.get("session", "session_id")
        for subject in subjects:
            file = f"{subject}/{subject}_sessions.tsv"
            if not (self.root / file).is_file():
                continue
            table = read_table(self.root / file, f"{self.shown}/{file}", problems)
            if table is None:
                continue
            if key not in table.columns:
                problems.extend([absent(table.shown, key, table.columns, "session")])
                continue
            columns.update(dict.fromkeys(table.columns))
            rows = visits[subject] = {}
            for row in table:
                visit = row.get(key).removeprefix("ses-")
                if visit in rows:
                    problems.add(row.where, f"ses-{visit} of {subject} has two rows", "keep one of them")
                rows[visit] = row
        return visits, list(columns)


def _joined(person: Row, visits: dict[str, Row], session: str) -> Row:
    """A subject's row as of a visit: the visit's own values, in columns that any visit has a value in."""
    if not (visits and session):
        return person
    varying = {column for row in visits.values() for column in row.cells if row.get(column)}
    visit = visits.get(session, Row(person.where, {}))
    return Row(visit.where, {**person.cells, **{column: visit.get(column) for column in varying}})
