"""Splits that a user gives back: tables such as a run leaves in `splits/`, made by it or by hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tlpy.data.image_records import ImageRecord
from tlpy.data.readers.rows import part_name
from tlpy.data.readers.tables import Table, read_table
from tlpy.errors import Problems
from tlpy.files import as_written
from tlpy.privacy.pseudonyms import Pseudonyms, is_pseudonym

ENDINGS = (".tsv", ".csv")
_NAMED = 5


def is_table(split: object) -> bool:
    """Whether a data set's `split` is a file of parts, rather than a column's name or fractions."""
    return isinstance(split, str) and split.lower().endswith(ENDINGS)


@dataclass(frozen=True)
class GivenSplit:
    """The parts of a data set's images as a table gives them.

    Attributes:
        shown: the table, as the user wrote it.
        folds: image → part, of each fold; of a table without folds, one map.
        numbered: whether the table has folds.
        official: whether the data set has parts of its own, which the table takes the place of.
    """

    shown: str
    folds: tuple[Mapping[str, str], ...]
    numbered: bool
    official: bool = False

    def records(self, records: Collection[ImageRecord], fold: int | None) -> tuple[ImageRecord, ...]:
        """The records with their given parts in the place of official ones."""
        parts = self.folds[fold if self.numbered and fold is not None else 0]
        return tuple(replace(record, split=parts[record.image]) for record in records)


def given_split(
    spec: Mapping[str, Any],
    file: Path,
    name: str,
    used: Collection[ImageRecord],
    known: Collection[str],
    problems: Problems,
    pseudonyms: Pseudonyms | None = None,
) -> GivenSplit | None:
    """The split of a data set by a table; None where `problems` takes what is wrong with it.

    Args:
        spec: the data set's settings.
        file: where the table lies on this machine.
        name: of the data set.
        used: the records that take part: each needs a part.
        known: ids of all images that the data set has; the table may hold no others.
        problems: takes a problem for each fault.
        pseudonyms: under the run's key, for the table of a de-identified run; None: there is no key.
    """
    shown = str(spec["split"])
    before = len(problems)
    if not file.is_file():
        problems.add(f"datasets.{name}.split", f"{shown} does not exist")
        return None
    table = read_table(file, shown, problems)
    if table is None:
        return None
    lacking = [column for column in ("image", "part") if column not in table.columns]
    for column in lacking:
        problems.add(shown, f"no column '{column}'", "expected a table as in `splits/` of a finished run")
    folds = {} if lacking else _folds(table, name, known, problems, pseudonyms)
    if len(problems) > before or not folds:
        return None
    numbered = "" not in folds
    wanted = sorted({str(number) for number in range(len(folds))}, key=int) if numbered else [""]
    if sorted(folds, key=_order) != wanted:
        found = ", ".join(sorted((fold or "none" for fold in folds), key=_order))
        problems.add(shown, f"has the folds {found}", "expected no fold, or 0, 1, 2, … in every row")
        return None
    for parts in folds.values():
        _check_images(parts, shown, name, [record.image for record in used], known, problems)
    if len(problems) > before:
        return None
    official = any(record.split for record in used)
    return GivenSplit(shown, tuple(folds[fold] for fold in wanted), numbered, official)


def _order(fold: str) -> tuple[int, str]:
    return (int(fold), "") if fold.isdecimal() else (-1, fold)


def _folds(
    table: Table, name: str, known: Collection[str], problems: Problems, pseudonyms: Pseudonyms | None
) -> dict[str, dict[str, str]]:
    """Fold → image → part, of one data set's rows."""
    names = {row.cells.get("dataset", "") for row in table}
    # A table of one data set may have been made when it went by another name.
    rows = [row for row in table if len(names) == 1 or row.cells.get("dataset", "") == name]
    if not rows:
        listed = ", ".join(sorted(names)) or "no rows"
        problems.add(table.shown, f"has no row of the data set '{name}'", f"found {listed}")
    versions = sorted({row.get("version") for row in rows})
    if len(versions) > 1:
        hint = "keep the rows of one of them"
        problems.add(table.shown, f"has {len(versions)} versions of the split of '{name}'", hint)
        return {}
    images = {row.cells.get("image", "") for row in rows}
    called = _as_known(images, known)
    if images and not images & set(known) and all(map(is_pseudonym, images)):
        called = _by_pseudonym(images, known, pseudonyms, table.shown, problems)
        if not called:
            return {}
    folds: dict[str, dict[str, str]] = {}
    for row in rows:
        part, image = part_name(row.get("part")), called[row.cells.get("image", "")]
        parts = folds.setdefault(row.get("fold"), {})
        if not part:
            problems.add(row.where, f"part '{row.get('part')}', expected train, val or test")
        elif parts.setdefault(image, part) != part:
            problems.add(row.where, f"{image} is in {part}, and in {parts[image]} in a row before")
    return folds


def _as_known(images: Collection[str], known: Collection[str]) -> dict[str, str]:
    """The id that each text of a table stands for: as `write_table` was given it, or, by hand, as it is."""
    written = {image: as_written(image) for image in images}
    whole = len(set(written.values())) == len(written) and set(written.values()) <= set(known)
    return written if whole else {image: image for image in images}


def _by_pseudonym(
    images: Collection[str],
    known: Collection[str],
    pseudonyms: Pseudonyms | None,
    shown: str,
    problems: Problems,
) -> dict[str, str]:
    """The id of each pseudonym of a table; nothing where `problems` is told why that is not known."""
    if pseudonyms is None:
        hint = "say deidentify_key: FILE, the key that it was made under, or deidentify: true with its store"
        problems.add(shown, "its images are pseudonyms of a de-identified run, and there is no key", hint)
        return {}
    ids = pseudonyms.given_back(known)
    if not set(images) & set(ids):
        hint = "give the key that it was made under: deidentify_key: FILE"
        problems.add(shown, "its images are pseudonyms made under another key, or of other data", hint)
        return {}
    return {image: ids.get(image, image) for image in images}


def _check_images(
    parts: Mapping[str, str],
    shown: str,
    name: str,
    used: Collection[str],
    known: Collection[str],
    problems: Problems,
) -> None:
    unknown = sorted(set(parts) - set(known))
    missing = sorted(set(used) - set(parts))
    if unknown:
        hint = "take their rows out" if len(unknown) < len(parts) else "is it the table of other data?"
        verb = "is" if len(unknown) == 1 else "are"
        problems.add(
            shown, f"{_counted(unknown)} {verb} not in the data set '{name}': {_first(unknown)}", hint
        )
    if missing:
        verb = "has" if len(missing) == 1 else "have"
        message = f"{_counted(missing)} of the data set '{name}' {verb} no part: {_first(missing)}"
        problems.add(shown, message, "every image needs one")


def _counted(images: list[str]) -> str:
    return f"{len(images)} image{'' if len(images) == 1 else 's'}"


def _first(images: list[str]) -> str:
    return ", ".join(images[:_NAMED]) + (", …" if len(images) > _NAMED else "")
