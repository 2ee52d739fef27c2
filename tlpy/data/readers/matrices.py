"""Matrices of features, a row a subject: NumPy arrays, archives of them, tables; connectomes among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import numpy as np

from tlpy.data.fingerprint import open_image
from tlpy.data.image_records import ImageError
from tlpy.data.readers.arrays import array_header, check_length
from tlpy.data.readers.npz import Member, members, open_member
from tlpy.data.readers.tables import Row
from tlpy.data.readers.wide_table import WideTable, read_wide
from tlpy.errors import Problems, nearest

ARRAYS, TABLES = (".npz", ".npy"), (".csv", ".tsv")
# Arrays of an archive that name its features.
_NAMES = ("features", "feature_names", "columns")
_LISTED = 5
# A correlation that was computed twice may differ in its last digits.
_SYMMETRIC = 1e-4


@dataclass(frozen=True)
class Matrix:
    """Features by subject, opened but not read.

    Attributes:
        values: (rows, features), or (rows, regions, regions) of connectomes.
        diagonal: of connectomes, whether the diagonal is among the features.
        names: of the features; () where they have none.
        rows: what else the file says of each row; () where it says nothing.
        columns: the names of these.
        odd: (row, feature) → the text of a cell that holds no number.
        set_aside: columns of text, which are no features.
    """

    values: np.ndarray
    diagonal: bool = False
    names: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    columns: tuple[str, ...] = ()
    odd: Mapping[tuple[int, int], str] = field(default_factory=dict)
    set_aside: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def regions(self) -> int:
        """Of connectomes; 0 for others."""
        return int(self.values.shape[1]) if self.values.ndim == 3 else 0

    @property
    def features(self) -> int:
        """How many each row has."""
        n = self.regions
        return n * (n + 1 if self.diagonal else n - 1) // 2 if n else int(self.values.shape[1])

    def name(self, feature: int) -> str:
        """What messages call a feature; places are counted from 0."""
        if self.regions:
            i, j = np.triu_indices(self.regions, 0 if self.diagonal else 1)
            return f"[{i[feature]}, {j[feature]}]"
        return f"column '{self.names[feature]}'" if self.names else f"feature {feature}"

    def row(self, number: int) -> np.ndarray:
        """The features of one subject, (features,) float32.

        Raises:
            ImageError: values are missing, infinite or no numbers, or a connectome is not symmetric.
        """
        with np.errstate(over="ignore"):  # told as infinite
            found = np.asarray(self.values[number], np.float32)
        if self.regions:
            above = np.triu_indices(self.regions, 0 if self.diagonal else 1)
            _check_symmetric(found)
            found = found[above]
        if not np.isfinite(found.sum(dtype=np.float64)):
            self._check_finite(number, found)
        return np.ascontiguousarray(found)

    def _check_finite(self, number: int, found: np.ndarray) -> None:
        gone: list[int] = np.flatnonzero(np.isnan(found)).tolist()
        odd = {at: self.odd[number, at] for at in gone if (number, at) in self.odd}
        faults = []
        if odd:
            at, text = next(iter(odd.items()))
            more = f" and {len(odd) - 1} more such cells" if len(odd) > 1 else ""
            faults.append(f"holds '{text}' in {self.name(at)}{more}, expected a number")
        missing = [at for at in gone if at not in odd]
        infinite: list[int] = np.flatnonzero(np.isinf(found)).tolist()
        for places, what in ((missing, "has no value"), (infinite, "is infinite")):
            if places:
                listed = ", ".join(self.name(at) for at in places[:_LISTED])
                more = f" and {len(places) - _LISTED} more" if len(places) > _LISTED else ""
                faults.append(f"{what} in {listed}{more} (of {self.features:,} features)")
        if faults:
            raise ImageError("; ".join(faults))


def _check_symmetric(square: np.ndarray) -> None:
    """Raises `ImageError` for a connectome whose two triangles differ."""
    with np.errstate(invalid="ignore"):
        off = np.abs(square - square.T)
        np.fill_diagonal(off, 0)
        largest = np.nanmax(np.abs(square), initial=0.0)
    apart = np.argwhere(off > _SYMMETRIC * max(float(largest), 1e-30))
    if len(apart):
        i, j = (int(place) for place in apart[0])
        values = f"[{i}, {j}] is {square[i, j]:.4g}, [{j}, {i}] is {square[j, i]:.4g}"
        raise ImageError(f"is no symmetric matrix: {values}; of directed ones save the values as one row")


def open_matrix(
    path: Path,
    shown: str,
    key: str | None,
    diagonal: bool,
    may_be_feature: Callable[[str], bool],
    problems: Problems,
) -> Matrix | None:
    """The matrix in a file; None where `problems` takes what is wrong with it.

    Args:
        path, shown: the file, here and as users know it.
        key: of an archive, which array holds the features; None: the only one that can.
        diagonal: of connectomes, whether the diagonal is among the features.
        may_be_feature: whether a column of a table, by its name, may be a feature.
        problems: takes the problems.
    """
    ending = path.suffix.lower()
    if key and ending != ".npz":
        problems.add(shown, f"holds no arrays by name, but `key: {key}` asks for one", "leave `key` out")
        return None
    try:
        if ending == ".npz":
            return _archive(path, shown, key, diagonal, problems)
        if ending == ".npy":
            return _checked(Matrix(_mapped(path), diagonal), shown, problems)
    except ImageError as error:
        problems.add(shown, str(error))
        return None
    if ending in TABLES:
        table = read_wide(path, shown, may_be_feature, problems)
        return None if table is None else _of_table(table, shown, problems)
    problems.add(shown, f"its ending is none of {', '.join((*ARRAYS, *TABLES))}")
    return None


def _of_table(table: WideTable, shown: str, problems: Problems) -> Matrix | None:
    if not table.features:
        held = ", ".join(table.columns[:_LISTED])
        problems.add(shown, f"holds no column of numbers that could be a feature, but {held}")
        return None
    rows, columns, names = tuple(table.rows), tuple(table.columns), tuple(table.features)
    return Matrix(table.values, False, names, rows, columns, table.odd, tuple(table.set_aside))


def _mapped(path: Path) -> np.ndarray:
    with open_image(path) as file:
        if not file.read(1):
            raise ImageError("empty file (0 bytes)")
        file.seek(0)
        shape, dtype = array_header(file)
        if not dtype.hasobject:
            check_length(file, shape, dtype)
    if dtype.kind not in "buif":
        raise ImageError(f"holds values of type {dtype}, expected numbers (features of subjects)")
    if 0 in shape:
        raise ImageError(f"is an array of shape {shape}, expected (subjects, features)")
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise ImageError(f"truncated: {error}") from None


def _checked(matrix: Matrix, shown: str, problems: Problems) -> Matrix | None:
    """The matrix, if it has a shape that makes sense."""
    shape = matrix.values.shape
    if len(shape) == 2 or (len(shape) == 3 and shape[1] == shape[2] > 1):
        return matrix
    problems.add(
        shown,
        f"is an array of shape {tuple(shape)}, expected (subjects, features) or, of symmetric connectomes, "
        "(subjects, regions, regions)",
        "images are read by `table` (a file each) or `medmnist`" if len(shape) > 2 else "",
    )
    return None


def _archive(path: Path, shown: str, key: str | None, diagonal: bool, problems: Problems) -> Matrix | None:
    found = members(path)
    chosen = _chosen(found, key, shown, problems)
    if chosen is None:
        return None
    matrix = _checked(Matrix(open_member(path, chosen), diagonal), shown, problems)
    if matrix is None:
        return None
    beside = [one for one in found.values() if one.name != chosen.name]
    told = {one.name: open_member(path, one) for one in beside if _is_column(one, len(matrix))}
    names: tuple[str, ...] = ()
    for one in beside:
        if one.name in _NAMES and one.shape == (matrix.features,) and not matrix.regions:
            told.pop(one.name, None)
            names = tuple(_text(value) for value in open_member(path, one))
    texts = {name: [_text(value) for value in values.ravel()] for name, values in told.items()}
    rows = tuple(
        Row(f"{shown}[{number}]", {name: column[number] for name, column in texts.items()})
        for number in range(len(matrix))
    )
    return Matrix(matrix.values, diagonal, names, rows if texts else (), tuple(texts))


def _chosen(found: Mapping[str, Member], key: str | None, shown: str, problems: Problems) -> Member | None:
    """The array of features of an archive."""
    listed = ", ".join(f"{one.name} {one.shape}" for one in found.values()) or "nothing"
    if key is not None:
        if key in found and found[key].dtype.kind in "buif" and 0 not in found[key].shape:
            return found[key]
        what = "no numbers under" if key in found else "no array"
        problems.add(shown, f"holds {what} '{key}'; it holds {listed}", nearest(key, list(found)))
        return None
    numbers = [one for one in found.values() if one.dtype.kind in "buif" and 0 not in one.shape]
    able = [one for one in numbers if len(one.shape) in (2, 3) and prod(one.shape[1:]) > 1]
    able = able or [one for one in numbers if len(one.shape) == 2]
    if len(able) == 1:
        return able[0]
    hint = f"say which: reader: {{name: vectors, key: {able[0].name}}}" if able else ""
    count = "several arrays" if able else "no array"
    problems.add(shown, f"holds {count} of (subjects, features): {listed}", hint)
    return None


def _is_column(one: Member, rows: int) -> bool:
    """Whether an array says something of each row: an id, a label, a site."""
    return one.shape in ((rows,), (rows, 1)) and one.dtype.kind in "buifSU"


def _text(value: object) -> str:
    """A value as a table would write it: "" for NaN, no point in a whole number."""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace").strip()
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else str(int(value)) if float(value).is_integer() else str(float(value))
    if isinstance(value, np.bool_):
        return str(int(value))
    return str(value).strip()
