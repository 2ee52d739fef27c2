"""Names that lead to a person in texts: ids, files, paths, sessions; and what stands in their place."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from tlpy.files import read_json, write_json
from tlpy.privacy.pseudonyms import Pseudonyms

PEOPLE = "people.json"
# What is known of an image that leads to who is on it.
Known = tuple[str, str, str, str, str]
FIELDS = ("image", "file", "subject", "group", "session")

_WORD = re.compile(r"[^\W_]+")
# A small number is an id where it is said to be one: "12 images" are a dozen.
_NUMBER = re.compile(r"[1-9]?\d{1,2}")
_SAID_TO_BE = re.compile(
    r"(?:\b(?:subject|image|group|person|participant|unit|session|id)s?:? |= )['\"]?$|['\"]$", re.I
)
# Entities of BIDS, whoever they are.
_ENTITY = re.compile(r"(?<![^\W_])(?:sub|ses)-[0-9A-Za-z]+")
_IMAGE_FILE = re.compile(
    r"[^\s'\"(),;:#=]+\.(?:nii(?:\.gz)?|hdr|img|npy|npz|png|jpe?g|tiff?|bmp|mgz|dcm|zip|mat)\b", re.I
)
# Where somebody stands in a table.
_ROW = re.compile(r"(\.(?:tsv|csv|txt|json|npz|npy))(?::\d+|\[\d+\])", re.I)
_ROWS = re.compile(r"\b(row|line)s? \d+(?:(?:, | and )\d+)*", re.I)


def write_people(known: Iterable[Known], file: Path) -> None:
    """Write down everybody that the data name, for what de-identifies; it is never published."""
    write_json(file, {"fields": list(FIELDS), "people": sorted(map(list, known))})


def read_people(file: Path) -> list[Known]:
    """What `write_people` wrote."""
    return [tuple(row) for row in read_json(file)["people"]]


class People:
    """Puts pseudonyms in the place of everybody's names.

    Args:
        known: everybody that the data name.
        pseudonyms: under the run's key.
        paths: of data sets and other files that params name: these stay, but for names in them.
    """

    def __init__(self, known: Iterable[Known], pseudonyms: Pseudonyms, paths: Iterable[str] = ()) -> None:
        self.pseudonym = pseudonyms
        self._paths = {name for path in paths for name in (path, PurePosixPath(path).name)}
        self._named: dict[str, str] = {}
        self._longest = 1
        owners: defaultdict[str, set[str]] = defaultdict(set)
        for image, file, subject, group, session in known:
            for text in (image, subject, f"sub-{subject}", group):
                self._add(text)
            if len(session) > 2:
                self._add(session)
                self._add(f"ses-{session}")
            for text in (image, file):
                for part in _parts(text):
                    owners[part].add(subject)
        for part, subjects in owners.items():
            if len(subjects) == 1:  # what several share (anat, T1w.nii.gz, a class) is nobody's
                self._add(part)

    def _add(self, text: str) -> None:
        words = list(_WORD.finditer(text))
        if words:
            # As a text holds it between what is no letter and no digit.
            self._named.setdefault(text[words[0].start() : words[-1].end()], text)
            self._longest = max(self._longest, len(words))

    def knows(self, text: str) -> bool:
        """Whether a text is somebody's name, and no number."""
        return text in self._named and not is_number(text)

    def in_text(self, text: str) -> str:
        """The text with a pseudonym for each name, and without the rows of tables."""
        words = list(_WORD.finditer(text))
        found: list[str] = []
        at = end = 0
        while at < len(words):
            start = words[at].start()
            for last in range(min(at + self._longest, len(words)) - 1, at - 1, -1):
                name = text[start : words[last].end()]
                if name in self._named and not _is_amount(name, text, start):
                    found += [text[end:start], self.pseudonym(self._named[name])]
                    end, at = words[last].end(), last
                    break
            at += 1
        replaced = "".join(found) + text[end:]
        replaced = _IMAGE_FILE.sub(lambda file: self._of_file(file[0]), replaced)
        replaced = _ENTITY.sub(lambda entity: self.pseudonym(entity[0]), replaced)
        return _ROWS.sub(r"a \1", _ROW.sub(r"\1", replaced))

    def _of_file(self, name: str) -> str:
        """A file that no image is known of, but by name: the folders that it is given in stay."""
        if "id-" in name or name in self._paths:
            return name
        folder, _, last = name.rpartition("/")
        return f"{folder}/{self.pseudonym(last)}" if folder else self.pseudonym(last)

    def in_value(self, value: Any) -> Any:
        """The same of every text in nested maps and lists; keys stay."""
        if isinstance(value, str):
            return self.in_text(value)
        if isinstance(value, Mapping):
            return {key: self.in_value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.in_value(item) for item in value]
        return value


def _parts(path: str) -> Iterable[str]:
    """A path, its numbered folders and its file, this without its ending too."""
    *folders, name = PurePosixPath(path.replace("#", "/")).parts or ("",)
    yield from (folder for folder in folders if any(map(str.isdigit, folder)))
    yield from (path, name, name.partition(".")[0])


def is_number(text: str) -> bool:
    """Whether a text is a number, in whatever way it is written."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_amount(name: str, text: str, start: int) -> bool:
    """Whether a number is more likely an amount, or part of one, than somebody's id."""
    if not name.isdecimal():
        return False
    before, after = text[:start], text[start + len(name) :]
    if re.search(r"\d[.,]$", before) or re.match(r"[.,]\d", after):
        return True
    return _NUMBER.fullmatch(name) is not None and not _SAID_TO_BE.search(before[-20:])
