"""nextflow_schema.json rules the defaults; nextflow.config has to repeat them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

# Set by the config to the start of the run.
OF_THE_RUN = {"trace_report_suffix"}


def declared(config: str) -> dict[str, Any]:
    """The params block of nextflow.config, as Python values."""
    block = config.split("params {", 1)[1].split("\n}", 1)[0]
    words = {"null": None, "true": True, "false": False}
    values: dict[str, Any] = {}
    for name, text in re.findall(r"^ {4}(\w+) += (.+)$", block, flags=re.MULTILINE):
        if name not in OF_THE_RUN:
            values[name] = words[text] if text in words else json.loads(text.replace("'", '"'))
    return values


def test_config_repeats_every_default_of_the_schema(root: Path) -> None:
    groups = json.loads((root / "nextflow_schema.json").read_text())["$defs"].values()
    schema = {
        name: definition.get("default")
        for group in groups
        for name, definition in group["properties"].items()
        if name not in OF_THE_RUN
    }
    assert declared((root / "nextflow.config").read_text()) == schema
