"""What PREPARE did to the images of a data set, from the contract that it left with them."""

from __future__ import annotations

import json

from tlpy.data.preprocessing import describe
from tlpy.data.shards import shard_folders
from tlpy.evaluation.results import Run


def prepared_as(run: Run, dataset: str) -> str:
    """The steps in words; from the settings alone where no contract is left to read."""
    facts = run.plan.datasets[dataset]
    for folder in shard_folders(run.prepared, facts.cache) if run.prepared else ():
        try:
            contract = json.loads((folder / "contract.json").read_text(encoding="utf-8"))
            if contract["observed"]["images"]:
                return str(contract["steps"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    settings = run.plan.caches[facts.cache].preprocessing
    several = len(facts.size) > 1
    return describe(settings, oriented=several, series=not several, scan=several)
