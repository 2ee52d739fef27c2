"""Time series in a file a subject (`<subject>.npy`, `.txt`, `.csv`, `.tsv`, `.1D`), with a table of these."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tlpy.data.readers.argument_types import Name
from tlpy.data.readers.cohort import CohortReader, People, Scan
from tlpy.data.readers.cohort_tables import plain_id
from tlpy.data.readers.series import ENDINGS, id_of
from tlpy.data.readers.tables import Row, Table
from tlpy.errors import Problems

TABLES = ("participants.tsv", "participants.csv", "labels.tsv", "labels.csv", "*phenotypic*.csv")
_IDS = ("subject", "participant_id", "id", "file_id")
_TEXTS = ("readme", "license", "licence", "changes")


@dataclass(kw_only=True)
class SeriesCohort(CohortReader):
    """Reads whole files, anywhere below the data set's folder.

    Args:
        ending: what follows a subject's id in a file's path, as `_rois_cc200.1D` or `/rest.npy`; by default
            any ending of a series, so that the file is named by the id alone.
        table: its name in the folder; one of `TABLES` by default. Ids may have `sub-` before them or not.
    """

    patterns = TABLES

    ending: str | None = None
    table: Name | None = None

    def scans(self, problems: Problems) -> list[Scan]:
        ending = self.ending or ""
        scans: list[Scan] = []
        for folder, below, names in os.walk(self.root, followlinks=True):
            below[:] = sorted(name for name in below if name[0] != ".")
            start = Path(folder).relative_to(self.root).as_posix()
            for name in sorted(names):
                file = name if start == "." else f"{start}/{name}"
                if name[0] == "." or not id_of(name) or not file.endswith(ending) or self._is_text(file):
                    continue
                stem = file[: -len(ending)] if ending else str(PurePosixPath(file).with_suffix(""))
                key = stem.rpartition("/")[2]
                if key:
                    scans.append(Scan(stem, file, key, _plain(key)))
        if not scans:
            expected = f"*{ending}" if ending else f"<subject>{' or '.join(ENDINGS)}"
            what = f"neither timeseries.npy with events.tsv nor files of subjects, {expected}"
            problems.add(self.shown, f"no time series: {what}")
        twice = {scan.image for scan in scans}
        if len(twice) < len(scans):  # one name with two endings
            scans = [Scan(scan.file, scan.file, scan.subject, scan.key) for scan in scans]
        self._keys = {scan.key for scan in scans}
        return scans

    def _is_text(self, file: str) -> bool:
        """Whether a file is one of the tables, or says something about the data."""
        name = file.casefold()
        if "/" not in file and (name in TABLES or "phenotypic" in name or file == self.table):
            return True
        return id_of(file.rpartition("/")[2]).casefold() in _TEXTS

    def key_of(self, text: str) -> str:
        return _plain(text)

    def refuse(self, table: Table, differ: Mapping[str, Sequence[Row]], problems: Problems) -> None:
        # Of people without a file tables may say "no_filename", again and again.
        super().refuse(table, {key: rows for key, rows in differ.items() if key in self._keys}, problems)

    def people(self, wanted: Sequence[str], needed: bool, problems: Problems) -> People | None:  # noqa: ARG002
        column = self.columns.get("subject")
        return self.people_of(self.table, [column] if column else _IDS, needed, problems)


def _plain(text: str) -> str:
    return plain_id(text).removeprefix("sub-")
