"""Time series: `timeseries.npy` (volumes × channels) with `events.tsv`, one row a volume.

One such pair in the folder itself, or one in each folder below it: a folder a subject. Where there is none:
files of series with a table of their subjects (`series_cohort`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from tlpy.components.rules import Count
from tlpy.data.image_records import ImageError, ImageHeader, ImageRecord, RawImage
from tlpy.data.readers.argument_types import Name
from tlpy.data.readers.base import Reader
from tlpy.data.readers.rows import RowReader, find_column, resolve
from tlpy.data.readers.series import Place, SeriesFiles, windows
from tlpy.data.readers.series_cohort import SeriesCohort
from tlpy.data.readers.tables import Table, read_table
from tlpy.errors import Problem, Problems

SERIES, EVENTS = "timeseries.npy", "events.tsv"


@dataclass(kw_only=True)
class TimeSeriesReader(Reader):
    """timeseries.npy (volumes × channels) with events.tsv, a row a volume; or a file a subject

    Windows of N volumes (`preprocessing.window`) are read, labelled by the middle one; or whole runs.

    Args:
        stride: volumes between windows.
        ending, table: of files of subjects, as in `SeriesCohort`.

    A run is a stretch of equal text in the column `run`; without that column each file is one run. Windows
    lie within a run, `stride` volumes apart. Without a window each run is one image, and its label must
    be the same in all its rows. Channels come second on disk and first in the image; the only spatial axis is
    time. Where the column `group` varies within a subject (its runs), the group is that subject's.
    """

    stride: Count = 1
    ending: str | None = None
    table: Name | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._series = SeriesFiles(self.root)

    def records(self, labels: Sequence[str], group: str | None, problems: Problems) -> list[ImageRecord]:
        """All windows (or runs) of all subjects; see `Reader.records`."""
        self.skippable, self.notes = [], []
        if not self.root.is_dir():
            what = f"a file, expected a folder with {SERIES} and {EVENTS}"
            problems.add(self.shown, what if self.root.exists() else "no such folder")
            return []
        # macOS leaves ._ files; a link into a task's folder is followed.
        below = sorted(path.name for path in self.root.iterdir() if not path.name.startswith("."))
        inside = [name for name in below if (self.root / name / SERIES).is_file()]
        folders = [""] if SERIES in below else inside
        if not folders:
            return self._of_files(labels, group, problems)
        records: list[ImageRecord] = []
        for folder in folders:
            records += self._of_folder(folder, labels, group, problems)
        if records and labels and len(folders) == 1 and not group:
            self.notes.append(f"{self.shown} is of one subject: only `group` (such as run) can split it")
        return sorted(records, key=lambda record: record.image)

    def header(self, record: ImageRecord) -> ImageHeader:
        return self._series.header(record)

    def fingerprint(self, record: ImageRecord) -> str:
        return self._series.fingerprint(record)

    def load(self, record: ImageRecord) -> RawImage:
        return self._series.load(record)

    def _of_files(self, labels: Sequence[str], group: str | None, problems: Problems) -> list[ImageRecord]:
        """A file a subject, or its windows."""
        cohort = SeriesCohort(
            root=self.root, shown=self.shown, columns=self.columns, ending=self.ending, table=self.table
        )
        found = cohort.records(labels, group, problems)
        self.skippable, self.notes = cohort.skippable, cohort.notes
        if self.window:
            found = self._series.cut(found, self.window, self.stride, self.shown, self.skippable, self.notes)
        return sorted(found, key=lambda record: record.image)

    def _of_folder(
        self, folder: str, labels: Sequence[str], group: str | None, problems: Problems
    ) -> list[ImageRecord]:
        base = f"{folder}/" if folder else ""
        shown = f"{self.shown}/{base}{EVENTS}"
        try:
            volumes = self._series.series(base + SERIES).volumes
        except ImageError as error:
            self.skippable.append(Problem(f"{self.shown}/{base}{SERIES}", str(error)))
            return []
        table = read_table(self.root / f"{base}{EVENTS}", shown, problems)
        if table is None:
            return []
        if len(table.rows) != volumes:
            found = f"{len(table.rows)} rows for the {volumes} volumes of {SERIES}"
            problems.add(shown, f"{found}, expected one a volume")
            return []
        reader = resolve(shown, table.columns, self.columns, labels, group, problems, table)
        if len(reader.labels) < len(labels):
            return []
        runs = _runs(table, find_column(table.columns, [self.columns.get("run", "run")]))
        places = [
            place
            for first, last in runs
            for place in windows(base + SERIES, first, last, self.window, self.stride)
        ]
        short = sum(last - first < (self.window or 1) for first, last in runs)
        if short:
            self.notes.append(f"{shown}: {short} of {len(runs)} runs are shorter than {self.window} volumes")
        if not places:
            problems.add(shown, f"no run has {self.window} volumes, as preprocessing.window asks")
        subject = folder or PurePosixPath(self.shown).name
        changing = Problems()
        given = [self._record(place, base, subject, table, reader, problems, changing) for place in places]
        if changing:
            told = next(iter(changing))
            more = f", and {len(changing) - 1} more" if len(changing) > 1 else ""
            problems.add(told.where, f"{told.message}{more}", told.hint)
            return []  # what is left may be of one class, which is no fault of its own
        return [record for record in given if record]

    def _record(
        self,
        place: Place,
        base: str,
        subject: str,
        table: Table,
        reader: RowReader,
        problems: Problems,
        changing: Problems,
    ) -> ImageRecord | None:
        rows = table.rows[place.first : place.last]
        row = rows[0] if place.centre is None else rows[place.centre]
        details = reader.details(row, problems, self.skippable)
        if details is None:
            return None
        volume = place.first + (place.centre or 0)
        image, shown = f"{base}{volume:06d}", f"{place.file}#{volume}"
        if place.centre is None:
            image, shown = f"{base}{place.first:06d}-{place.last - 1:06d}", f"{shown}-{place.last - 1}"
            for label, column in reader.labels.items():
                if len({other.get(column) for other in rows}) > 1:
                    hint = "preprocessing.window cuts a run into windows, each with a label of its own"
                    changing.add(row.where, f"'{label}' changes within the run that starts here", hint)
                    return None
        person = row.get(self.columns.get("subject", "subject")) or subject
        if reader.group and len({other.get(reader.group) for other in table}) > 1:
            details["group"] = f"{person}/{details['group']}"
        run = row.get(find_column(table.columns, [self.columns.get("run", "run")]))
        self._series.places[image] = place
        return ImageRecord(image, shown, person, run=run, **details)


def _runs(table: Table, column: str | None) -> list[tuple[int, int]]:
    """First and one past the last row of each stretch of one run."""
    starts = [
        number
        for number, row in enumerate(table.rows)
        if number == 0 or (column and row.get(column) != table.rows[number - 1].get(column))
    ]
    return list(zip(starts, [*starts[1:], len(table.rows)], strict=True))
