"""What PREPARE says of each image of a data set, read as it is: what is missing or broken is left out."""

from __future__ import annotations

import csv

from tlpy.data.shards import shard_folders
from tlpy.evaluation.results import Run
from tlpy.files import read_rows


def images_of(run: Run, dataset: str) -> list[dict[str, str]]:
    """The rows of images.tsv of a data set, over all its shards; of a filtered one, those it keeps."""
    if run.prepared is None:
        return []
    rows: list[dict[str, str]] = []
    facts = run.plan.datasets[dataset]
    for folder in shard_folders(run.prepared, facts.cache):
        try:
            rows += read_rows(folder / "images.tsv")
        except (OSError, ValueError, csv.Error):
            continue
    return rows if facts.images is None else [row for row in rows if row["image"] in set(facts.images)]
