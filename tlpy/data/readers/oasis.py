"""What OASIS-1 and OASIS-2 share: `OAS1_0001_MR1/…`, wherever the discs were unpacked to."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tlpy.data.readers.argument_types import Choice, Name
from tlpy.data.readers.bids_files import by_rule
from tlpy.data.readers.cohort import CohortReader, People, Scan, condense
from tlpy.data.readers.images import ending, without_ending
from tlpy.errors import Problem, Problems

_RUN = re.compile(r"mpr-(\d+)")


@dataclass(kw_only=True)
class OasisReader(CohortReader):
    """Finds a visit's images by the visit's id anywhere in their path, and its row by that id.

    Args:
        image: what an image's name ends in, before its ending; null: any.
        sessions: `first`, `last`, `all` or a visit.
        table: its name in the folder; else the first file that meets one of `patterns`.
    """

    aliases: ClassVar[Mapping[str, Sequence[str]]] = {"age": ("Age",), "sex": ("M/F",)}
    visit: ClassVar[re.Pattern[str]]
    key_column: ClassVar[str]

    image: Name | None = None
    sessions: Choice | None = None
    table: Name | None = None

    def which_runs(self) -> Choice | None:
        """Which of a visit's images are meant; None: there must be only one."""
        return None

    def is_meant(self, stem: str) -> bool:
        """Whether the image with this name (without ending) is of the wanted kind."""
        return self.image is None or stem.endswith(str(self.image))

    def scans(self, problems: Problems) -> list[Scan]:
        people: dict[str, list[Scan]] = {}
        visits: set[str] = set()
        for folder, below, names in os.walk(self.root, followlinks=True):
            below[:] = sorted(name for name in below if not name.startswith((".", "__MACOSX")))
            start = Path(folder).relative_to(self.root).as_posix()
            for name in sorted(names):
                file = name if start == "." else f"{start}/{name}"
                match = self.visit.search(file)
                if match is None or name.startswith(".") or not ending(name):
                    continue
                visits.add(match[0])
                if self.is_meant(without_ending(name)):
                    run = _RUN.search(name)
                    image = f"{match[0]}_run-{run[1]}" if run else match[0]
                    scan = Scan(image, file, match[1], match[0], match[2], run[1] if run else "")
                    people.setdefault(match[1], []).append(scan)
        if not people:
            problems.add(self.shown, f"no images of this kind in {len(visits)} visits", self.expected())
        taken: list[Scan] = []
        unruled = Problems()
        for subject, scans in sorted(people.items()):
            taken += self._meant(subject, scans, unruled)
        condense(unruled, problems, self.shown)
        kept = {scan.key for scans in people.values() for scan in scans}
        self.skippable += [
            Problem(f"{self.shown}: {visit}", "has no image of this kind") for visit in sorted(visits - kept)
        ]
        return taken

    def expected(self) -> str:
        """What an image's path looks like, for a message."""
        return f"expected {self.patterns[0]}"

    def _meant(self, subject: str, scans: list[Scan], problems: Problems) -> list[Scan]:
        rules = (self.sessions, self.which_runs())
        sessions, runs = (None if rule is None else str(rule) for rule in rules)
        if sessions and sessions not in ("first", "last", "all") and not sessions.startswith("MR"):
            sessions = f"MR{sessions}"
        kept = by_rule(scans, "session", sessions, f"{self.shown}: {subject}", problems)
        meant: list[Scan] = []
        for visit in sorted({scan.key for scan in kept}):
            of_visit = [scan for scan in kept if scan.key == visit]
            found = by_rule(of_visit, "run", runs, f"{self.shown}: {visit}", problems)
            by_run: dict[str, Scan] = {}
            for scan in found:
                if scan.run in by_run:
                    message = f"is a second image of {visit}, beside {by_run[scan.run].file}"
                    problems.add(f"{self.shown}/{scan.file}", message, "set the reader's `image`")
                by_run.setdefault(scan.run, scan)
            meant += by_run.values()
        if not meant:
            rule = f"sessions: {rules[0]}, runs: {rules[1]}"
            self.skippable.append(Problem(f"{self.shown}: {subject}", f"no image with {rule}"))
        return meant

    def key_of(self, text: str) -> str:
        return text

    def people(self, wanted: Sequence[str], needed: bool, problems: Problems) -> People | None:  # noqa: ARG002
        return self.people_of(self.table, [self.key_column], needed, problems)
