"""What PLAN would write of a split, as far as the check of overlaps reads it."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tlpy.data.image_records import ImageRecord
from tlpy.errors import Problem
from tlpy.plan.overlap import overlaps


def check_overlap(
    records: Mapping[str, Sequence[ImageRecord]],
    parts: Mapping[str, Mapping[str, str]],
    contents: Mapping[str, Mapping[str, str]] | None = None,
    within: Collection[str] = (),
    own: Collection[str] = (),
) -> list[Problem]:
    """Write the tables of one variant that uses all data sets, and check what was written."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        facts = {
            name: {
                "cache": f"cache-{name}",
                "within": name in within,
                "own_people": name in own,
                "official_split": any(record.split for record in rows),
            }
            for name, rows in records.items()
        }
        sources = [{"dataset": name, "cache": f"cache-{name}", "subjects": name} for name in records]
        variants = [{"replicates": [{"stages": ["s"]}]}]
        plan = {"datasets": facts, "variants": variants, "stages": {"s": {"sources": sources}}}
        (root / "plan.json").write_text(json.dumps(plan))
        for name, rows in records.items():
            known = (contents or {}).get(name, {})
            columns = ["image", "subject", "group", "site", "split"]
            table = [[r.image, r.subject, r.group, r.site, parts[name][r.image]] for r in rows]
            _write(root / "subjects" / f"{name}.tsv", columns, table)
            _write(
                root / "splits" / f"{name}.tsv",
                ["image", "content"],
                [[r.image, known.get(r.image, "")] for r in rows],
            )
        return overlaps(root)


def _write(file: Path, columns: list[str], rows: list[list[str]]) -> None:
    file.parent.mkdir(exist_ok=True)
    with file.open("w", newline="") as stream:
        csv.writer(stream, delimiter="\t").writerows([columns, *rows])
