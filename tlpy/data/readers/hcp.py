"""Human Connectome Project, S1200: `<Subject>/MNINonLinear/T1w_restore_brain.nii.gz`, families kept together.

Van Essen et al. 2013, doi:10.1016/j.neuroimage.2013.05.041. The open table (unrestricted_*.csv) has Gender
and Age in bands; the restricted one has Age_in_Yrs and Family_ID. Most of the 1,206 people are siblings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from tlpy.data.readers.cohort import (
    CohortReader,
    People,
    Scan,
    find_tables,
    index_rows,
    plain_id,
    read_keyed,
    refuse_repeated,
)
from tlpy.data.readers.tables import Row, is_missing
from tlpy.errors import Problem, Problems

_SUBJECT = re.compile(r"\d{6}")
_BOOLEANS = frozenset({"true", "false"})


class HcpReader(CohortReader):
    """Reads one image of every subject.

    Options:
        file: the image below a subject's folder.
        tables: the tables in the data set's folder, joined by `Subject`; by default every CSV with
            `restricted` in its name, in any case.

    Besides the tables' own columns there are `sex` (Gender) and `age` (Age_in_Yrs). Booleans are true and
    false however they were written. Where a table has Family_ID and no group is named, that is the group.
    """

    aliases: ClassVar[Mapping[str, Sequence[str]]] = {"sex": ("Gender",), "age": ("Age_in_Yrs",)}
    families = "Family_ID"

    def scans(self, problems: Problems) -> list[Scan]:
        file = str(self.options.get("file", "MNINonLinear/T1w_restore_brain.nii.gz"))
        names = sorted(name for name in os.listdir(self.root) if not name.startswith("."))  # noqa: PTH208
        found = [name for name in names if (self.root / name / file).is_file()]
        if not found:
            problems.add(self.shown, f"no images: nothing matches <Subject>/{file}")
            return []
        self.skippable += [
            Problem(f"{self.shown}/{name}", f"has no {file}")
            for name in names
            if _SUBJECT.fullmatch(name) and name not in found and (self.root / name).is_dir()
        ]
        return [Scan(image=name, file=f"{name}/{file}", subject=name, key=name) for name in found]

    def people(self, wanted: Sequence[str], needed: bool, problems: Problems) -> People | None:  # noqa: ARG002
        patterns = ("*restricted*.csv", "*.csv")
        said = self.options.get("tables")
        names = find_tables(self.root, self.shown, said, patterns, needed, problems, "tables")
        columns: dict[str, None] = {}
        rows: dict[str, Row] = {}
        for name in names:
            keyed = read_keyed(
                self.root, self.shown, name, [self.columns.get("subject", "Subject")], problems
            )
            if keyed is None:
                continue
            found, differ = index_rows(keyed[0], keyed[1], plain_id, problems)
            refuse_repeated(differ, problems)
            columns.update(dict.fromkeys(keyed[0].columns))
            for subject, row in found.items():
                before = rows.get(subject, Row(row.where, {})).cells
                filled = {column: text for column, text in row.cells.items() if not is_missing(text)}
                rows[subject] = Row(rows.get(subject, row).where, {**row.cells, **before, **filled})
        if not rows:
            return None
        rows = {subject: Row(row.where, self._cells(row)) for subject, row in rows.items()}
        columns.update(dict.fromkeys(column for row in rows.values() for column in row.cells))
        return People(f"{self.shown}/{names[0]}", list(columns), rows)

    def _cells(self, row: Row) -> dict[str, str]:
        plain = {
            column: text.lower() if text.lower() in _BOOLEANS else text for column, text in row.cells.items()
        }
        return self.with_aliases(plain)
