"""What became of a file's weights, in words, as a load_report.json says it: for the plan and the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from tlpy import words

_SHOWN = 4


def taken_over(report: Mapping[str, Any]) -> list[str]:
    """One phrase each: whose names, what was adapted, converted, left at random, and left out."""
    found = []
    if report.get("names"):
        found.append(f"names as {report['names']} writes them")
    found += _adapted(report.get("adapted") or {})
    for kind, count in (report.get("converted") or {}).items():
        found.append(f"converted from {kind}: {words.count(count, 'weight')}")
    random = [one for one in report.get("layers") or () if one["new"] and one["layer"] != "heads"]
    if random:
        listed = [f"{one['layer']} ({words.share(1 - one['share'])})" for one in random]
        found.append(f"left at random: {_few(listed)}")
    left = [name for name, why in (report.get("skipped") or {}).items() if not why.startswith("a head ")]
    if left:
        found.append(f"left out of the file: {_few(left)}")
    return found


def _adapted(adapted: Mapping[str, str]) -> list[str]:
    """Each way of adapting, with the weights that it was done to."""
    by_way: dict[str, list[str]] = defaultdict(list)
    for name, how in adapted.items():
        if not name.startswith("heads."):
            by_way[how].append(name.removeprefix("encoder."))
    return [f"{how}: {_few(names)}" for how, names in by_way.items()]


def _few(names: Sequence[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
