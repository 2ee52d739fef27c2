"""Human Connectome Project, S1200: images of subjects, unpacked or zipped, or node time series; families kept
together.

Van Essen et al. 2013, doi:10.1016/j.neuroimage.2013.05.041. The open table (unrestricted_*.csv) has Gender
and Age in bands; the restricted one has Age_in_Yrs and Family_ID. Most of the 1,206 people are siblings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar

from tlpy.components.rules import Count
from tlpy.data.image_records import ImageError, ImageHeader, ImageRecord, RawImage
from tlpy.data.readers.argument_types import Name
from tlpy.data.readers.cohort import People, Scan
from tlpy.data.readers.cohort_tables import plain_id
from tlpy.data.readers.series import SeriesFiles
from tlpy.data.readers.tables import Row, is_missing
from tlpy.data.readers.zipped import ZippedReader
from tlpy.errors import Problem, Problems, nearest

_SUBJECT = re.compile(r"\d{6}")
_ZIP = re.compile(r"(\d{6})_(.+)\.zip", re.IGNORECASE)
_SERIES = re.compile(r"(\d{6})\.txt", re.IGNORECASE)
_NODES = re.compile(r"(?:^|_)d(\d+)(?:_|$)")
_BOOLEANS = frozenset({"true", "false"})
# Four runs of 14.4 minutes at 0.72 s stand one after the other in a file.
_RUN = 1200
_DEPTH = 4


@dataclass(kw_only=True)
class HcpReader(ZippedReader):
    """HCP S1200: <Subject>/MNINonLinear/…, zipped, or node time series; families kept together

    Args:
        file: the image below a subject's folder.
        package: which of a subject's zips holds the image, `<Subject>_<package>.zip` (`*` stands for any
            text), in the data set's folder, in `<Subject>` or in `<Subject>/preproc`. An unpacked image goes
            before its zip.
        nodes: read the node time series of this ICA parcellation (15, 25, 50, 100, 200, 300) instead:
            `<Subject>.txt`, a row a volume and a column a node.
        folder: where these lie, if several folders are of so many nodes (`…_ts2`, `…_ts3`) or none is.
        stride: volumes between windows (`preprocessing.window`), by default a window's length. Windows of up
            to 1,200 volumes lie within one of the four runs.
        tables: the tables in the data set's folder, joined by `Subject`; by default every CSV with
            `restricted` in its name, in any case.

    Besides the tables' own columns there are `sex` (Gender) and `age` (Age_in_Yrs). Booleans are true and
    false however they were written. Where a table has Family_ID and no group is named, that is the group;
    families that share a Mother_ID or Father_ID are one.
    """

    aliases: ClassVar[Mapping[str, Sequence[str]]] = {"sex": ("Gender",), "age": ("Age_in_Yrs",)}
    families = "Family_ID"
    patterns = ("*restricted*.csv", "*.csv")

    file: str = "MNINonLinear/T1w_restore_brain.nii.gz"
    package: str = "3T_Structural_preproc"
    nodes: Count | None = None
    folder: Name | None = None
    stride: Count | None = None
    tables: Name | Sequence[str] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._series = SeriesFiles(self.root)

    def records(self, labels: Sequence[str], group: str | None, problems: Problems) -> list[ImageRecord]:
        """All images, or the windows of all series; see `Reader.records`."""
        found = super().records(labels, group, problems)
        if not (self._is_series and self.window):
            return found
        stride = self.stride or self.window
        cut = self._series.cut(found, self.window, stride, self.shown, self.skippable, self.notes, _RUN)
        return sorted(cut, key=lambda record: record.image)

    def header(self, record: ImageRecord) -> ImageHeader:
        if not self._is_series:
            return super().header(record)
        header = self._series.header(record)
        if self.nodes and header.channels != self.nodes:
            raise ImageError(f"has {header.channels} nodes (numbers a line), expected {self.nodes}")
        return header

    def fingerprint(self, record: ImageRecord) -> str:
        return self._series.fingerprint(record) if self._is_series else super().fingerprint(record)

    def load(self, record: ImageRecord) -> RawImage:
        return self._series.load(record) if self._is_series else super().load(record)

    @property
    def _is_series(self) -> bool:
        return bool(self.nodes or self.folder)

    def scans(self, problems: Problems) -> list[Scan]:
        return self._series_scans(problems) if self._is_series else self._image_scans(problems)

    def _image_scans(self, problems: Problems) -> list[Scan]:
        file, names = self.file, _visible(self.root)
        found = {name: f"{name}/{file}" for name in names if (self.root / name / file).is_file()}
        zips, others = self._zips(names)
        for subject, place in zips.items():
            found.setdefault(subject, f"{place}#{subject}/{file}")
        if not found:
            hint = f"found the packages {', '.join(others[:6])}: name one, reader.package" if others else ""
            what = f"no images: nothing matches <Subject>/{file} or <Subject>_{self.package}.zip"
            problems.add(self.shown, what, hint)
            return []
        self.skippable += [
            Problem(f"{self.shown}/{name}", f"has no {file}")
            for name in names
            if _SUBJECT.fullmatch(name) and name not in found and (self.root / name).is_dir()
        ]
        return [Scan(name, place, name, name) for name, place in sorted(found.items())]

    def _zips(self, names: Sequence[str]) -> tuple[dict[str, str], list[str]]:
        """The zip of each subject that is meant; the names of other packages."""
        taken: dict[str, str] = {}
        others: dict[str, None] = {}
        folders = [name for name in names if _SUBJECT.fullmatch(name) and (self.root / name).is_dir()]
        places = ["", *folders, *(f"{name}/preproc" for name in folders)]
        for place in places:
            for name in names if not place else _visible(self.root / place):
                match = _ZIP.fullmatch(name)
                if match and fnmatchcase(match[2], self.package):
                    taken.setdefault(match[1], f"{place}/{name}" if place else name)
                elif match:
                    others[match[2]] = None
        return taken, sorted(others)

    def about_lacking(self, names: Sequence[str]) -> str:
        images = sorted(name for name in names if name.endswith(".nii.gz"))
        return f"other images are there, as {images[0]}" if images else "nor any other image"

    def _series_scans(self, problems: Problems) -> list[Scan]:
        folder = self._series_folder(problems)
        if folder is None:
            return []
        matches = [_SERIES.fullmatch(name) for name in _visible(self.root / folder)]
        base = "" if folder == "." else f"{folder}/"
        scans = [Scan(match[1], f"{base}{match[0]}", match[1], match[1]) for match in matches if match]
        if not scans:
            problems.add(f"{self.shown}/{folder}", "no time series: nothing matches <Subject>.txt")
        return scans

    def _series_folder(self, problems: Problems) -> str | None:
        """The folder of the time series; None, and a problem, if it is not clear which."""
        folder, nodes = self.folder, self.nodes
        found: dict[str, int] = {}
        for path, below, files in os.walk(self.root, followlinks=True):
            place = Path(path).relative_to(self.root).as_posix()
            below[:] = sorted(name for name in below if name[0] != "." and not _SUBJECT.fullmatch(name))
            if place.count("/") >= _DEPTH - 1:
                below.clear()
            named = _NODES.search(place.rpartition("/")[2])
            if named and any(_SERIES.fullmatch(file) for file in files):
                found[place] = int(named[1])
        if folder:
            if (self.root / str(folder)).is_dir():
                return str(folder).rstrip("/")
            hint = nearest(str(folder), sorted(found))
            problems.add(f"{self.shown}: reader.folder", f"no folder '{folder}'", hint)
            return None
        meant = [place for place, number in found.items() if number == nodes]
        if len(meant) != 1:
            listed = ", ".join(str(number) for number in sorted(set(found.values())))
            what = f"{len(meant)} folders of {nodes} nodes: {', '.join(meant)}" if meant else ""
            problems.add(
                f"{self.shown}: reader.nodes",
                what or f"no folder …_d{nodes}_…/ with <Subject>.txt",
                "name one: reader.folder" if meant else f"found the nodes {listed}" if listed else "",
            )
            return None
        return meant[0]

    def people(self, wanted: Sequence[str], needed: bool, problems: Problems) -> People | None:  # noqa: ARG002
        names = self.find(self.tables, needed, problems, "tables")
        columns: dict[str, None] = {}
        rows: dict[str, Row] = {}
        for name in names:
            read = self.read_rows(name, [self.columns.get("subject", "Subject")], problems)
            if read is None:
                continue
            columns.update(dict.fromkeys(read[0].columns))
            for subject, row in read[1].items():
                before = rows.get(subject, Row(row.where, {})).cells
                filled = {column: text for column, text in row.cells.items() if not is_missing(text)}
                rows[subject] = Row(rows.get(subject, row).where, {**row.cells, **before, **filled})
        if not rows:
            return None
        families = _families(rows.values())
        if any(family != joined for family, joined in families.items()):
            self.notes.append(f"{self.shown}: families that share a mother or father count as one")
        rows = {subject: Row(row.where, self._cells(row, families)) for subject, row in rows.items()}
        columns.update(dict.fromkeys(column for row in rows.values() for column in row.cells))
        return People(f"{self.shown}/{names[0]}", list(columns), rows)

    def _cells(self, row: Row, families: Mapping[str, str]) -> dict[str, str]:
        plain = {
            column: text.lower() if text.lower() in _BOOLEANS else text for column, text in row.cells.items()
        }
        if row.get(self.families):
            plain[self.families] = families[row.get(self.families)]
        return self.with_aliases(plain)


def _families(rows: Iterable[Row]) -> dict[str, str]:
    """Each Family_ID → the least of all that it shares a Mother_ID or Father_ID with, directly or not: half
    siblings are of different families."""
    joined: dict[str, str] = {}

    def find(node: str) -> str:
        joined.setdefault(node, node)
        while joined[node] != node:
            node = joined[node]
        return node

    found: set[str] = set()
    for row in rows:
        family = row.get(HcpReader.families)
        if not family:
            continue
        found.add(family)
        for parent in ("Mother_ID", "Father_ID"):
            if row.get(parent):
                ends = sorted({find(f"family {family}"), find(f"parent {plain_id(row.get(parent))}")})
                joined[ends[-1]] = ends[0]
    return {family: find(f"family {family}").removeprefix("family ") for family in sorted(found)}


def _visible(folder: Path) -> list[str]:
    """The names in a folder, sorted, without what systems hide; none if it is not there."""
    if not folder.is_dir():
        return []
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))  # noqa: PTH208
