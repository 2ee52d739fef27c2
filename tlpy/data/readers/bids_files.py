"""The images of a BIDS folder, and which of them are meant where a subject has several."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from tlpy.data.readers.cohort import condense
from tlpy.errors import Problem, Problems

_ENDING = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)
ENTITIES = ("acq", "ce", "rec", "echo", "part", "inv", "space", "res", "desc")
Rule = str | int | None


class Taken(Protocol):
    """An image file of a visit; `name` is without folders."""

    @property
    def name(self) -> str: ...
    @property
    def session(self) -> str: ...
    @property
    def run(self) -> str: ...


TakenT = TypeVar("TakenT", bound=Taken)


@dataclass(frozen=True)
class BidsFile:
    """One image: `file` is relative to the data set's folder; ids are without `ses-` and `run-`."""

    file: str
    subject: str
    session: str = ""
    run: str = ""
    entities: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        return self.file.rpartition("/")[2]


def natural(text: str) -> list[tuple[int, str]]:
    """A sort key by which `ses-2` comes before `ses-10`."""
    return [
        (int(piece), "") if piece.isdigit() else (-1, piece) for piece in re.split(r"(\d+)", text) if piece
    ]


def scan(root: Path, folder: str, datatype: str, suffix: str) -> tuple[list[BidsFile], list[str]]:
    """All `sub-*/[ses-*/]<datatype>/*_<suffix>.nii[.gz]` below `root/folder`; all suffixes found."""
    base = f"{folder}/" if folder else ""
    files: list[BidsFile] = []
    suffixes: set[str] = set()
    for subject in _below(root / folder, "sub-"):
        home = f"{base}{subject}"
        inside = _below(root / home, "")
        sessions = [name for name in inside if name.startswith("ses-")]
        places = [(f"{home}/{datatype}", "")] if datatype in inside else []
        places += [(f"{home}/{session}/{datatype}", session.removeprefix("ses-")) for session in sessions]
        for place, session in places:
            for name in _below(root / place, ""):
                # A leading dot: what macOS leaves beside a file on foreign disks.
                if name.startswith(".") or not _ENDING.search(name):
                    continue
                *pieces, found = _ENDING.sub("", name).split("_")
                suffixes.add(found)
                if found == suffix:
                    entities = dict(piece.split("-", 1) for piece in pieces if "-" in piece)
                    run = entities.pop("run", "")
                    for key in ("sub", "ses"):
                        entities.pop(key, None)
                    files.append(BidsFile(f"{place}/{name}", subject, session, run, entities))
    return files, sorted(suffixes)


def _below(folder: Path, prefix: str) -> list[str]:
    """The names in a folder, sorted; none if it is not there or a file."""
    try:
        return sorted(name for name in os.listdir(folder) if name.startswith(prefix))  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []


def select(
    files: Sequence[BidsFile],
    entities: dict[str, str | None],
    sessions: Rule,
    runs: Rule,
    shown: str,
    problems: Problems,
    skippable: list[Problem],
) -> list[BidsFile]:
    """The images that are meant.

    Args:
        files: what was found.
        entities: for each of `ENTITIES` the value wanted, "none" for files without it, None for any.
        sessions: "first", "last", "all", one session's name, or None: there must be only one per subject.
        runs: "first", "last", "all", one run's number, or None: there must be only one per session.
        shown: the data set's path, as users know it.
        problems: takes a problem for each subject with several images and no rule, naming the files.
        skippable: takes a problem for each subject with images of which none is meant.
    """
    chosen: list[BidsFile] = []
    unruled, alike = Problems(), Problems()
    by_subject: defaultdict[str, list[BidsFile]] = defaultdict(list)
    for file in files:
        by_subject[file.subject].append(file)
    for subject in sorted(by_subject):
        found = by_subject[subject]
        kept = [file for file in found if _matches(file, entities)]
        kept = by_rule(kept, "session", sessions, f"{shown}/{subject}", unruled)
        meant: list[BidsFile] = []
        for session in sorted({file.session for file in kept}, key=natural):
            of_session = [file for file in kept if file.session == session]
            meant += by_rule(of_session, "run", runs, _place(shown, of_session[0]), unruled)
        if not meant:
            rule = ", ".join(
                f"{key}: {value}"
                for key, value in [*entities.items(), ("sessions", sessions), ("runs", runs)]
                if value is not None
            )
            skippable.append(Problem(f"{shown}/{subject}", f"no image with {rule}; found {_names(found)}"))
        chosen += _unambiguous(meant, shown, alike)
    condense(unruled, problems, shown)
    condense(alike, problems, shown)
    return chosen


def _matches(file: BidsFile, entities: dict[str, str | None]) -> bool:
    return all(
        value is None or file.entities.get(key, "none") == value.removeprefix(f"{key}-")
        for key, value in entities.items()
    )


def by_rule(files: list[TakenT], level: str, rule: Rule, where: str, problems: Problems) -> list[TakenT]:
    """The files of the sessions (or runs) that `rule` means, as in `select`; `level` is session or run."""
    values = sorted({getattr(file, level) for file in files}, key=natural)
    if rule == "all" or not files:
        return files
    if rule is None:
        if len(values) > 1:
            ids = ", ".join(value or "(none)" for value in values)
            problems.add(
                where,
                f"{len(values)} {level}s ({ids}) and no rule which to take: {_names(files)}",
                f"set the reader's `{level}s` to first, last, all or one of them",
            )
            return files[:1]
        return files
    if rule in ("first", "last"):
        wanted = values[0 if rule == "first" else -1]
        return [file for file in files if getattr(file, level) == wanted]
    return [file for file in files if _same(getattr(file, level), str(rule), level)]


def _same(value: str, wanted: str, level: str) -> bool:
    wanted = wanted.removeprefix("ses-").removeprefix("run-")
    if level == "run":
        # A lone image carries no run number: it is the first run.
        return natural(value or "1") == natural(wanted)
    return value == wanted


def _unambiguous(files: list[BidsFile], shown: str, problems: Problems) -> list[BidsFile]:
    """One file per subject, session and run; else a problem that names the entities in which they differ."""
    by_place: defaultdict[tuple[str, str], list[BidsFile]] = defaultdict(list)
    for file in files:
        by_place[(file.session, file.run)].append(file)
    for same in by_place.values():
        if len(same) > 1:
            keys = sorted({key for file in same for key in file.entities})
            differ = [key for key in keys if len({file.entities.get(key) for file in same}) > 1]
            usable = [key for key in differ if key in ENTITIES]
            values = {
                key: " or ".join(sorted({file.entities.get(key, "none") for file in same})) for key in usable
            }
            hint = "; ".join(f"set the reader's `{key}` to {value}" for key, value in values.items())
            problems.add(
                _place(shown, same[0]),
                f"{len(same)} images that differ in {_or(differ)}: {_names(same)}",
                hint,
            )
    return [same[0] for same in by_place.values()]


def _place(shown: str, file: BidsFile) -> str:
    return f"{shown}/{file.subject}" + (f"/ses-{file.session}" if file.session else "")


def _names(files: Iterable[Taken]) -> str:
    names = sorted((file.name for file in files), key=natural)
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _or(keys: list[str]) -> str:
    return ", ".join(keys) or "their ending only"
