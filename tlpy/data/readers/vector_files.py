"""Where a matrix of features and its subjects' table lie: in a folder, or beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tlpy.data.readers.matrices import ARRAYS, TABLES
from tlpy.errors import Problems, nearest

_PEOPLE = ("participants.tsv", "participants.csv", "labels.tsv", "labels.csv")


@dataclass(frozen=True)
class VectorFiles:
    """The files of one data set.

    Args:
        root, shown: the data set's path, a matrix or its folder, here and as users know it.
        file: of a folder, the matrix' name as the user gave it, or None.
        table: the table's name as the user gave it, or None.
    """

    root: Path
    shown: str
    file: str | None
    table: str | None

    @property
    def matrix(self) -> Path:
        """The matrix; of a folder the one that was named, or else found."""
        if not self.root.is_dir():
            return self.root
        return self.root / self.file if self.file else (self._able() or [self.root])[0]

    @property
    def matrix_shown(self) -> str:
        """The matrix, as users know it."""
        return f"{self.shown}/{self.matrix.name}" if self.root.is_dir() else self.shown

    def find(self, problems: Problems) -> Path | None:
        """The matrix, if there is one and no other that may be meant."""
        before = len(problems)
        able = self._able() if self.root.is_dir() else []
        if not self.root.is_dir():
            if self.file:
                problems.add(self.shown, f"is a file, so that `file: {self.file}` has no meaning")
        elif self.file:
            if not self.matrix.is_file():
                near = nearest(self.file, [path.name for path in able])
                problems.add(f"{self.shown}: reader.file", f"no file '{self.file}' in the folder", near)
        elif len(able) != 1:
            listed = ", ".join(path.name for path in able)
            hint = f"name one of them: reader: {{name: vectors, file: {able[0].name}}}" if able else ""
            what = (
                f"several files that may be the matrix: {listed}" if able else "no .npz, .npy, .csv or .tsv"
            )
            problems.add(self.shown, f"holds {what}", hint)
        return None if len(problems) > before else self.matrix

    def people(self) -> Path | None:
        """The subjects' table: the one that was named, or beside arrays the first of the usual names."""
        folder = self.root if self.root.is_dir() else self.root.resolve().parent
        if self.table:
            return folder / self.table
        if self.matrix.suffix.lower() in TABLES:
            return None
        return next((folder / name for name in _PEOPLE if (folder / name).is_file()), None)

    def people_shown(self, table: Path) -> str:
        """The subjects' table, as users know it."""
        folder = self.shown if self.root.is_dir() else str(Path(self.shown).parent)
        return f"{folder}/{table.name}"

    def _able(self) -> list[Path]:
        """The files in the folder that may be the matrix: arrays, or else tables."""
        there = sorted(path for path in self.root.iterdir() if not path.name.startswith("."))
        arrays = [path for path in there if path.suffix.lower() in ARRAYS]
        tables = [path for path in there if path.suffix.lower() in TABLES and path.name not in _PEOPLE]
        return arrays or [path for path in tables if path.name != self.table]
