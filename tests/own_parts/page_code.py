"""The code blocks of docs/own-parts.md."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "own-parts.md"


def blocks() -> dict[str, str]:
    """The page's code by file name, which each block's first line tells."""
    found = {}
    for language, code in re.findall(r"^```(\w+)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.S | re.M):
        if language in ("python", "yaml"):
            first, _, rest = code.partition("\n")
            found[first.removeprefix("# ").strip()] = rest
    return found
