"""Numbers in the cells of a table."""

from __future__ import annotations

import math
import re

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
AT_LEAST = re.compile(r"(\d+(?:\.\d+)?)\s*\+", re.ASCII)


def as_number(text: str) -> float | None:
    """The number a cell holds, or None. "89+", by which BIDS data sets hide high ages, is 89."""
    text = text.strip()
    if match := AT_LEAST.fullmatch(text):
        text = match.group(1)
    return plain_number(text)


def plain_number(text: str) -> float | None:
    """The number a cell holds as it stands, or None: among classes "36+" is a name."""
    text = text.strip()
    number = float(text) if NUMBER.fullmatch(text) else math.nan
    return number if math.isfinite(number) else None
