"""The folders of a run as they may be published: what carries ids rewritten, what is not known left out.

Rows are put into the order of the pseudonyms: that of the ids would give them away to whoever has a list of
these.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tlpy import checksums
from tlpy.data.shards import shard_ids
from tlpy.data.thumbnails import picture_name
from tlpy.files import read_columns, read_json, write_json, write_table
from tlpy.privacy.people import People, is_number

# Columns that hold ids as they are. Equal contents stay equal; nobody finds an image by them.
_IDS = frozenset({"image", "subject", "group", "answer", "unit", "file", "content"})
_TEXTS = frozenset({"reason", "label", "variant"})
_SETTING = "setting:"
_CONFOUND = "confound:"
# What a row of predictions, splits and prepared images is known by, before the image.
_FIRST = ("dataset", "version", "seed", "target", "fold", "split", "head", "label")
_PICTURES = "pictures"
_PUBLISHED = ("plan", "splits", "covariates", "stages", "plain", "external", "prepared")
_OF_PLAN = ("plan.json", "variants.tsv")
_SHARD = re.compile(r"(.+)-(\d+)of(\d+)")


def publish(given: Path, out: Path, people: People | None, pictures: bool) -> None:
    """Write what may be published of the folders of a run.

    Args:
        given: what tasks left: `plan/`, `splits/`, `covariates/`, `stages/`, `plain/`, `external/` and
            `prepared/`, each where it is there.
        out: where to write the same folders.
        people: who goes by pseudonyms; None: everybody by the ids.
        pictures: whether pictures of images are published.

    Raises:
        InputError: two ids have one pseudonym.
    """
    for folder in (given / name for name in _PUBLISHED if (given / name).is_dir()):
        if folder.name == "prepared":
            publish_prepared(folder, out / folder.name, people, pictures)
            continue
        # Beside these PLAN leaves what tasks are told, with everybody's ids.
        files = [folder / name for name in _OF_PLAN] if folder.name == "plan" else _files_below(folder)
        for file in sorted(path for path in files if path.is_file()):
            place = out / folder.name / file.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            if people is None:
                shutil.copyfile(file, place)
            elif file.name != checksums.FILE:
                rewrite(file, place, people)
        if people is not None:
            _sum_again(folder, out / folder.name)


def _sum_again(given: Path, out: Path) -> None:
    """Checksums of the files as they are published: of those with ids they would confirm a guess at these."""
    for file in sorted(path for path in _files_below(given) if path.name == checksums.FILE):
        place = out / file.parent.relative_to(given)
        place.mkdir(parents=True, exist_ok=True)
        checksums.write_checksums(place)


def _files_below(folder: Path) -> Iterator[Path]:
    """Every file below a folder; a task's inputs are links to folders."""
    for place, _, names in os.walk(folder, followlinks=True):
        yield from (Path(place) / name for name in names)


def publish_prepared(given: Path, out: Path, people: People | None, pictures: bool) -> None:
    """What people and the report read of prepared images, without the arrays.

    With pseudonyms the shards of a cache become one: in which of them an image is would tell where its id
    stands among the others.
    """
    shards: defaultdict[str, list[tuple[int, Path]]] = defaultdict(list)
    for folder in sorted(path for path in given.iterdir() if path.is_dir()):
        found = _SHARD.fullmatch(folder.name)
        if people is None or not found:
            shards[folder.name].append((0, folder))
        else:
            shards[shard_ids(found[1], 1)[0]].append((int(found[2]), folder))
    for name, folders in shards.items():
        _publish_shards([folder for _, folder in sorted(folders)], out / name, people, pictures)


def _publish_shards(folders: Sequence[Path], out: Path, people: People | None, pictures: bool) -> None:
    out.mkdir(parents=True, exist_ok=True)
    if people is None:
        for file in sorted(_files_below(folders[0])):
            place = out / file.relative_to(folders[0])
            if file.suffix != ".npy" and (pictures or file.parent.name != _PICTURES):
                place.parent.mkdir(exist_ok=True)
                shutil.copyfile(file, place)
        return
    tables = [read_columns(folder / "images.tsv") for folder in folders if (folder / "images.tsv").is_file()]
    if tables:
        rows = [row for _, found in tables for row in found]
        _write_rows(out / "images.tsv", tables[0][0], rows, people)
    contracts = [folder / "contract.json" for folder in folders if (folder / "contract.json").is_file()]
    if contracts:
        rewrite(_largest(contracts), out / "contract.json", people)
    if pictures:
        (out / _PICTURES).mkdir(exist_ok=True)
        called = {picture_name(row["image"]): row["image"] for _, found in tables for row in found}
        for file in (path for folder in folders for path in (folder / _PICTURES).glob("*.png")):
            name = picture_name(people.pseudonym(called.get(file.name, file.name)))
            shutil.copyfile(file, out / _PICTURES / name)


def _largest(contracts: Iterable[Path]) -> Path:
    """The contract of the shard with most images: one without any has observed none."""
    return max(contracts, key=lambda file: read_json(file).get("observed", {}).get("images") or 0)


def rewrite(file: Path, place: Path, people: People) -> None:
    """A file by its form; one that is not known here is not published."""
    if file.suffix in (".csv", ".tsv"):
        columns, rows = read_columns(file)
        _write_rows(place, columns, rows, people)
    elif file.name == "plan.json":
        write_json(place, plan_content(read_json(file), people))
    elif file.suffix == ".json":
        write_json(place, people.in_value(read_json(file)))
    elif file.suffix in (".log", ".yaml"):
        place.write_text(people.in_text(file.read_text(encoding="utf-8", errors="replace")), encoding="utf-8")
    elif file.suffix == ".safetensors":
        shutil.copyfile(file, place)


def _write_rows(place: Path, columns: Sequence[str], rows: Iterable[dict[str, str]], people: People) -> None:
    """A table with pseudonyms, in their order where it has a row for each image."""
    rewrite = {column: _rule(column, columns, people) for column in columns}
    made = [{column: rewrite[column](text) for column, text in row.items()} for row in rows]
    if "image" in columns:
        made.sort(key=lambda row: [row[column] for column in (*_FIRST, "image") if column in row])
    write_table(place, columns, ([row[column] for column in columns] for row in made))


def _rule(column: str, columns: Sequence[str], people: People) -> Callable[[str], str]:
    """What is done to the cells of a column."""
    by_image = "image" in columns
    if by_image and column in _IDS:
        return people.pseudonym
    if by_image and column == "index":  # the row in the arrays, which lie in the order of the ids
        return lambda _: ""
    if column.startswith(_CONFOUND):
        return lambda text: people.pseudonym(text) if people.knows(text) else text
    if column.startswith(_SETTING) or (not by_image and column in _TEXTS) or column == "reason":
        return people.in_text
    return lambda text: text if by_image or is_number(text) else people.in_text(text)


def plan_content(plan: dict[str, Any], people: People) -> dict[str, Any]:
    """The content of plan.json with pseudonyms."""
    made: dict[str, Any] = people.in_value(plan)
    for name, facts in plan.get("datasets", {}).items():
        if facts.get("images") is not None:
            made["datasets"][name]["images"] = sorted(map(people.pseudonym, facts["images"]))
        left_out = made["datasets"][name].get("left_out") or []
        made["datasets"][name]["left_out"] = sorted(left_out, key=lambda one: (one["where"], one["reason"]))
    return made
